"""An incident as pages, mails and signed links show it: rows turned into words."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.pages.timeline import labels_of, timeline
from app.pages.views import AlertView, ClockView, IncidentView, NextStep, RowView
from app.pages.wording import reading
from app.pages.words import Words
from incidents.clocks import Kind
from incidents.content import titled
from incidents.lifecycle import OPEN, Status
from incidents.queries import Row, Shown, Standing
from incidents.records import AlertRecord
from incidents.tables import Incident
from notifications.schemas import NotificationOut
from oncall.escalation import take


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
    silent = any(alert.unknown_since and not alert.resolved_at for alert in shown.alerts)
    return IncidentView(
        **_row(shown, words, silent=silent),
        acknowledged_at=incident.acknowledged_at,
        core=system is not None and system.core,
        summary=_summary(shown, words),
        alerts=[
            _alert(alert, shown.annotations.get(alert.alert_id, {}), words)
            for alert in shown.alerts
        ],
        timeline=timeline(shown.timeline, receipts, words, now=shown.now),
        next_step=_next_step(incident, words),
        actions=actions & allowed(incident),
    )


def row(standing: Row, words: Words) -> RowView:
    """Return what one line of the board shows of an incident."""
    return RowView(**_row(standing, words, silent=standing.silent))


def _row(standing: Standing, words: Words, *, silent: bool) -> dict[str, Any]:
    incident = standing.incident
    return {
        "number": incident.number,
        "title": titled(incident.title, words.locale),
        "client_title": words.client(incident.client),
        "system_title": words.system(incident.client, incident.system),
        "priority": incident.priority.value,
        "status": incident.status.value,
        "opened_at": incident.opened_at,
        "response": _clock(standing, Kind.RESPONSE),
        "recovery": _clock(standing, Kind.RECOVERY),
        "acknowledged_by": words.person(incident.acknowledged_by),
        "resolved_at": incident.resolved_at,
        "drill": bool(incident.drill),
        "needs_admin": incident.status is Status.TRIGGERED and incident.needs_admin,
        "silent": silent and incident.status in OPEN,
    }


def allowed(incident: Incident) -> frozenset[str]:
    """Return what can be done to an incident as it stands."""
    if incident.status not in OPEN:
        again = {"reopen"} if incident.status is Status.RESOLVED else set()
        return frozenset({"note", *again})
    first = "acknowledge" if incident.status is Status.TRIGGERED else "unacknowledge"
    return frozenset({first, "escalate", "resolve", "note"})


def _clock(standing: Standing, kind: Kind) -> ClockView:
    clock, view = standing.clocks[kind], standing.clock(kind)
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
    """Return the alert that gave the incident its title in one line: how much, and where."""
    if not shown.alerts:
        return None
    named = (alert for alert in shown.alerts if alert.title == shown.incident.title)
    worst = next(named, shown.alerts[0])
    where = [" ".join(value for _, value in labels_of(worst.labels))]
    return " · ".join(part for part in (_value(worst, words), *where) if part) or None


def _value(alert: AlertRecord, words: Words) -> str | None:
    return reading(alert.value, alert.unit, words.locale)


def _alert(alert: AlertRecord, annotations: Mapping[str, str], words: Words) -> AlertView:
    over = alert.resolved_at is not None
    return AlertView(
        id=str(alert.alert_id),
        title=titled(alert.title, words.locale),
        labels=labels_of(alert.labels),
        value=_value(alert, words),
        limit=words.limits.get(alert.alert_id),
        priority=alert.priority.value,
        state="resolved" if over else "unknown" if alert.unknown_since else "firing",
        since=alert.fired_at,
        ended_at=alert.resolved_at,
        chart=words.charts.get(alert.alert_id),
        annotations=sorted(annotations.items()),
    )


def _next_step(incident: Incident, words: Words) -> NextStep | None:
    """Return whom the escalation tells next, as it would go at that moment."""
    at, roster = incident.next_step_at, words.roster
    if incident.status is not Status.TRIGGERED or at is None or roster is None:
        return None
    rank = incident.priority.rank
    taken = take(incident.steps, incident.position, priority=rank, now=at, reaches=roster.reaches)
    people = [one.person for one in roster.reach(taken.notify)]
    return NextStep(at, words.persons(people))
