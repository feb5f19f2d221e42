"""An incident as programs read it: over REST, and in what the webhook channel posts."""

from collections.abc import Mapping
from typing import Any

from incidents.clocks import Kind
from incidents.queries import Shown
from incidents.records import AlertRecord
from incidents.schemas import AlertOut, ClockOut, IncidentOut, SlaOut, TimelineOut
from incidents.tables import Incident


def titled(title: Mapping[str, str], locale: str) -> str:
    """Return a title in the language of a locale; the other one if it has none."""
    language = locale.partition("-")[0]
    return title.get(language) or next(iter(title.values()), "")


def shown_as(shown: Shown, *, locale: str | None = None, message: str | None = None) -> IncidentOut:
    """Return an incident as REST tells it, in `locale` or in the client's own."""
    incident, locale = shown.incident, locale or shown.incident.locale
    names = IncidentOut.model_fields.keys() & Incident.__table__.columns.keys()
    return IncidentOut(
        **{name: getattr(incident, name) for name in names - {"title", "sla"}},
        title=titled(incident.title, locale),
        titles=incident.title,
        sla=SlaOut(**{kind.value: ClockOut.of(shown.clock(kind)) for kind in Kind}),
        alert_count=shown.alert_count,
        alerts=[
            _alert(alert, shown.annotations.get(alert.alert_id, {}), locale)
            for alert in shown.alerts
        ],
        timeline=[
            TimelineOut.model_validate(line, from_attributes=True) for line in shown.timeline
        ],
        message=message,
    )


def _alert(alert: AlertRecord, annotations: Mapping[str, str], locale: str) -> AlertOut:
    state = "resolved" if alert.resolved_at else "unknown" if alert.unknown_since else "firing"
    return AlertOut(
        id=alert.alert_id,
        rule=alert.rule,
        title=titled(alert.title, locale),
        labels=alert.labels,
        annotations=annotations,
        priority=alert.priority,
        state=state,
        value=alert.value,
        unit=alert.unit,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        times=alert.times,
    )


def written(shown: Shown, locale: str | None = None) -> dict[str, Any]:
    """Return an incident as a payload has it, in one language: the same for all who read that."""
    return shown_as(shown, locale=locale).model_dump(mode="json", exclude={"message"})


def webhook_payload(
    incident: Mapping[str, Any],
    *,
    event: str,
    key: str,
    links: Mapping[str, str],
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the webhook channel posts of a written incident; `facts`: which clock, step."""
    return {
        **(facts or {}),
        "event": event,
        "idempotency_key": key,
        "incident": incident,
        "alerts": incident["alerts"],
        "links": dict(links),
    }
