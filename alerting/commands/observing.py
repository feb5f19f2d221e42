"""What is done to alerts: observe a batch, set aside what cannot be written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid4

from sqlalchemy import (
    CursorResult,
    Select,
    String,
    TextClause,
    and_,
    bindparam,
    delete,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alerting.lifecycle import START, Phase, Priority, Reading, State, after, ended, kind_of
from alerting.schemas import Key, Observation, Observed, Transition
from alerting.tables import Alert, Progress, SetAside, state_of, write_since
from kit.db import table_of
from kit.errors import Conflict
from kit.kept import keep
from kit.rows import Given, as_rows
from kit.slices import sliced
from kit.sql import written_out
from metrics.batch import Position

ERROR_MOST = 500
KEY = (Alert.client, Alert.rule, Alert.fingerprint)
WRITTEN = (
    *(Alert.id, Alert.client, Alert.system, Alert.rule, Alert.fingerprint, Alert.labels),
    *(
        Alert.annotations,
        Alert.title,
        Alert.expr,
        Alert.unit,
        Alert.drill,
        Alert.phase,
        Alert.priority,
        Alert.reached,
    ),
    *(Alert.since, Alert.clear_since, Alert.absent_since, Alert.fired_at, Alert.resolved_at),
    *(Alert.value, Alert.at, Alert.written_at, Alert.version),
)


READ = (
    *(Alert.id, Alert.rule, Alert.fingerprint, Alert.phase, Alert.priority, Alert.reached),
    *(Alert.since, Alert.clear_since, Alert.absent_since, Alert.fired_at, Alert.resolved_at),
    *(Alert.value, Alert.at, Alert.version, Alert.annotations),
)


def _locking() -> Select[Any]:
    given = SEEN.table.c
    same = and_(Alert.rule == given.rule, Alert.fingerprint == given.fingerprint)
    return (
        select(*READ)
        .join(SEEN.table, same)
        .where(Alert.client == bindparam("client", type_=String))
        .order_by(Alert.id)  # two batches that lock the same rows must do it in one order
        .with_for_update(of=Alert)
    )


@cache
def _upserting() -> TextClause:
    names = [column.key for column in WRITTEN]
    values = select(*(NEW.table.c[name] for name in names))
    upsert = insert(table_of(Alert)).from_select(names, values)
    new = upsert.excluded
    upsert = upsert.on_conflict_do_update(
        index_elements=[column.key for column in KEY],
        set_={name: new[name] for name in names if name != "id"},
        where=Alert.version == new.version - 1,
    )
    return written_out(upsert)


@cache
def _moving_on() -> TextClause:
    given = insert(table_of(Progress)).values(
        {name: bindparam(name) for name in ("client", "segment", "offset")}
    )
    new = given.excluded
    given = given.on_conflict_do_update(
        index_elements=[Progress.client],
        set_={"segment": new.segment, "offset": new.offset},
        where=tuple_(Progress.segment, Progress.offset) < tuple_(new.segment, new.offset),
    )
    return written_out(given)


SEEN, NEW = Given(Alert.rule, Alert.fingerprint), Given(*WRITTEN)
LOCKED = _locking()
keep(lambda: (LOCKED, {"client": "", **SEEN.rows([])}))
keep(lambda: (_upserting(), NEW.rows([])))


class AlertsMoved(Conflict):
    """Another transaction wrote the same alerts between our read and our write."""

    slug, title = "alerts-moved", "The alerts were changed at the same time"


class _Row(NamedTuple):
    """One alert as it will stand in the table."""

    id: UUID
    client: str
    system: str
    rule: str
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    title: Mapping[str, str]
    expr: str
    unit: str
    drill: str
    phase: Phase
    priority: Priority | None
    reached: Priority | None
    since: Mapping[str, int]
    clear_since: datetime | None
    absent_since: datetime | None
    fired_at: datetime | None
    resolved_at: datetime | None
    value: float | None
    at: datetime | None
    written_at: datetime
    version: int


def decide(state: State, seen: Observation) -> State:
    """Return the state after what was seen; a rule that is gone ends its alerts."""
    if seen.weighed and seen.weighed[0] is state:
        return seen.weighed[1]
    if seen.terms.ladder is None:
        return ended(state, at=seen.at)
    return after(state, Reading(seen.value), ladder=seen.terms.ladder, at=seen.at)


async def observe(
    tx: AsyncSession,
    client: str,
    observations: Sequence[Observation],
    *,
    position: Position | None,
    now: datetime,
) -> Observed:
    """Bring the alerts of `client` to what was seen, one observation for each at most.

    The caller holds the client's lock, or takes an `AlertsMoved` for an answer.
    """
    rows = await _locked(tx, client, observations) if observations else {}
    states: dict[Key, State] = {}
    transitions, written, forgotten = [], [], []
    async for seen in sliced(observations):
        row = rows.get(seen.key)
        before = state_of(row) if row else START
        states[seen.key] = state = decide(before, seen)
        if state is before:
            continue
        identity = row.id if row else uuid4()
        if state.phase is not Phase.INACTIVE:
            written.append(_row(identity, client, seen, state, before=row, now=now))
        elif row:
            forgotten.append(row)
        if transition := _transition(identity, client, seen, before, state):
            transitions.append(transition)
    await _keep(tx, written, forgotten)
    if position:
        await _move_on(tx, client, position)
    return Observed(transitions, states)


async def set_aside(
    tx: AsyncSession, client: str, seen: Observation, *, error: str, now: datetime
) -> None:
    """Keep what the database refused where a person sees it."""
    given = insert(SetAside).values(
        client=client,
        rule=seen.rule,
        fingerprint=seen.fingerprint,
        labels=_escaped(str(dict(seen.labels))),
        error=_escaped(error)[:ERROR_MOST],
        at=now,
        count=1,
    )
    again = {"error": given.excluded.error, "at": now, "count": SetAside.count + 1}
    await tx.execute(
        given.on_conflict_do_update(
            index_elements=[SetAside.client, SetAside.rule, SetAside.fingerprint], set_=again
        )
    )


async def take_back(tx: AsyncSession, client: str, keys: Sequence[Key]) -> None:
    """Strike what was set aside and has passed since."""
    await tx.execute(
        delete(SetAside).where(
            SetAside.client == client, tuple_(SetAside.rule, SetAside.fingerprint).in_(keys)
        )
    )


async def forget(tx: AsyncSession, *, before: datetime) -> None:
    """Delete alerts that were resolved before that moment and have not fired since."""
    await tx.execute(delete(Alert).where(Alert.phase == Phase.RESOLVED, Alert.resolved_at < before))


def _escaped(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")


async def _locked(
    tx: AsyncSession, client: str, observations: Sequence[Observation]
) -> dict[Key, Any]:
    found = await tx.execute(LOCKED, {"client": client, **await SEEN.many(observations)})
    return {(row.rule, row.fingerprint): row for row in found}


async def _keep(tx: AsyncSession, written: Sequence[_Row], forgotten: Sequence[Any]) -> None:
    if written:
        await _write(tx, written)
    if forgotten:
        gone = as_rows(forgotten, Alert.id)
        await tx.execute(delete(Alert).where(Alert.id.in_(select(gone.c.id))))


async def _write(tx: AsyncSession, rows: Sequence[_Row]) -> None:
    done = await tx.execute(_upserting(), await NEW.many(rows))
    if cast(CursorResult[Any], done).rowcount < len(rows):
        raise AlertsMoved("try again: the alerts have changed since they were read")


async def _move_on(tx: AsyncSession, client: str, position: Position) -> None:
    read_to = {"segment": position.segment, "offset": position.offset}
    await tx.execute(_moving_on(), {"client": client, **read_to})


def _row(
    identity: UUID, client: str, seen: Observation, state: State, *, before: Any, now: datetime
) -> _Row:
    kept = seen.annotations
    return _Row(
        id=identity,
        client=client,
        system=seen.system,
        rule=seen.rule,
        fingerprint=seen.fingerprint,
        labels=seen.labels,
        annotations=(before.annotations if before else {}) if kept is None else kept,
        title=seen.terms.title,
        expr=seen.terms.expr,
        unit=seen.terms.unit,
        drill=seen.drill,
        phase=state.phase,
        priority=state.priority,
        reached=state.reached,
        since=write_since(state.since),
        clear_since=state.clear_since,
        absent_since=state.absent_since,
        fired_at=state.fired_at,
        resolved_at=state.resolved_at,
        value=state.value,
        at=state.at,
        written_at=now,
        version=before.version + 1 if before else 1,
    )


def _transition(
    identity: UUID, client: str, seen: Observation, before: State, state: State
) -> Transition | None:
    kind = kind_of(before, state)
    if kind is None:
        return None
    return Transition(
        alert_id=identity,
        client=client,
        system=seen.system,
        rule=seen.rule,
        title=seen.terms.title,
        labels=seen.labels,
        kind=kind,
        priority_before=before.priority,
        priority=state.priority,
        value=state.value,
        at=state.at or seen.at,
        drill=seen.drill,
        escalation=seen.terms.escalation,
        unit=seen.terms.unit,
        arrived=seen.arrived,
    )
