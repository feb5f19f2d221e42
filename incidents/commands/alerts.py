"""What alerts do to incidents: open one, join, raise, calm down. A batch is a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alerting.lifecycle import Kind as Change
from alerting.lifecycle import Priority
from alerting.schemas import Transition
from incidents import queries
from incidents.commands.escalation import restart, step_now, take_step, ways
from incidents.commands.ledger import Ledger
from incidents.commands.opening import agree, opened, raise_clocks, start_clocks, titled
from incidents.lifecycle import Move, Tell, What, after, heard, takes_in
from incidents.records import AlertRecord
from incidents.tables import Incident
from kit.slices import sliced
from notifications.schemas import Promise
from oncall import queries as oncall
from oncall.roster import Roster

RESOLVE_AFTER = timedelta(minutes=1)
LINES = {
    Change.FIRED: What.JOINED,
    Change.RAISED: What.ALERT_RAISED,
    Change.FELL: What.FELL,
    Change.RESOLVED: What.ALERT_RESOLVED,
    Change.UNKNOWN: What.ALERT_UNKNOWN,
    Change.KNOWN: What.ALERT_KNOWN,
}


class _Same(NamedTuple):
    """What the timeline says of an alert; of a batch, all alerts of which it is true share a line.

    `silent`: it had no value.
    """

    what: What
    rule: str
    priority: Priority | None
    before: Priority | None
    silent: bool


@dataclass
class Folder:
    """An incident, its alerts of this batch, and what the batch adds: `calls` ask for somebody.

    `others`: some alert that is not of this batch has not ended. `lines` are for the timeline.
    """

    incident: Incident
    others: bool = False
    new: bool = False
    alerts: dict[UUID, AlertRecord] = field(default_factory=dict)
    calls: list[Transition] = field(default_factory=list)
    fresh: list[AlertRecord] = field(default_factory=list)
    calmed: bool = False
    lines: dict[_Same, list[Transition]] = field(default_factory=dict)

    def tell(self, what: What, of: Transition) -> None:
        """Have the timeline tell what became of an alert."""
        line = _Same(what, of.rule, of.priority, of.priority_before, silent=of.value is None)
        self.lines.setdefault(line, []).append(of)

    @property
    def gravest(self) -> Transition:
        """The call that gives the incident its priority and its title."""
        return min(self.calls, key=_priority)

    @property
    def over(self) -> bool:
        """Whether every alert is resolved."""
        return not self.others and all(alert.resolved_at for alert in self.alerts.values())


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
    async for transition in sliced(transitions):
        _put(desk, ledger, transition, now=now)
    for folder in desk.folders:
        _write_lines(folder, ledger)
    await _settle(tx, desk, ledger, resolve_after=resolve_after)
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
    folders = {row.id: Folder(row, others) for row, others in rows}
    desk = Desk(client, list(folders.values()), {})
    async for alert in sliced(await queries.alerts_of(tx, folders, alerts=ids)):
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
    alert = AlertRecord(
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
    what = What.OPENED if first else What.JOINED
    folder.tell(what, transition)


def _tell_apart(folder: Folder, ledger: Ledger, transition: Transition) -> None:
    """Bring one alert of an incident to what the transition says of it."""
    alert, kind = folder.alerts[transition.alert_id], transition.kind
    alert.priority = transition.priority or alert.priority
    alert.value = alert.value if transition.value is None else transition.value
    if kind is Change.RESOLVED:
        alert.resolved_at = transition.at
        folder.calmed = True
    if kind in (Change.UNKNOWN, Change.KNOWN, Change.RESOLVED):
        alert.unknown_since = transition.at if kind is Change.UNKNOWN else None
    ledger.alerts[folder.incident.id, alert.alert_id] = alert
    folder.tell(LINES[kind], transition)


def _write_lines(folder: Folder, ledger: Ledger) -> None:
    for line, told in folder.lines.items():
        ledger.note(folder.incident, line.what, **_facts(told))


def _facts(told: Sequence[Transition]) -> dict[str, Any]:
    """Return what a line knows: of several alerts which they are, of one what it read, too."""
    first, *others = told
    shared = {
        "rule": first.rule,
        "title": dict(first.title),
        "priority": first.priority,
        "before": first.priority_before,
        "at": min(one.at for one in told),
    }
    if others:
        silent = {"value": None} if first.value is None else {}
        alerts = [str(one.alert_id) for one in told]
        return shared | silent | {"alerts": alerts, "count": len(alerts)}
    return shared | {
        "alert": str(first.alert_id),
        "labels": dict(first.labels),
        "value": first.value,
        "unit": first.unit,
    }


async def _settle(
    tx: AsyncSession, desk: Desk, ledger: Ledger, *, resolve_after: timedelta
) -> None:
    ledger.moved |= {incident.id: incident for incident in desk.stale}
    called = [folder for folder in desk.folders if folder.calls]
    new = [folder for folder in called if folder.new]
    known = [(folder, _heard(folder)) for folder in called if not folder.new]
    raised = [folder for folder, tell in known if tell is Tell.RAISED]
    owned = [folder for folder, tell in known if tell is Tell.TRIGGERED]
    if new:
        terms = await queries.terms(tx, desk.client, {folder.incident.system for folder in new})
    if raised:
        held = await queries.clocks(tx, [folder.incident.id for folder in raised])
    if new or raised or owned:
        roster = await oncall.roster(tx, now=ledger.now)
    for folder in new:
        _open(folder, ledger, terms=terms, roster=roster)
    for folder in raised:
        _raise(folder, ledger, held=held[folder.incident.id], roster=roster)
    for folder in owned:
        _tell_owner(folder, ledger, roster)
    for folder in desk.folders:
        _calm(folder, ledger, resolve_after=resolve_after)


def _heard(folder: Folder) -> Tell | None:
    incident, called = folder.incident, _priority(folder.gravest)
    return heard(incident.status, incident.priority, called, fresh=bool(folder.fresh))


def _open(folder: Folder, ledger: Ledger, *, terms: queries.Terms, roster: Roster) -> None:
    incident, gravest = folder.incident, folder.gravest
    incident.title = titled(gravest.title)
    incident.priority = _priority(gravest)
    agree(incident, terms, rule_escalation=gravest.escalation)
    ledger.opened.append(incident)
    start_clocks(ledger, incident)
    take_step(ledger, incident, roster, tell=Tell.TRIGGERED)


def _raise(folder: Folder, ledger: Ledger, *, held: queries.Clocks, roster: Roster) -> None:
    """Bring the graver alert before everybody again, also when somebody had the incident."""
    incident, gravest = folder.incident, folder.gravest
    ledger.note(
        incident,
        What.RAISED,
        before=incident.priority,
        priority=_priority(gravest),
        acknowledged_by=incident.acknowledged_by,
        acknowledged_at=incident.acknowledged_at,
    )
    incident.status = after(incident.status, Move.RAISE)
    incident.title, incident.priority = titled(gravest.title), _priority(gravest)
    restart(incident, now=ledger.now)
    raise_clocks(ledger, incident, held)
    take_step(ledger, incident, roster, tell=Tell.RAISED)


def _tell_owner(folder: Folder, ledger: Ledger, roster: Roster) -> None:
    incident, newest = folder.incident, folder.fresh[-1]
    owner = roster.reach([f"person:{incident.acknowledged_by}"])
    if not owner:  # a program, or somebody whom nothing reaches any more
        step_now(ledger, incident, roster, tell=Tell.TRIGGERED)
    else:
        label = f"{incident.retriggers}.joined.{newest.alert_id}.{newest.times}"
        ledger.note(incident, What.OWNER_TOLD, people=[incident.acknowledged_by])
        facts = {"joined": str(newest.alert_id)}
        ledger.promise(incident, Tell.TRIGGERED, ways(owner), label=label, facts=facts)


def _calm(folder: Folder, ledger: Ledger, *, resolve_after: timedelta) -> None:
    incident = folder.incident
    if folder.new or not incident.open:
        return
    if folder.calls:
        incident.recovered_at = incident.resolve_at = None
        ledger.moved[incident.id] = incident
    elif folder.calmed and folder.over:
        ends = [alert.resolved_at for alert in folder.alerts.values() if alert.resolved_at]
        incident.recovered_at = max(ends)
        incident.resolve_at = ledger.now + resolve_after
        ledger.note(incident, What.RECOVERED, since=incident.recovered_at)
        ledger.moved[incident.id] = incident
