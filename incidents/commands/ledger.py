"""What one transaction changes, gathered in memory and written in a few statements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Executable, delete, inspect, select, tuple_, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import SYSTEM
from incidents import clocks
from incidents.clocks import Clock, Kind
from incidents.lifecycle import Tell, What
from incidents.queries import Clocks
from incidents.records import AlertRecord, NoteRecord
from incidents.tables import Incident, IncidentAlert, SlaClock, SlaInterval, TimelineNote
from kit import live
from kit.db import Base, table_of
from kit.kept import Asked, keep
from kit.rows import Given
from kit.sql import written_out
from notifications.schemas import Promise, Reachable

MOVING = (
    "title",
    "priority",
    "status",
    "gathers",
    "acknowledged_at",
    "acknowledged_by",
    "resolved_at",
    "resolved_by",
    "last_alert_at",
    "recovered_at",
    "resolve_at",
    "step",
    "round",
    "next_step_at",
    "retriggers",
    "waits_for",
    "needs_admin",
)
"""The columns of an incident that change after it opened."""
Written = tuple[tuple[Given, ...], Executable]
"""The rows that a statement takes, and the statement."""


@dataclass
class Ledger:
    """Changes that stand or fall together; `write` sends them, `promises` are for the caller."""

    now: datetime
    opened: list[Incident] = field(default_factory=list)
    moved: dict[UUID, Incident] = field(default_factory=dict)
    alerts: dict[tuple[UUID, UUID], AlertRecord] = field(default_factory=dict)
    notes: list[NoteRecord] = field(default_factory=list)
    clocks: dict[tuple[UUID, Kind], SlaClock] = field(default_factory=dict)
    intervals: list[SlaInterval] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def note(
        self,
        incident: Incident,
        what: What,
        *,
        who: str = SYSTEM.name,
        **facts: object,
    ) -> None:
        """Add a line to the story of an incident."""
        self.notes.append(NoteRecord(incident.id, self.now, who, what, facts))
        if incident.number is not None:
            self.touched.add(incident.number)

    def promise(
        self,
        incident: Incident,
        tell: Tell,
        people: Iterable[tuple[str, Sequence[Reachable]]],
        *,
        label: str,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Promise each of `people` the event; `label` makes the key, so twice is once."""
        seen: Counter[str] = Counter()
        for person, contacts in people:
            seen[person] += 1  # somebody may be owed the same word at two contacts
            again = f"#{seen[person]}" if seen[person] > 1 else ""
            self.promises.append(
                Promise(
                    key=f"{incident.id}:{tell}:{label}:{person}{again}",
                    client=incident.client,
                    about=incident.id,
                    event=tell.value,
                    priority=incident.priority.rank,
                    person=person,
                    contacts=tuple(contacts),
                    facts=facts or {},
                )
            )

    def keep(self, incident: Incident, kind: Kind, clock: Clock, *, told: int) -> None:
        """Write down a clock as it is now, in place of what was there."""
        view = clocks.view(clock, now=self.now)
        self.clocks[incident.id, kind] = SlaClock(
            incident_id=incident.id,
            kind=kind,
            zone=clock.zone,
            goals=[
                {
                    "at": goal.at.isoformat(),
                    "limit_ms": goal.limit // timedelta(milliseconds=1),
                    "hours": goal.hours.value,
                    "priority": goal.priority,
                }
                for goal in clock.goals
            ],
            told=told,
            next_mark_at=clocks.next_mark_at(clock, told=told, now=self.now),
            due_at=view.due_at,
            met_at=view.met_at,
            breached_at=view.breached_at,
        )
        self.intervals = [
            row for row in self.intervals if (row.incident_id, row.kind) != (incident.id, kind)
        ]
        self.intervals += [
            SlaInterval(id=uuid4(), incident_id=incident.id, kind=kind, **vars(interval))
            for interval in clock.intervals
        ]

    def adopt(self, tx: AsyncSession, incidents: Iterable[Incident]) -> None:
        """Take rows that are locked out of the session: they are written as one statement."""
        for incident in incidents:
            tx.expunge(incident)
            self.moved[incident.id] = incident

    def stop(self, incident: Incident, held: Clocks, *kinds: Kind) -> None:
        """End those clocks of an incident that still go."""
        for kind in kinds:
            clock, told = held[kind]
            if clock.ended_at is None:
                self.keep(incident, kind, clocks.stopped(clock, at=self.now), told=told)

    async def write(self, tx: AsyncSession) -> None:
        """Send everything; one statement for each kind of row, whatever their number."""
        await _move(tx, list(self.moved.values()))  # first: an old one lets go of its place
        tx.add_all(self.opened)
        await tx.flush()
        await _insert(tx, IncidentAlert, list(self.alerts.values()), replacing=True)
        await self._write_clocks(tx)
        await _insert(tx, TimelineNote, self.notes)
        numbers = self.touched | {i.number for i in (*self.opened, *self.moved.values())}
        if numbers:
            live.announce(tx, *(live.incident(number) for number in numbers), live.BOARD)

    async def _write_clocks(self, tx: AsyncSession) -> None:
        """Write clocks with all of their intervals, in place of those that they had."""
        if self.clocks:
            (clocks, intervals), stmt = _winding()
            given = clocks.rows(list(self.clocks.values())) | intervals.rows(self.intervals)
            await tx.execute(stmt, given)


