"""The switch by which this installation tells nobody: thrown by a restore, or by a person."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import Hand, audit, configured, refuse_narrow
from access.scope import SYSTEM, Identity
from kit.errors import Said
from notifications import commands as notifications

THING = Said("whether anybody is told")
ON = "installation"


async def mute(tx: AsyncSession, *, why: str, by: Identity, now: datetime) -> None:
    """Tell nobody anything until somebody lifts it; what would leave is held."""
    refuse_narrow(Hand(by, now), what=THING)
    if await notifications.mute(tx, why=why, who=by.name, now=now):
        audit(tx, who=by.name, did="installation.mute", on=ON, now=now, facts={"reason": why})
        await configured(tx)


async def unmute(
    tx: AsyncSession, *, by: Identity = SYSTEM, now: datetime
) -> tuple[int, int] | None:
    """Tell people again; return how many messages leave and how many are let go; None: no news."""
    refuse_narrow(Hand(by, now), what=THING)
    found = await notifications.unmute(tx, now=now)
    if found is not None:
        facts = {"leaving": found[0], "let_go": found[1]}
        audit(tx, who=by.name, did="installation.unmute", on=ON, now=now, facts=facts)
        await configured(tx)
    return found
