"""Reads of clients, their systems and their targets."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from access.directory import ClientFacts, Directory, SystemFacts
from access.scope import Scope
from access.tables import Client, System, Target
from kit.errors import NotFound

OfClient = TypeVar("OfClient", System, Target)


async def client(session: AsyncSession, scope: Scope, name: str) -> Client:
    """Return a client; one outside the scope does not exist."""
    found = await session.get(Client, name) if scope.allows(name) else None
    if found is None:
        raise NotFound("no client is called {client!r}", client=name)
    return found


async def clients(
    session: AsyncSession, scope: Scope, *, after: str = "", limit: int | None = 50
) -> Sequence[Client]:
    """Return the clients inside the scope by name, those behind `after`."""
    stmt = select(Client).where(_inside(Client.name, scope), Client.name > after)
    return (await session.scalars(stmt.order_by(Client.name).limit(limit))).all()


async def systems(
    session: AsyncSession,
    scope: Scope,
    *,
    client: str | None = None,
    after: tuple[str, ...] = ("", ""),
    limit: int | None = 50,
) -> Sequence[System]:
    """Return the systems inside the scope by client and name, those behind `after`."""
    return await _of_clients(session, System, scope, client, after, limit)


async def system(session: AsyncSession, scope: Scope, client: str, name: str) -> System:
    """Return a system; one of a client outside the scope does not exist."""
    found = await session.get(System, (client, name)) if scope.allows(client) else None
    if found is None:
        raise NotFound("the client {client} has no system {name}", client=client, name=name)
    return found


async def targets_of(
    session: AsyncSession,
    scope: Scope,
    *,
    client: str | None = None,
    after: tuple[str, ...] = ("", ""),
    limit: int | None = 50,
) -> Sequence[Target]:
    """Return the targets inside the scope by client and name, those behind `after`."""
    return await _of_clients(session, Target, scope, client, after, limit)


async def target(session: AsyncSession, scope: Scope, client: str, name: str) -> Target:
    """Return a target; one of a client outside the scope does not exist."""
    found = await session.get(Target, (client, name)) if scope.allows(client) else None
    if found is None:
        raise NotFound("the client {client} has no target {name}", client=client, name=name)
    return found


async def _of_clients(
    session: AsyncSession,
    table: type[OfClient],
    scope: Scope,
    client: str | None,
    after: tuple[str, ...],
    limit: int | None,
) -> Sequence[OfClient]:
    stmt = select(table).where(
        _inside(table.client, scope), tuple_(table.client, table.name) > after
    )
    if client is not None:
        stmt = stmt.where(table.client == client)
    return (await session.scalars(stmt.order_by(table.client, table.name).limit(limit))).all()


def _inside(column: InstrumentedAttribute[str], scope: Scope) -> ColumnElement[bool]:
    return column.is_not(None) if scope.clients is None else column.in_(sorted(scope.clients))


async def directory(session: AsyncSession) -> Directory:
    """Return all clients and systems as one snapshot; systems in the order of the file."""
    clients = await session.scalars(select(Client))
    systems = await session.scalars(
        select(System).order_by(System.client, System.position, System.name)
    )
    return Directory(
        {
            row.name: ClientFacts(
                row.name,
                row.title,
                row.locale,
                row.timezone,
                row.sla,
                row.escalation,
                row.overrides,
            )
            for row in clients
        },
        tuple(
            SystemFacts(row.client, row.name, row.title, row.core, row.match, row.escalation)
            for row in systems
        ),
    )


async def targets(session: AsyncSession) -> Sequence[Target]:
    """Return every target that is to be asked, for the collectors."""
    asked = select(Target).where(Target.disabled.is_(False), Target.paused_at.is_(None))
    return (await session.scalars(asked.order_by(Target.client, Target.name))).all()


async def sealed(session: AsyncSession) -> set[str]:
    """Return every secret of a target, sealed as it stands."""
    stmt = select(Target.secret).where(Target.secret.is_not(None)).distinct()
    return {secret for secret in await session.scalars(stmt) if secret is not None}
