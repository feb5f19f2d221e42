"""What a form lets one choose from: clients, systems, policies, people."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.scope import Scope
from incidents import queries as incidents
from oncall import queries as oncall

Options = Sequence[tuple[str, str]]
"""Values, and what people read for them."""


async def clients(session: AsyncSession, scope: Scope) -> Options:
    """Return every client by name."""
    rows = await access.clients(session, scope, limit=None)
    return [(row.name, row.title) for row in rows]


async def slas(session: AsyncSession, scope: Scope) -> Options:
    """Return every SLA policy by name."""
    return [(row.name, row.name) for row in await incidents.slas(session, scope, limit=None)]


async def policies(session: AsyncSession, scope: Scope) -> Options:
    """Return every escalation policy by name."""
    return [(row.name, row.name) for row in await oncall.policies_inside(session, scope)]


async def titles(session: AsyncSession, scope: Scope) -> dict[str, str]:
    """Return how people inside the scope are called, by name."""
    if scope.clients is None:
        return await access.titles_of_people(session)
    rows = await access.people(session, scope, limit=oncall.PEOPLE_MOST)
    return {row.name: row.title for row in rows}


async def people(session: AsyncSession, scope: Scope) -> Options:
    """Return everybody by name."""
    rows = await access.people(session, scope, limit=oncall.PEOPLE_MOST)
    return [(row.name, row.title) for row in rows if not row.disabled]
