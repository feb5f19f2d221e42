"""Reads of SLA policies. Who may reach certain clients only sees those that hold for them."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from access.tables import Client
from incidents.tables import SlaPolicy
from kit.errors import NotFound


async def slas(
    session: AsyncSession, scope: Scope, *, after: str = "", limit: int | None = 50
) -> Sequence[SlaPolicy]:
    """Return the policies by name, those behind `after`."""
    stmt = select(SlaPolicy).where(SlaPolicy.name > after)
    if scope.clients is not None:
        stmt = stmt.where(SlaPolicy.name.in_(_held_by(scope.clients)))
    return (await session.scalars(stmt.order_by(SlaPolicy.name).limit(limit))).all()


async def sla(session: AsyncSession, scope: Scope, name: str) -> SlaPolicy:
    """Return a policy; one that holds for no client inside the scope does not exist."""
    stmt = select(SlaPolicy).where(SlaPolicy.name == name)
    if scope.clients is not None:
        stmt = stmt.where(SlaPolicy.name.in_(_held_by(scope.clients)))
    found: SlaPolicy | None = await session.scalar(stmt)
    if found is None:
        raise NotFound("there is no SLA policy {name!r}", name=name)
    return found


def _held_by(clients: frozenset[str]) -> Select[tuple[str]]:
    return select(Client.sla).where(Client.name.in_(sorted(clients)))
