"""The evidence of an incident: the alert's own samples as a chart with its limits."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from alerting import evidence as alerting
from alerting.evidence import Evidence
from incidents.content import titled
from incidents.queries import Shown
from kit import charts
from kit.i18n import t
from kit.wording import quantity
from metrics.store import Store

BEFORE = timedelta(minutes=30)
LONGEST = timedelta(hours=6)
CHARTS_MOST = 4


async def evidence_of(
    store: Store, session: AsyncSession, shown: Shown, *, zone: str, locale: str
) -> tuple[dict[UUID, Markup], dict[UUID, str]]:
    """Return the chart and the words for the limit of each of the gravest alerts."""
    drawn: dict[UUID, Markup] = {}
    limits: dict[UUID, str] = {}
    window = _window(shown)
    chosen = shown.alerts[:CHARTS_MOST]
    for alert in chosen:
        found = await alerting.evidence(store, session, alert.alert_id, *window)
        if found is None:
            continue
        title = titled(alert.title, locale)
        limit = _limit(found, alert.priority.value, locale)
        if limit:
            limits[alert.alert_id] = limit
        if len(found.times):
            drawn[alert.alert_id] = _chart(found, title, limit, zone, locale, window)
    return drawn, limits


def _window(shown: Shown) -> tuple[datetime, datetime]:
    incident = shown.incident
    end = min(shown.now, (incident.resolved_at or shown.now) + timedelta(minutes=5))
    return max(incident.opened_at - BEFORE, end - LONGEST), end


def _limit(found: Evidence, priority: str, locale: str) -> str | None:
    known = dict(found.limits)
    return quantity(known[priority], found.unit, locale) if priority in known else None


def _chart(
    found: Evidence,
    title: str,
    limit: str | None,
    zone: str,
    locale: str,
    window: tuple[datetime, datetime],
) -> Markup:
    def say(value: float) -> str:
        return quantity(value, found.unit, locale)

    newest = say(float(found.values[-1]))
    return charts.line(
        charts.Points(found.times, found.values),
        title=title,
        text=t("alert.chart", locale, title=title, value=newest, limit=limit or "–"),
        zone=zone,
        window=window,
        limits=list(_lines(found, locale)),
        say=say,
    )


def _lines(found: Evidence, locale: str) -> Iterable[charts.Limit]:
    for priority, value in found.limits:
        label = f"{t(f'priority.{priority}', locale)} {quantity(value, found.unit, locale)}"
        yield charts.Limit(value, label, priority.lower(), above=found.above)
