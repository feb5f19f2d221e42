"""Everything that is kept sealed, wherever it stands: looked at as a whole, sealed anew as one."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from access import commands as access
from access import queries as accessed
from notifications import commands as notifications
from notifications import queries as notified
from oncall import commands as oncall
from oncall import queries as roster


async def everything(session: AsyncSession) -> set[str]:
    """Return every sealed word that stands in a table."""
    return (
        await accessed.sealed(session)
        | await roster.sealed(session)
        | await notified.sealed(session)
    )


async def exchange(tx: AsyncSession, new_of: Mapping[str, str]) -> None:
    """Put the new seal in the place of each old one."""
    await access.exchange_seals(tx, new_of)
    await oncall.exchange_seals(tx, new_of)
    await notifications.exchange_seals(tx, new_of)
