"""Ticks: what time alone does to incidents, in batches of due rows, one transaction each."""

import logging
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from incidents import commands, queries
from incidents.tables import Incident
from kit.clock import Clock
from kit.db import Database, DatabaseAway
from kit.errors import Refusal

log = logging.getLogger(__name__)

BATCH = 100
BATCHES_MOST = 100


FAULTS = (SQLAlchemyError, Refusal, LookupError, ValueError, TypeError, AttributeError)
"""What one incident that cannot be written, or read, may raise."""


class Some(Protocol):
    """A command that treats up to `limit` due incidents and returns how many it found."""

    def __call__(
        self, tx: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID]
    ) -> Awaitable[int]: ...


class Due(Protocol):
    """The query by which that command finds them."""

    def __call__(
        self, tx: AsyncSession, /, *, now: datetime, limit: int, but: Collection[UUID]
    ) -> Awaitable[Sequence[Incident]]: ...


async def escalate_due(db: Database, clock: Clock) -> int:
    """Take the next step of incidents that nobody has taken; return how many."""
    return await _Work(db, clock, queries.to_escalate, commands.escalate_some).until_done()


async def resolve_due(db: Database, clock: Clock) -> int:
    """Resolve incidents whose alerts have been over for long enough; return how many."""
    return await _Work(db, clock, queries.to_resolve, commands.resolve_some).until_done()


async def sla_due(db: Database, clock: Clock) -> int:
    """Tell the marks that SLA clocks have reached; return of how many incidents."""
    return await _Work(db, clock, queries.at_a_mark, commands.tell_marks).until_done()


@dataclass
class _Work:
    """One kind of tick; an incident that cannot be moved on stands aside until the next."""

    db: Database
    clock: Clock
    due: Due
    some: Some
    aside: set[UUID] = field(default_factory=set)

    async def until_done(self) -> int:
        treated = 0
        for _ in range(BATCHES_MOST):
            try:
                async with self.db.transaction() as tx:
                    found = await self.some(tx, now=self.clock(), limit=BATCH, but=self.aside)
            except DatabaseAway:
                raise
            except FAULTS:
                found = await self._one_by_one()
            treated += found
            if found < BATCH:
                break
        return treated

    async def _one_by_one(self) -> int:
        treated = 0
        while treated + len(self.aside) < BATCH:
            async with self.db.transaction() as tx:
                now = self.clock()
                found = await self.due(tx, now=now, limit=1, but=self.aside)
                if not found:
                    break
                ((id, number),) = [(one.id, one.number) for one in found]
                try:
                    async with tx.begin_nested():
                        treated += await self.some(tx, now=now, limit=1, but=self.aside)
                except FAULTS as error:
                    log.error("incident %d is not moved on: %s", number, _first_line(error))
                    self.aside.add(id)
        return treated


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__} {str(error).partition(chr(10))[0]}"[:300]