async def _move(tx: AsyncSession, rows: Sequence[Incident]) -> None:
    if not rows:
        return
    (given,), stmt = _moving()
    await tx.execute(stmt, given.rows(rows))


@cache
def _moving() -> Written:
    given = Given(*(getattr(Incident, name) for name in ("id", "version", *MOVING)))
    new, table = given.table.c, table_of(Incident)
    return (given,), (
        update(table)
        .where(table.c.id == new.id, table.c.version == new.version)
        .values({name: new[name] for name in MOVING} | {"version": table.c.version + 1})
    )


async def _insert(
    tx: AsyncSession, table: type[Base], rows: Sequence[object], *, replacing: bool = False
) -> None:
    if not rows:
        return
    (given,), stmt = _adding(table, replacing=replacing)
    await tx.execute(stmt, given.rows(rows))


@cache
def _winding() -> Written:
    clocks, put_clocks = _inserting(SlaClock, replacing=True)
    intervals, put_intervals = _inserting(SlaInterval, replacing=False)
    table, new = table_of(SlaInterval), clocks.table.c
    before = select(new.incident_id, new.kind)
    gone = delete(table).where(tuple_(table.c.incident_id, table.c.kind).in_(before))
    both = put_intervals.add_cte(put_clocks.cte("clocks"), gone.cte("gone"))
    return (clocks, intervals), written_out(both)


@cache
def _adding(table: type[Base], *, replacing: bool) -> Written:
    given, stmt = _inserting(table, replacing=replacing)
    return (given,), written_out(stmt)


def _inserting(table: type[Base], *, replacing: bool) -> tuple[Given, Insert]:
    mapper = inspect(table)
    names = [c.key for c in mapper.column_attrs if c.columns[0].identity is None]
    given = Given(*(getattr(table, name) for name in names), name=f"new_{table_of(table).name}")
    values = select(*(given.table.c[name] for name in names))
    stmt = insert(table_of(table)).from_select(names, values)
    if replacing:
        keys = [column.name for column in mapper.primary_key]
        fresh = {name: stmt.excluded[name] for name in names if name not in keys}
        stmt = stmt.on_conflict_do_update(index_elements=keys, set_=fresh)
    return given, stmt


def _of_no_rows(written: Written) -> Asked:
    parts, stmt = written
    return stmt, dict(chain.from_iterable(part.rows([]).items() for part in parts))


keep(lambda: _of_no_rows(_moving()))
keep(lambda: _of_no_rows(_winding()))
keep(lambda: _of_no_rows(_adding(IncidentAlert, replacing=True)))
keep(lambda: _of_no_rows(_adding(TimelineNote, replacing=False)))
