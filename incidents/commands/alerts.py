"""What alerts do to incidents: open one, join, raise, calm down. A batch is a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alerting.lifecycle import Kind as Change
from alerting.lifecycle import Priority
from alerting.schemas import Transition
from incidents import queries
from incidents.commands.ledger import Ledger
from incidents.commands.opening import opened, raise_clocks, start_clocks
from incidents.commands.escalation import restart, take_step, ways
from incidents.lifecycle import Move, Status, Tell, What, after, takes_in
from incidents.tables import Incident, IncidentAlert
from notifications.schemas import Promise
from oncall import queries as oncall
from oncall.roster import Roster

RESOLVE_AFTER = timedelta(minutes=1)
LINES = {
    Change.FIRED: What.ALERT_JOINED,
    Change.RAISED: What.ALERT_RAISED,
    Change.FELL: What.ALERT_FELL,
    Change.RESOLVED: What.ALERT_RESOLVED,
    Change.UNKNOWN: What.ALERT_UNKNOWN,
    Change.KNOWN: What.ALERT_KNOWN,
}


@dataclass
class Folder:
    """An incident and its alerts, with what this batch adds: `calls` ask for somebody."""

    incident: Incident
    new: bool = False
    alerts: dict[UUID, IncidentAlert] = field(default_factory=dict)
    calls: list[Transition] = field(default_factory=list)
    fresh: list[IncidentAlert] = field(default_factory=list)
    calmed: bool = False

    @property
    def gravest(self) -> Transition:
        """The call that gives the incident its priority and its title."""
        return min(self.calls, key=_priority)

    @property
    def over(self) -> bool:
        """Whether every alert is resolved."""
        return all(alert.resolved_at for alert in self.alerts.values())


def _priority(transition: Transition) -> Priority:
    return transition.priority or transition.priority_before or Priority.P4


async def follow(
    tx: AsyncSession,
    client: str,
    transitions: Sequence[Transition],
    *,
    now: datetime,
    resolve_after: timedelta = RESOLVE_AFTER,
) -> list[Promise]:
    """Bring a client's incidents to what its alerts now say; return what people are owed.

    The caller holds the lock of the client, so that two batches cannot both open an incident.
    """
    if not transitions:
        return []
    ledger = Ledger(now)
    desk = await _laid_out(tx, client, transitions, now=now)
    for transition in transitions:
        _put(desk, ledger, transition, now=now)
    await _settle(tx, desk, ledger, client, resolve_after=resolve_after)
    await ledger.write(tx)
    return ledger.promises


@dataclass
class Desk:
    """The folders that a batch may touch; `gathering` has those that take alerts in."""

    client: str
    folders: list[Folder]
    gathering: dict[tuple[str, str], Folder]
    stale: list[Incident] = field(default_factory=list)
    homes: dict[UUID, list[Folder]] = field(default_factory=dict)


async def _laid_out(
    tx: AsyncSession, client: str, transitions: Sequence[Transition], *, now: datetime
) -> Desk:
    ids = [transition.alert_id for transition in transitions]
    places = {(transition.system, transition.drill) for transition in transitions}
    rows = await queries.concerned(tx, client, places=places, alerts=ids)
    for row in rows:
        tx.expunge(row)
    folders = {row.id: Folder(row) for row in rows}
    desk = Desk(client, list(folders.values()), {})
    for alert in await queries.alerts_of(tx, folders, alerts=ids):
        folder = folders[alert.incident_id]
        folder.alerts[alert.alert_id] = alert
        if alert.resolved_at is None:
            desk.homes.setdefault(alert.alert_id, []).append(folder)
    for folder in desk.folders:
        incident = folder.incident
        if incident.open and incident.gathers:
            desk.gathering[incident.system, incident.drill] = folder
    return desk


def _put(desk: Desk, ledger: Ledger, transition: Transition, *, now: datetime) -> None:
    homes = desk.homes.get(transition.alert_id, [])
    open_ = [folder for folder in homes if folder.incident.open]
    if transition.kind is Change.FIRED or (transition.kind is Change.RAISED and not open_):
        _join(_taking_in(desk, transition, now=now), ledger, transition, now=now)
        return
    for folder in homes:
        _tell_apart(folder, ledger, transition)
    if transition.kind is Change.RAISED:
        newest = max(open_, key=lambda folder: folder.incident.opened_at)
        newest.calls.append(transition)


def _taking_in(desk: Desk, transition: Transition, *, now: datetime) -> Folder:
    place = transition.system, transition.drill
    folder = desk.gathering.get(place)
    if folder and (folder.new or takes_in(folder.incident.last_alert_at, at=now)):
        return folder
    if folder:
        folder.incident.gathers = False
        desk.stale.append(folder.incident)
    fresh = Folder(opened(desk.client, place, now=now), new=True)
    desk.gathering[place] = fresh
    desk.folders.append(fresh)
    return fresh


def _join(folder: Folder, ledger: Ledger, transition: Transition, *, now: datetime) -> None:
    known = folder.alerts.get(transition.alert_id)
    alert = IncidentAlert(
        incident_id=folder.incident.id,
        alert_id=transition.alert_id,
        rule=transition.rule,
        title=dict(transition.title),
        labels=dict(transition.labels),
        priority=_priority(transition),
        value=transition.value,
        unit=transition.unit,
        fired_at=transition.at,
        times=known.times + 1 if known else 1,
    )
    first = folder.new and not folder.alerts
    folder.alerts[alert.alert_id] = alert
    ledger.alerts[folder.incident.id, alert.alert_id] = alert
    folder.calls.append(transition)
    if known is None or folder.incident.recovered_at:
        folder.fresh.append(alert)
    folder.incident.last_alert_at = now
    what = What.OPENED if first else What.ALERT_JOINED
    ledger.note(folder.incident, what, **_facts(transition))


def _tell_apart(folder: Folder, ledger: Ledger, transition: Transition) -> None:
    """Bring one alert of an incident to what the transition says of it."""
    known = folder.alerts[transition.alert_id]
    kind, at = transition.kind, transition.at
    resolved_at = at if kind is Change.RESOLVED else None
    unknown_since = known.unknown_since
    if kind is not Change.FELL:
        unknown_since = at if kind is Change.UNKNOWN else None
    alert = IncidentAlert(
        **{name: getattr(known, name) for name in queries.ALERT_COLUMNS}
        | {
            "priority": transition.priority or known.priority,
            "value": transition.value if transition.value is not None else known.value,
            "resolved_at": resolved_at,
            "unknown_since": unknown_since,
        }
    )
    folder.alerts[alert.alert_id] = alert
    folder.calmed |= kind is Change.RESOLVED
    ledger.alerts[folder.incident.id, alert.alert_id] = alert
    ledger.note(folder.incident, LINES[kind], **_facts(transition))


def _facts(transition: Transition) -> dict[str, Any]:
    return {
        "alert": str(transition.alert_id),
        "rule": transition.rule,
        "title": dict(transition.title),
        "labels": dict(transition.labels),
        "priority": transition.priority,
        "priority_before": transition.priority_before,
        "value": transition.value,
        "unit": transition.unit,
        "at": transition.at.isoformat(),
    }
