"""An incident as pages, mails and signed links show it: rows turned into words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from markupsafe import Markup

from access.directory import Directory
from app.pages.views import (
    AlertView,
    ClockView,
    IncidentView,
    NextStep,
    ReceiptView,
    TimelineLine,
)
from app.pages.wording import channel_title, timeline_text
from incidents.clocks import Kind
from incidents.content import titled
from incidents.lifecycle import OPEN, Status, What
from incidents.queries import Shown
from incidents.tables import Incident, IncidentAlert, TimelineNote
from kit.wording import quantity
from notifications.lifecycle import Status as Sending
from notifications.schemas import NotificationOut
from oncall.escalation import advance

LABELS_OF_EVERYBODY = frozenset({"__name__", "client", "job", "system", "drill"})
STATES = {
    Sending.DUE: "waiting",
    Sending.SENDING: "waiting",
    Sending.SENT: "sent",
    Sending.FAILED: "failed",
    Sending.CANCELLED: "cancelled",
}
KINDS = {
    What.ALERT_RAISED: "raised",
    What.OWNER_TOLD: "notified",
    What.NOTIFICATION_FAILED: "delivery_failed",
    What.EXHAUSTED: "nobody_reached",
    What.RECOVERED: "alert_resolved",
    What.ALERT_KNOWN: "alert_unknown",
    What.CLOCK_PAUSED: "sla_at_risk",
    What.CLOCK_RESUMED: "sla_at_risk",
    What.TIME_EXCLUDED: "sla_at_risk",
}
"""The mark of a line where it is not called like what it tells."""


@dataclass(frozen=True)
class Words:
    """In which language, and who and what the names stand for."""

    locale: str
    directory: Directory
    people: Mapping[str, str]
    charts: Mapping[UUID, Markup] = field(default_factory=dict)
    limits: Mapping[UUID, str] = field(default_factory=dict)

    def person(self, name: str | None) -> str | None:
        """Return how a person is called."""
        return None if name is None else self.people.get(name, name)

    def client(self, name: str) -> str:
        """Return how a client is called."""
        known = self.directory.clients.get(name)
        return known.title if known else name

    def system(self, client: str, name: str) -> str | None:
        """Return how a system is called; None for no system."""
        known = self.directory.system(client, name)
        return known.title if known else (name or None)


def seen(
    shown: Shown,
    words: Words,
    *,
    receipts: Sequence[NotificationOut] = (),
    actions: frozenset[str] = frozenset(),
) -> IncidentView:
    """Return what a template shows of an incident."""
    incident = shown.incident
    system = words.directory.system(incident.client, incident.system)
    return IncidentView(
        number=incident.number,
        title=titled(incident.title, words.locale),
        client_title=words.client(incident.client),
        system_title=words.system(incident.client, incident.system),
        priority=incident.priority.value,
        status=incident.status.value,
        opened_at=incident.opened_at,
        response=_clock(shown, Kind.RESPONSE),
        recovery=_clock(shown, Kind.RECOVERY),
        acknowledged_by=words.person(incident.acknowledged_by),
        acknowledged_at=incident.acknowledged_at,
        resolved_at=incident.resolved_at,
        drill=bool(incident.drill),
        core=system is not None and system.core,
        summary=_summary(shown, words),
        alerts=[_alert(alert, words) for alert in shown.alerts],
        timeline=timeline(shown.timeline, receipts, words),
        next_step=_next_step(incident, words),
        actions=actions & allowed(incident),
    )


def allowed(incident: Incident) -> frozenset[str]:
    """Return what can be done to an incident as it stands."""
    if incident.status not in OPEN:
        return frozenset({"note", "reopen"})
    first = "acknowledge" if incident.status is Status.TRIGGERED else "unacknowledge"
    return frozenset({first, "escalate", "resolve", "note"})


def _clock(shown: Shown, kind: Kind) -> ClockView:
    clock, view = shown.clocks[kind], shown.clock(kind)
    return ClockView(
        kind=kind.value,
        state=view.state.value,
        limit=view.limit,
        elapsed=view.elapsed,
        due_at=view.due_at,
        started_at=clock.goals[0].at,
        ended_at=view.met_at,
        reason=clock.last.reason,
    )


def _summary(shown: Shown, words: Words) -> str | None:
    if not shown.alerts:
        return None
    worst = shown.alerts[0]
    parts = [_value(worst, words), " ".join(value for _, value in _labels(worst))]
    return " · ".join(part for part in parts if part) or None


def _value(alert: IncidentAlert, words: Words) -> str | None:
    return None if alert.value is None else quantity(alert.value, alert.unit, words.locale)


def _labels(alert: IncidentAlert) -> list[tuple[str, str]]:
    return sorted((k, v) for k, v in alert.labels.items() if k not in LABELS_OF_EVERYBODY)


def _alert(alert: IncidentAlert, words: Words) -> AlertView:
    over = alert.resolved_at is not None
    return AlertView(
        id=str(alert.alert_id),
        title=titled(alert.title, words.locale),
        labels=_labels(alert),
        value=_value(alert, words),
        limit=words.limits.get(alert.alert_id),
        priority=alert.priority.value,
        state="resolved" if over else "unknown" if alert.unknown_since else "firing",
        since=alert.fired_at,
        ended_at=alert.resolved_at,
        chart=words.charts.get(alert.alert_id),
    )


def _next_step(incident: Incident, words: Words) -> NextStep | None:
    if incident.status is not Status.TRIGGERED or incident.next_step_at is None:
        return None
    at = incident.next_step_at
    _, targets, _ = advance(
        incident.steps, incident.position, priority=incident.priority.rank, now=at
    )
    named = [target.partition(":")[2] for target in targets]
    return NextStep(at, [words.person(name) or name for name in named])


def timeline(
    lines: Sequence[TimelineNote], receipts: Sequence[NotificationOut], words: Words
) -> list[TimelineLine]:
    """Return the story, newest first; receipts stand under the line that promised them."""
    promised = _by_moment(receipts)
    return [
        TimelineLine(
            id=str(line.id),
            at=line.at,
            kind=_kind(line),
            text=_text(line, words),
            who=words.person(line.who),
            receipts=[_receipt(one, words) for one in promised.get(_event(line), ())],
        )
        for line in reversed(lines)
    ]


Event = tuple[str, str]


def _by_moment(receipts: Sequence[NotificationOut]) -> dict[Event, list[NotificationOut]]:
    found: dict[Event, list[NotificationOut]] = {}
    for one in receipts:
        found.setdefault((one.event, one.created_at.isoformat()), []).append(one)
    return found


def _event(line: TimelineNote) -> Event:
    told = line.facts.get("event") or {
        What.OWNER_TOLD: "triggered",
        What.ACKNOWLEDGED: "acknowledged",
        What.RESOLVED: "resolved",
        What.SLA_AT_RISK: "sla_at_risk",
        What.SLA_BREACHED: "sla_breached",
    }.get(line.what, "")
    return str(told), line.at.isoformat()


def _receipt(one: NotificationOut, words: Words) -> ReceiptView:
    held = one.status is Sending.DUE and one.held_reason is not None
    return ReceiptView(
        person=words.person(one.person) or one.person,
        channel=channel_title(one.channel, words.locale),
        state="held" if held else STATES[one.status],
        at=one.sent_at or one.created_at,
        error=one.last_error if one.status is not Sending.SENT else None,
    )


def _kind(line: TimelineNote) -> str:
    if line.what is What.ESCALATED and line.facts.get("event") != "escalated":
        return "notified"
    return KINDS.get(line.what, line.what.value)


def _text(line: TimelineNote, words: Words) -> str:
    facts = dict(line.facts)
    title = facts.get("title")
    if isinstance(title, Mapping):
        facts["alert"] = titled(title, words.locale)
    if "people" in facts:
        facts["people"] = [words.person(name) or name for name in facts["people"] if name]
    if "person" in facts:
        facts["person"] = words.person(facts["person"])
    facts |= {"before": facts.get("priority_before"), "error": facts.get("why")}
    what = line.what.value
    if line.what is What.ESCALATED and facts.get("event") != "escalated":
        what = "told"
    by = None if line.who == "langyan" else words.person(line.who)
    return timeline_text(what, facts, locale=words.locale, who=by)
