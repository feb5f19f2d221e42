"""Ticks: what time alone does to incidents, in batches of due rows, one transaction each."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from incidents import commands
from kit.clock import Clock
from kit.db import Database

BATCH = 100
BATCHES_MOST = 100


class Some(Protocol):
    """A command that treats up to `limit` due rows and returns how many it found."""

    def __call__(self, tx: AsyncSession, *, now: datetime, limit: int) -> Awaitable[int]: ...


async def escalate_due(db: Database, clock: Clock) -> int:
    """Take the next step of incidents that nobody has taken; return how many."""
    return await _until_done(db, clock, commands.escalate_some)


async def resolve_due(db: Database, clock: Clock) -> int:
    """Resolve incidents whose alerts have been over for long enough; return how many."""
    return await _until_done(db, clock, commands.resolve_some)


async def sla_due(db: Database, clock: Clock) -> int:
    """Tell the marks that SLA clocks have reached; return of how many incidents."""
    return await _until_done(db, clock, commands.tell_marks)


async def _until_done(db: Database, clock: Clock, some: Some) -> int:
    treated = 0
    for _ in range(BATCHES_MOST):
        async with db.transaction() as tx:
            found = await some(tx, now=clock(), limit=BATCH)
        treated += found
        if found < BATCH:
            break
    return treated
