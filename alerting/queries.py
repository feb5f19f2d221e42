"""Reads of alerting: what is open, how far the rules have read, which rules there are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Row,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from access.scope import Scope
from alerting.groups.schemas import GroupSpec, Placed
from alerting.lifecycle import Phase, Priority
from alerting.schemas import ThresholdSpec
from alerting.tables import Alert, Progress, Rule, RuleGroup, SetAside
from alerting.thresholds import CompiledRule
from kit.db import among
from kit.errors import NotFound
from kit.kept import keep
from metrics.batch import Position

OPEN = (Phase.PENDING, Phase.FIRING)
MOST = 500
STATES = ("firing", "pending", "unknown", "resolved")


@dataclass(frozen=True)
class Chosen:
    """Which alerts are asked for; `text` is part of a title, a rule's name or a label's value."""

    client: str | None = None
    system: str | None = None
    rule: str | None = None
    priority: Priority | None = None
    text: str = ""


async def get(session: AsyncSession, scope: Scope, alert_id: UUID) -> Alert:
    """Return one alert, or refuse."""
    alert = await session.get(Alert, alert_id)
    if alert is None or not scope.allows(alert.client):
        raise NotFound("no alert {alert}", alert=alert_id)
    return alert


async def alerts(
    session: AsyncSession,
    scope: Scope,
    *,
    chosen: Chosen | None = None,
    state: str | None = None,
    offset: int = 0,
    limit: int = MOST,
) -> Sequence[Alert]:
    """Return alerts, the gravest and newest first; without `state` those that are open."""
    stmt = (
        select(Alert)
        .where(_in_state(state), *_chosen(scope, chosen or Chosen()))
        .order_by(Alert.priority.asc().nulls_last(), Alert.at.desc(), Alert.id)
        .offset(offset)
        .limit(limit)
    )
    return (await session.scalars(stmt)).all()


async def tally(session: AsyncSession, scope: Scope, chosen: Chosen) -> dict[str, int]:
    """Return how many alerts are in each of `STATES` that is open."""
    columns = [func.count().filter(_in_state(state)).label(state) for state in STATES[:-1]]
    stmt = select(*columns).where(Alert.phase.in_(OPEN), *_chosen(scope, chosen))
    return dict((await session.execute(stmt)).one()._mapping)


async def firing_on(
    session: AsyncSession, scope: Scope, machines: Collection[str]
) -> Sequence[Row[Any]]:
    """Return what fires on these, the gravest first: id, client, instance, priority, expr."""
    instance = Alert.labels["instance"].astext
    stmt = (
        select(Alert.id, Alert.client, instance.label("instance"), Alert.priority, Alert.expr)
        .where(_in_state("firing"), *_within(scope, None), among(instance, machines))
        .order_by(Alert.priority.asc().nulls_last(), Alert.at.desc(), Alert.id)
        .limit(MOST)
    )
    return (await session.execute(stmt)).all()


async def counts(session: AsyncSession, scope: Scope) -> dict[str, dict[str, int]]:
    """Return how many alerts fire, by client and priority."""
    stmt = (
        select(Alert.client, Alert.priority, func.count())
        .where(Alert.phase == Phase.FIRING, *_within(scope, None))
        .group_by(Alert.client, Alert.priority)
    )
    found: dict[str, dict[str, int]] = {}
    for client, priority, count in await session.execute(stmt):
        found.setdefault(client, {})[str(priority)] = count
    return found


async def firing_by_rule(session: AsyncSession, scope: Scope) -> dict[str, int]:
    """Return how many alerts of each rule fire."""
    stmt = (
        select(Alert.rule, func.count())
        .where(Alert.phase == Phase.FIRING, *_within(scope, None))
        .group_by(Alert.rule)
    )
    return {rule: count for rule, count in await session.execute(stmt)}


async def by_id(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, Alert]:
    """Return these alerts, for a caller that was allowed to see what they belong to."""
    rows = await session.scalars(select(Alert).where(among(Alert.id, ids)))
    return {row.id: row for row in rows}


async def annotations(
    session: AsyncSession, alerts: Collection[UUID]
) -> dict[UUID, Mapping[str, str]]:
    """Return what the rules of files say of those of these alerts of which they say something."""
    return {id: said for id, said in await session.execute(SAID, {"these": list(alerts)})}


def _said() -> Select[tuple[UUID, dict[str, str]]]:
    these = Alert.id == func.any(bindparam("these", type_=ARRAY(Uuid)))
    return select(Alert.id, Alert.annotations).where(these, Alert.annotations != {})


SAID = _said()
"""Built once: every message and every page of an incident asks it."""
keep(lambda: (SAID, {"these": []}))


async def open_alerts(
    session: AsyncSession, *, rules: Collection[str] | None = None
) -> Sequence[Alert]:
    """Return every alert that waits or fires, of all clients; with `rules` of these alone."""
    stmt = select(Alert).where(Alert.phase.in_(OPEN))
    if rules is not None:
        stmt = stmt.where(among(Alert.rule, rules)).order_by(Alert.rule, Alert.fingerprint)
    return (await session.scalars(stmt)).all()


async def progress(session: AsyncSession) -> dict[str, Position]:
    """Return how far the rules have read the journal, by client."""
    rows = await session.scalars(select(Progress))
    return {row.client: Position(row.segment, row.offset) for row in rows}


async def rows_of_rules(session: AsyncSession) -> Sequence[Rule]:
    """Return every rule, by name."""
    return (await session.scalars(select(Rule).order_by(Rule.name))).all()


async def rule(session: AsyncSession, scope: Scope, name: str) -> Rule:
    """Return one rule that holds for some client inside the scope, or refuse."""
    row = await session.get(Rule, name)
    if row is None or not concerns(row, scope):
        raise NotFound("no rule {rule}", rule=name)
    return row


def concerns(row: Rule, scope: Scope) -> bool:
    """Tell whether a rule holds for some client inside the scope."""
    named = row.clients is None or any(map(scope.allows, row.clients))
    return named and (row.systems is None or any(of_scope(name, scope) for name in row.systems))


def of_scope(system: str, scope: Scope) -> bool:
    """Tell whether a rule's system may lie inside the scope: a name alone may be anybody's."""
    client, slash, _ = system.partition("/")
    return not slash or scope.allows(client)


async def rules(session: AsyncSession) -> list[CompiledRule]:
    """Return every rule ready for use, by name."""
    return [CompiledRule(spec_of(row)) for row in await rows_of_rules(session)]


async def rules_named(session: AsyncSession, names: Collection[str]) -> dict[str, CompiledRule]:
    """Return those of these rules that there are, ready for use."""
    rows = await session.scalars(select(Rule).where(among(Rule.name, names)))
    return {row.name: CompiledRule(spec_of(row)) for row in rows}


async def groups(session: AsyncSession) -> list[Placed]:
    """Return the groups of rule files, in the order of the files."""
    rows = await session.scalars(select(RuleGroup).order_by(RuleGroup.place))
    return [
        Placed(
            row.file,
            GroupSpec.model_validate(row.spec),
            row.lines,
            row.clients,
            {word: Priority(priority) for word, priority in row.severities.items()},
        )
        for row in rows
    ]


async def rules_for(session: AsyncSession, scope: Scope) -> list[CompiledRule]:
    """Return the rules that hold for some client inside the scope, ready for use, by name."""
    rows = await rows_of_rules(session)
    return [CompiledRule(spec_of(row)) for row in rows if concerns(row, scope)]


def spec_of(row: Rule) -> ThresholdSpec:
    """Return a rule as the evaluator needs it."""
    return ThresholdSpec.model_validate(as_written(row))


def as_written(row: Rule) -> dict[str, Any]:
    """Return a rule as a file would write it."""
    return {
        **row.ladder,
        "name": row.name,
        "title": row.title,
        "expr": row.expr,
        "unit": row.unit,
        "clients": row.clients,
        "systems": row.systems,
        "core": row.core,
        "escalation": row.escalation,
    }


def seen_by(written: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """Return a rule as somebody of this scope may see it: no other client's name."""
    seen = dict(written)
    if seen["clients"] is not None:
        seen["clients"] = [name for name in seen["clients"] if scope.allows(name)]
    if seen["systems"] is not None:
        seen["systems"] = [name for name in seen["systems"] if of_scope(name, scope)]
    return seen


