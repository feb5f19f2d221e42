"""The incidents that alerts of the past would have opened, and who would have been told when.

Pure. The rules are those of live: the moves of an incident, what it takes in and how it is heard
of (`incidents/lifecycle.py`), the steps (`oncall/escalation.py`). Every alert is taken in at its
own time. Only the messages that call somebody are told: none of an end, none of an SLA clock.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from alerting.course import Firing
from alerting.lifecycle import Kind, Priority
from alerting.rehearsal import Would
from app.replay.nights import at_night
from incidents.lifecycle import OPEN, Move, Status, Tell, after, heard, takes_in
from metrics.promql.refusals import NotComputable
from oncall.escalation import Policy, Position, start, take
from oncall.roster import Reached, Roster
from oncall.schedule import Schedule, on_call

NOTICES_MOST = 20_000
"""Messages, and steps that reach nobody."""
ALERTS_MOST = 20_000


@dataclass(frozen=True)
class Notice:
    """One person called at one moment; `channel` is the one that is tried first."""

    at: datetime
    person: str
    channel: str
    event: Tell
    priority: Priority
    zone: str

    @property
    def night(self) -> bool:
        """Whether it is night where the person is called."""
        return at_night(self.at, self.zone)


@dataclass(frozen=True)
class Office:
    """Who is there: people as they are now, and whose turn it was by the schedules."""

    roster: Roster
    schedules: Mapping[str, Schedule]
    _known: dict[datetime, Roster] = field(default_factory=dict)

    def roster_at(self, at: datetime) -> Roster:
        """Return who could be reached at that moment."""
        if at not in self._known:
            turns = {name: tuple(on_call(plan, at)) for name, plan in self.schedules.items()}
            self._known[at] = replace(self.roster, on_call=turns)
        return self._known[at]

    def zone_of(self, person: str, targets: Sequence[str], roster: Roster, *, else_: str) -> str:
        """Return the zone of the schedule through which somebody is called, or the other one."""
        for target in targets:
            kind, _, name = target.partition(":")
            if kind == "schedule" and person in roster.people([target]):
                return self.schedules[name].timezone
        return else_


@dataclass(frozen=True)
class Settled:
    """What is agreed: the policy and the zone of a client's system, and the waits.

    `acknowledge_after` None: as if nobody acknowledged; else one of those told last does
    it, so long after the first message.
    """

    policy: Callable[[str, str], Policy]
    zone: Callable[[str], str]
    resolve_after: timedelta
    acknowledge_after: timedelta | None = None


@dataclass(frozen=True)
class Happened:
    """One move of an alert, which is known by its number."""

    at: datetime
    alert: int
    kind: Kind
    priority: Priority


@dataclass
class Folder:
    """An incident on its way; `open_alerts` are those that have not ended."""

    client: str
    system: str
    opened_at: datetime
    policy: Policy
    zone: str
    position: Position
    last_alert_at: datetime
    priority: Priority = Priority.P4
    status: Status = Status.TRIGGERED
    alerts: set[int] = field(default_factory=set)
    open_alerts: set[int] = field(default_factory=set)
    owner: str | None = None
    acknowledge_at: datetime | None = None
    resolve_at: datetime | None = None
    resolved_at: datetime | None = None
    notices: list[Notice] = field(default_factory=list)

    @property
    def due_at(self) -> datetime | None:
        """When the next step is due; while somebody has the incident, none is."""
        return None if self.status is Status.ACKNOWLEDGED else self.position.due_at


@dataclass
class Telling:
    """The incidents of all clients, led from one move of alerts to the next."""

    office: Office
    settled: Settled
    folders: list[Folder] = field(default_factory=list)
    _gathering: dict[tuple[str, str], Folder] = field(default_factory=dict)
    _homes: dict[int, Folder] = field(default_factory=dict)
    _open: list[Folder] = field(default_factory=list)
    _told: int = 0

    def lead(self, found: Sequence[Would], end: datetime) -> list[Folder]:
        """Return the incidents these alerts would have opened, as they stand at the end."""
        for at, together in groupby(happened(found), key=lambda one: one.at):
            self._pass(at)
            self._take(list(together), found, at)
        self._pass(end + timedelta(microseconds=1))
        return self.folders

    def _pass(self, before: datetime) -> None:
        self._open = [folder for folder in self._open if folder.status in OPEN]
        for folder in self._open:
            while folder.status in OPEN and (moment := _next(folder)) and moment < before:
                self._due(folder, moment)

    def _due(self, folder: Folder, at: datetime) -> None:
        if folder.acknowledge_at == at:
            folder.acknowledge_at = None
            folder.status = after(folder.status, Move.ACKNOWLEDGE)
            folder.owner = folder.notices[-1].person
        elif folder.due_at == at:
            self._step(folder, at, Tell.ESCALATED)
        else:
            folder.status = after(folder.status, Move.RESOLVE)
            folder.resolved_at = at

    def _take(self, moves: Sequence[Happened], found: Sequence[Would], at: datetime) -> None:
        calls: dict[int, tuple[Folder, list[Happened], set[int]]] = {}
        ended: list[Folder] = []
        for move in moves:
            if move.kind is Kind.FIRED:
                folder, fresh = self._join(move, found[move.alert], at)
            else:
                folder, fresh = self._homes[move.alert], False
            if move.kind in (Kind.FIRED, Kind.RAISED):
                _, called, new = calls.setdefault(id(folder), (folder, [], set()))
                called.append(move)
                new |= {move.alert} if fresh else set()
            elif move.kind is Kind.RESOLVED:
                folder.open_alerts.discard(move.alert)
                ended.append(folder)
        for folder, called, new in calls.values():
            self._called(folder, min(one.priority for one in called), fresh=bool(new), at=at)
        for folder in ended:
            if not folder.open_alerts and id(folder) not in calls:
                folder.resolve_at = at + self.settled.resolve_after

    def _join(self, move: Happened, would: Would, at: datetime) -> tuple[Folder, bool]:
        place = would.client, would.system
        folder = self._gathering.get(place)
        if folder is None or folder.status not in OPEN or not takes_in(folder.last_alert_at, at=at):
            policy, zone = self.settled.policy(*place), self.settled.zone(would.client)
            folder = Folder(*place, at, policy, zone, start(at), at)
            self._gathering[place] = folder
            self.folders.append(folder)
            self._open.append(folder)
        fresh = move.alert not in folder.alerts or folder.resolve_at is not None
        folder.alerts.add(move.alert)
        folder.open_alerts.add(move.alert)
        folder.last_alert_at = at
        self._homes[move.alert] = folder
        return folder, fresh

    def _called(self, folder: Folder, gravest: Priority, *, fresh: bool, at: datetime) -> None:
        folder.resolve_at = None
        if not folder.notices and folder.opened_at == at:
            folder.priority = gravest
            self._step(folder, at, Tell.TRIGGERED)
            return
        tell = heard(folder.status, folder.priority, gravest, fresh=fresh)
        if tell is Tell.RAISED:
            folder.priority = gravest
            folder.status = after(folder.status, Move.RAISE)
            folder.position, folder.owner, folder.acknowledge_at = start(at), None, None
            self._step(folder, at, Tell.RAISED)
        elif tell is Tell.TRIGGERED:
            target = [f"person:{folder.owner}"]
            self._tell(folder, self.office.roster_at(at).reach(target), target, at, Tell.TRIGGERED)

    def _step(self, folder: Folder, at: datetime, event: Tell) -> None:
        roster = self.office.roster_at(at)
        taken = take(
            folder.policy,
            folder.position,
            priority=folder.priority.rank,
            now=at,
            reaches=roster.reaches,
        )
        folder.position = taken.position
        self._tell(folder, roster.reach(taken.notify), taken.notify, at, event)

    def _tell(
        self,
        folder: Folder,
        reached: Sequence[Reached],
        targets: Sequence[str],
        at: datetime,
        event: Tell,
    ) -> None:
        roster = self.office.roster_at(at)
        for one in reached:
            zone = self.office.zone_of(one.person, targets, roster, else_=folder.zone)
            channel = one.contacts[0].channel
            folder.notices.append(Notice(at, one.person, channel, event, folder.priority, zone))
        self._told += max(len(reached), 1)
        if self._told > NOTICES_MOST:
            raise NotComputable(
                "more than {most} messages: choose a shorter time, or say when somebody answers",
                most=NOTICES_MOST,
            )
        wait = self.settled.acknowledge_after
        waiting = folder.status is Status.TRIGGERED and folder.acknowledge_at is None
        if reached and wait is not None and waiting:
            folder.acknowledge_at = at + wait


def happened(found: Sequence[Would]) -> list[Happened]:
    """Return every move of these alerts in the order of time; too many are refused."""
    if sum(len(would.firings) for would in found) > ALERTS_MOST:
        raise NotComputable(
            "more than {most} alerts: choose a shorter time or fewer series", most=ALERTS_MOST
        )
    moves = [
        move
        for number, would in enumerate(found)
        for firing in would.firings
        for move in _moves(number, firing)
    ]
    return sorted(moves, key=lambda move: move.at)


def _moves(number: int, firing: Firing) -> Iterator[Happened]:
    before: Priority | None = None
    for at, priority in firing.moves:
        kind = Kind.FIRED
        if before is not None:
            kind = Kind.RAISED if priority < before else Kind.FELL
        yield Happened(at, number, kind, priority)
        before = priority
    if firing.until is not None and before is not None:
        yield Happened(firing.until, number, Kind.RESOLVED, before)


def _next(folder: Folder) -> datetime | None:
    moments = (folder.acknowledge_at, folder.due_at, folder.resolve_at)
    return min((moment for moment in moments if moment is not None), default=None)
