"""What is done to chunks from time to time: packed, dropped when they are old, or cleared away."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kit import allocation
from kit.clock import milliseconds
from kit.db import Database, lock
from metrics import chunks, deletion, partitions
from metrics.packing import Packing
from metrics.partitions import CHUNKS, DAY, Parted
from metrics.rollups import days
from metrics.rollups.making import Making, drop
from metrics.rollups.reading import Steps
from metrics.rollups.steps import RAW, STEPS

FOR_EVER = timedelta(0)
NOTHING = timedelta(0)


class Upkeep:
    """Ticks over what the database holds of samples; none needs what the head holds.

    `retention` is that of raw samples, `kept` says how long each step of rollups stays, `came`
    how many samples have come in so far.
    """

    def __init__(
        self,
        db: Database,
        steps: Steps,
        *,
        retention: timedelta,
        kept: Mapping[str, timedelta],
        came: Callable[[], int],
    ) -> None:
        self._db, self._retention, self._steps = db, retention, steps
        self._packing = Packing(db, came)
        self._making = Making(db, kept)

    async def pack(self, now: datetime) -> None:
        """Make one chunk of the many of an hour that is over."""
        if await self._packing.run(now):
            await asyncio.to_thread(allocation.give_back)

    async def learn(self) -> None:
        """Look up since when what is kept: it is asked for with every query."""
        async with self._db.snapshot() as session:
            self._steps.since = await days.kept(session)

    async def roll(self, now: datetime) -> None:
        """Roll up the days that are over and were written to since."""
        if await self._making.run(now):
            await self.learn()
            await asyncio.to_thread(allocation.give_back)

    async def clear(self, _: datetime) -> None:
        """Delete the chunks of series that were taken away."""
        found = 1
        while found:
            async with self._db.transaction() as tx:
                await lock(tx, *chunks.WRITING)
                found = await deletion.clear(tx)

    async def retain(self, now: datetime, *, limit: int = 10_000) -> int:
        """Drop what is older than the retention; return how many days, and chunks without one."""
        for table in (CHUNKS, *(step.table for step in STEPS)):
            await self._sort(table, now)
        total = await drop(self._db, self._making, now, limit=limit)
        if self._retention != FOR_EVER:
            before = milliseconds(now - self._retention)
            await self._making.run(now, quiet=NOTHING, before=before)  # later it would be too late
            total += await self._drop(before, limit)
        await self.learn()
        return total

    async def _sort(self, table: Parted, now: datetime) -> None:
        """Move what has no part of its own into one."""
        async with self._db.snapshot() as session:
            without = await partitions.days_of_rest(session, now, table)
        for day in without:
            async with self._db.transaction() as tx:
                await lock(tx, *chunks.WRITING)
                await partitions.make(tx, [day], now, table)

    async def _drop(self, before: int, limit: int) -> int:
        """Drop raw days that end before a time, but none that is still to be rolled up."""
        async with self._db.transaction() as tx:
            unmade = await days.oldest_unmade(tx)
            before = (before if unmade is None else min(before, unmade * DAY)) // DAY * DAY
            total = await partitions.drop_before(tx, before)
            if total:
                await days.gone(tx, RAW, before)
        gone = limit
        while gone == limit:
            async with self._db.transaction() as tx:
                gone = await partitions.delete_before(tx, before, limit=limit)
                if gone:
                    await days.gone(tx, RAW, before)
            total += gone
        return total