def _in_state(state: str | None) -> ColumnElement[bool]:
    if state is None:
        return Alert.phase.in_(OPEN)
    if state == "unknown":
        return Alert.phase.in_(OPEN) & Alert.absent_since.is_not(None)
    return or_(Alert.phase == state)


def _chosen(scope: Scope, chosen: Chosen) -> list[ColumnElement[bool]]:
    found = _within(scope, chosen.client)
    if chosen.system is not None:
        found.append(Alert.system == chosen.system)
    if chosen.rule is not None:
        found.append(Alert.rule == chosen.rule)
    if chosen.priority is not None:
        found.append(Alert.priority == chosen.priority)
    if text := chosen.text.strip():
        places = (cast(Alert.title, String), cast(Alert.labels, String), Alert.rule)
        found.append(or_(*(place.icontains(text, autoescape=True) for place in places)))
    return found


def _within(scope: Scope, client: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if scope.clients is not None:
        found.append(Alert.client.in_(scope.clients))
    if client is not None:
        found.append(Alert.client == client)
    return found


async def set_aside(
    session: AsyncSession, scope: Scope, *, offset: int = 0, limit: int = 100
) -> Sequence[SetAside]:
    """Return what the database refused, the latest first."""
    inside = _aside_inside(scope)
    rows = select(SetAside).where(*inside).order_by(SetAside.at.desc(), SetAside.id)
    return (await session.scalars(rows.offset(offset).limit(limit))).all()


async def set_aside_count(session: AsyncSession, scope: Scope) -> int:
    """Return how much of it there is."""
    counted = select(func.count()).select_from(SetAside).where(*_aside_inside(scope))
    return await session.scalar(counted) or 0


async def set_aside_row(tx: AsyncSession, scope: Scope, id: UUID) -> SetAside:
    """Return one such row, held until the end of the transaction; else refuse."""
    wanted = select(SetAside).where(SetAside.id == id, *_aside_inside(scope))
    row = await tx.scalar(wanted.with_for_update())
    if row is None:
        raise NotFound("no observation {id} is set aside", id=id)
    return row


def _aside_inside(scope: Scope) -> list[ColumnElement[bool]]:
    return [] if scope.clients is None else [SetAside.client.in_(scope.clients)]
