"""One client's batch on its way through the one transaction, and what a refusal of it means."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from alerting.commands import set_aside
from alerting.lifecycle import State
from alerting.schemas import Observation, Observed
from kit.clock import Clock
from kit.db import Database
from kit.errors import Refusal
from metrics.batch import Position

log = logging.getLogger(__name__)

AT_ONCE_MOST = 2
"""Transactions at a time; places go in turn, so that one client's storm keeps nobody out."""
PATIENCE = 1.0
"""Seconds after which a transaction gives its place to another client's."""
LONGEST = 30.0
ASIDE_MOST = 8
"""Refusals in a row, with nothing accepted between, that mean the trouble is not in the rows."""
OF_THE_ROW = ("22", "23", "P0")
"""Classes of SQLSTATE that speak of what was written: values, constraints, a trigger's no."""

Batch = list[tuple[int, Observation]]
"""Observations with their watches; 0 is nobody's."""


class Carry(Protocol):
    """The one transaction that a client's observations set in motion; `app.pipeline` has it."""

    async def __call__(
        self,
        client: str,
        seen: Sequence[Observation],
        /,
        *,
        position: Position | None,
        now: datetime,
    ) -> Observed:
        """Carry all of it or nothing; return what it led to."""
        ...


class NothingPasses(Exception):
    """Every row of a batch was refused: something is wrong, but not with the rows."""


TROUBLE = (
    *(SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError),
    *(OSError, TimeoutError, Refusal, NothingPasses),
)
"""What may go wrong outside this process; it is tried again."""


class Door:
    """Lets a few transactions at once through; one that takes long stands in nobody's way."""

    def __init__(self, db: Database, carry: Carry, clock: Clock) -> None:
        self._db, self._carry, self._clock = db, carry, clock
        self._places = asyncio.Semaphore(AT_ONCE_MOST)

    async def through(
        self, client: str, seen: Sequence[Observation], position: Position | None
    ) -> Observed:
        """Carry in one transaction; it is given up after a while."""
        async with asyncio.timeout(LONGEST):
            async with self._places:
                now = self._clock()
                carried = asyncio.ensure_future(
                    self._carry(client, seen, position=position, now=now)
                )
                try:
                    await asyncio.wait([carried], timeout=PATIENCE)
                except asyncio.CancelledError:
                    carried.cancel()
                    raise
            return await carried

    async def aside(self, client: str, one: Observation, error: Exception) -> None:
        """Keep what cannot be written where a person sees it."""
        log.error("%s: an observation of %s is set aside: %s", client, one.rule, said(error))
        async with self._db.transaction() as tx:
            await set_aside(tx, client, one, error=said(error), now=self._clock())


class Delivery:
    """A batch, halved while the database refuses it, until the bad row stands alone."""

    def __init__(self, door: Door, client: str) -> None:
        self.passed: list[int] = []
        self.aside: set[int] = set()
        self._door, self._client = door, client
        self._refused: list[tuple[Observation, Exception]] = []
        self._in_a_row = 0

    async def of(self, batch: Batch, position: Position | None) -> list[tuple[int, State]]:
        """Return the state that each watch has come to, but not of those set aside."""
        batch = [(watch, one) for watch, one in batch if watch not in self.aside]
        seen = [one for _, one in batch]
        try:
            observed = await self._door.through(self._client, seen, position)
        except (StatementError, asyncpg.PostgresError) as error:
            if not speaks_of_a_row(error):
                raise
            return await self._halved(batch, position, error)
        self._in_a_row = 0
        self.passed.extend(watch for watch, _ in batch)
        return [(watch, observed.states[one.key]) for watch, one in batch]

    async def _halved(
        self, batch: Batch, position: Position | None, error: Exception
    ) -> list[tuple[int, State]]:
        if len(batch) > 1:
            middle = len(batch) // 2
            first = await self.of(batch[:middle], None)
            return [*first, *await self.of(batch[middle:], position)]
        self._in_a_row += 1
        if not batch or self._in_a_row > ASIDE_MOST:
            raise NothingPasses(said(error)) from error
        ((watch, one),) = batch
        if watch:
            self.aside.add(watch)
        self._refused.append((one, error))
        return []

    async def finish(self) -> None:
        """Write down what was refused, now that the rest has passed."""
        for one, error in self._refused:
            await self._door.aside(self._client, one, error)


def speaks_of_a_row(error: Exception) -> bool:
    """Tell whether the database refused what was written, and not to work at all."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(OF_THE_ROW)
    # what failed before it reached the database: a value that cannot be written at all
    return isinstance(error, StatementError) and not isinstance(error, DBAPIError)


def said(error: Exception) -> str:
    """Return the kind and the first line of an error."""
    return f"{type(error).__name__} {str(error).partition(chr(10))[0]}"[:300]
