"""Reads for the health of clients: outages, and how the SLA was kept."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from incidents.clocks import Kind
from incidents.health import Kept, Outage
from incidents.lifecycle import OPEN
from incidents.tables import Incident, SlaClock

MOST = 5000


async def outages(
    session: AsyncSession, scope: Scope, client: str, *, since: datetime, limit: int = MOST
) -> Sequence[Outage]:
    """Return the client's incidents in earnest that lasted into the time after `since`."""
    ended = func.coalesce(Incident.recovered_at, Incident.resolved_at)
    stmt = (
        select(
            Incident.number,
            Incident.system,
            Incident.priority,
            Incident.opened_at.label("fired_at"),
            ended.label("ended_at"),
        )
        .where(Incident.client == client, Incident.drill == "")
        .where(or_(ended.is_(None), ended > since))
        .order_by(Incident.opened_at.desc())
        .limit(limit)
    )
    if not scope.allows(client):
        return []
    return [Outage(**row._mapping) for row in await session.execute(stmt)]


async def kept(
    session: AsyncSession, scope: Scope, client: str, *, since: datetime, now: datetime
) -> dict[Kind, Kept]:
    """Return how often the client's goals were kept in incidents opened after `since`."""
    missed = SlaClock.breached_at.is_not(None) | (
        SlaClock.met_at.is_(None) & (SlaClock.due_at <= now) & SlaClock.next_mark_at.is_not(None)
    )
    met = SlaClock.met_at.is_not(None) & SlaClock.breached_at.is_(None)
    stmt = (
        select(SlaClock.kind, func.count().filter(met), func.count().filter(missed))
        .join(Incident, Incident.id == SlaClock.incident_id)
        .where(Incident.client == client, Incident.drill == "", Incident.opened_at > since)
        .group_by(SlaClock.kind)
    )
    found = await session.execute(stmt) if scope.allows(client) else ()
    return {kind: Kept(met, breached) for kind, met, breached in found}


async def open_by_system(
    session: AsyncSession, scope: Scope
) -> dict[tuple[str, str], tuple[int, str]]:
    """Return of each system with open incidents how many, and the gravest's priority."""
    stmt = (
        select(Incident.client, Incident.system, func.count(), func.min(Incident.priority))
        .where(Incident.status.in_(OPEN))
        .group_by(Incident.client, Incident.system)
    )
    if scope.clients is not None:
        stmt = stmt.where(Incident.client.in_(scope.clients))
    return {
        (client, system): (count, str(priority))
        for client, system, count, priority in await session.execute(stmt)
    }
