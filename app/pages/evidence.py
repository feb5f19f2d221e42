"""The evidence of an incident: the alert's own samples as a chart with its limits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from access.directory import Directory
from access.web import Eyes
from alerting import queries as alerting
from alerting.evidence import evidence
from alerting.lifecycle import Level, Priority, Test
from alerting.tables import Alert
from alerting.thresholds import CompiledRule
from incidents.content import titled
from incidents.queries import Shown
from kit import charts
from kit.curves import MOST, Points
from kit.i18n import t
from kit.wording import quantity
from metrics.columns import Columns
from metrics.store import Store

BEFORE = timedelta(minutes=30)
AFTER = timedelta(minutes=5)
LONGEST = timedelta(days=7)
CHARTS_MOST = 4
DRAWN = (Test.ABOVE, Test.AT_LEAST, Test.BELOW, Test.AT_MOST)


@dataclass(frozen=True)
class Seeing:
    """Who looks, and over which time."""

    locale: str
    zone: str
    window: tuple[datetime, datetime]

    def said(self, value: float, unit: str) -> str:
        """Return an amount in words."""
        return quantity(value, unit, self.locale)


async def evidence_of(
    store: Store,
    session: AsyncSession,
    directory: Directory,
    shown: Shown,
    *,
    zone: str,
    locale: str,
) -> tuple[dict[UUID, Markup], dict[UUID, str]]:
    """Return the chart and the words for the limit of each of the gravest alerts."""
    chosen = shown.alerts[:CHARTS_MOST]
    rows = await alerting.by_id(session, [alert.alert_id for alert in chosen])
    rules = await alerting.rules_named(session, {alert.rule for alert in rows.values()})
    drawn: dict[UUID, Markup] = {}
    limits: dict[UUID, str] = {}
    for last in chosen:
        number, alert = last.alert_id, rows.get(last.alert_id)
        if alert is None:
            continue
        rule = rules.get(alert.rule)
        levels = _levels(rule, directory, alert.client) if rule else {}
        unit = rule.spec.unit if rule else ""
        seeing = Seeing(locale, zone, _window(shown, last.fired_at, levels))
        level = (
            _broken(levels, last.value) if last.resolved_at is None else levels.get(last.priority)
        )
        if level is not None and level.test in DRAWN:
            limits[number] = seeing.said(level.limit, unit)
        start, end = seeing.window
        seen = await evidence(store, alert, now=end, length=end - start)
        if len(seen.times):
            title = titled(rule.spec.title, locale) if rule else alert.rule
            drawn[number] = _chart(seen, title, levels, unit, seeing)
    return drawn, limits


async def chart_of(
    store: Store,
    alert: Alert,
    levels: Mapping[Priority, Level],
    reader: Eyes,
    *,
    now: datetime,
    length: timedelta,
) -> Markup | None:
    """Return what an alert's expression gave over the last time, None for nothing."""
    seen = await evidence(store, alert, now=now, length=length)
    if not len(seen.times):
        return None
    seeing = Seeing(reader.locale, reader.zone, (now - length, now))
    return _chart(seen, titled(alert.title, reader.locale), levels, alert.unit, seeing)


def _levels(rule: CompiledRule, directory: Directory, client: str) -> Mapping[Priority, Level]:
    ladder = rule.terms(directory.clients.get(client)).ladder
    return ladder.levels if ladder else {}


def _broken(levels: Mapping[Priority, Level], value: float | None) -> Level | None:
    """Return the gravest level that the value breaks; none where only silence made it grave."""
    drawn = (level for _, level in sorted(levels.items()) if level.test in DRAWN)
    return next((level for level in drawn if value is not None and level.holds(value)), None)


def _window(
    shown: Shown, fired_at: datetime, levels: Mapping[Priority, Level]
) -> tuple[datetime, datetime]:
    """Return from when to when: some time before the limit was crossed, which a level waits for."""
    incident = shown.incident
    end = min(shown.now, (incident.resolved_at or shown.now) + AFTER)
    held = max((level.hold for level in levels.values()), default=timedelta())
    begun = min(incident.opened_at, fired_at) - held - BEFORE
    return max(begun, end - LONGEST), end


def _chart(
    seen: Columns, title: str, levels: Mapping[Priority, Level], unit: str, seeing: Seeing
) -> Markup:
    newest = seeing.said(float(seen.values[-1]), unit)
    gravest = min(levels, default=None)
    limit = seeing.said(levels[gravest].limit, unit) if gravest else "–"
    return charts.line(
        Points(seen.times, seen.values),
        title=title,
        text=t("alert.chart", seeing.locale, title=title, value=newest, limit=limit),
        zone=seeing.zone,
        window=seeing.window,
        limits=lines_of(levels, unit, seeing.locale),
        say=lambda value: seeing.said(value, unit),
        unit=whole(unit, float(np.abs(seen.values).max())),
    )


def whole(unit: str, most: float) -> float:
    """Return the amount that people count in: bytes in powers of 1024."""
    if not unit.startswith("bytes") or not 1024 <= most < MOST:
        return 1.0
    return 1024.0 ** int(math.log(most, 1024))


def lines_of(levels: Mapping[Priority, Level], unit: str, locale: str) -> list[charts.Limit]:
    """Return the limits of a ladder as lines, the gravest first."""
    found = []
    for priority, level in sorted(levels.items()):
        if level.test in DRAWN:
            name = t(f"priority.{priority}", locale)
            label = f"{name} {quantity(level.limit, unit, locale)}"
            above = level.test in (Test.ABOVE, Test.AT_LEAST)
            found.append(charts.Limit(level.limit, label, priority.value.lower(), above))
    return found
