"""What alerts did in the past, as the incidents remember it: who fired when, and who came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from alerting.lifecycle import Priority
from incidents.tables import Incident, IncidentAlert

MOST = 2000


@dataclass(frozen=True)
class Firing:
    """One alert in one incident: from when to when it fired, and how often if more than once."""

    number: int
    client: str
    rule: str
    alert_id: UUID
    priority: Priority
    fired_at: datetime
    ended_at: datetime | None
    times: int


@dataclass(frozen=True)
class Answers:
    """What became of incidents: how many somebody took, and how many were over before that."""

    incidents: int
    acknowledged: int
    by_themselves: int


async def firings(
    session: AsyncSession,
    scope: Scope,
    *,
    since: datetime,
    rule: str | None = None,
    alert: UUID | None = None,
    limit: int = MOST,
) -> Sequence[Firing]:
    """Return what fired after `since` inside the scope, newest first."""
    ended = func.coalesce(IncidentAlert.resolved_at, Incident.resolved_at)
    stmt = (
        select(
            Incident.number,
            Incident.client,
            IncidentAlert.rule,
            IncidentAlert.alert_id,
            IncidentAlert.priority,
            IncidentAlert.fired_at,
            ended.label("ended_at"),
            IncidentAlert.times,
        )
        .join(Incident, Incident.id == IncidentAlert.incident_id)
        .where(or_(ended.is_(None), ended > since), *_of(scope, rule, alert))
        .order_by(IncidentAlert.fired_at.desc(), Incident.number.desc())
        .limit(limit)
    )
    return [Firing(**row._mapping) for row in await session.execute(stmt)]


async def answers(session: AsyncSession, scope: Scope, *, since: datetime, rule: str) -> Answers:
    """Return how the incidents were answered that a rule has had a part in since then."""
    mine = (
        select(Incident.id, Incident.acknowledged_at, Incident.resolved_at)
        .join(IncidentAlert, IncidentAlert.incident_id == Incident.id)
        .where(Incident.opened_at > since, *_of(scope, rule, None))
        .distinct()
        .subquery()
    )
    taken = mine.c.acknowledged_at.is_not(None)
    over = mine.c.acknowledged_at.is_(None) & mine.c.resolved_at.is_not(None)
    stmt = select(func.count(), func.count().filter(taken), func.count().filter(over))
    return Answers(*(await session.execute(stmt.select_from(mine))).one())


async def fired_by_rule(session: AsyncSession, scope: Scope, *, since: datetime) -> dict[str, int]:
    """Return how often each rule has fired since then."""
    stmt = (
        select(IncidentAlert.rule, func.sum(IncidentAlert.times))
        .join(Incident, Incident.id == IncidentAlert.incident_id)
        .where(IncidentAlert.fired_at > since, *_of(scope, None, None))
        .group_by(IncidentAlert.rule)
    )
    return {rule: int(times) for rule, times in await session.execute(stmt)}


def _of(scope: Scope, rule: str | None, alert: UUID | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if scope.clients is not None:
        found.append(Incident.client.in_(scope.clients))
    if rule is not None:
        found.append(IncidentAlert.rule == rule)
    if alert is not None:
        found.append(IncidentAlert.alert_id == alert)
    return found
