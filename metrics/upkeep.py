"""What is done to chunks from time to time: packed, dropped when they are old, or cleared away."""

import asyncio
from datetime import datetime, timedelta

from kit import allocation
from kit.clock import milliseconds
from kit.db import Database, lock
from metrics import chunks, deletion, partitions
from metrics.packing import Packing

FOR_EVER = timedelta(0)


class Upkeep:
    """Ticks over the table of chunks; none needs what the head holds."""

    def __init__(self, db: Database, retention: timedelta) -> None:
        self._db, self._retention = db, retention
        self._packing = Packing(db)

    async def pack(self, now: datetime) -> None:
        """Make one chunk of the many of an hour that is over."""
        if await self._packing.run(now):
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
        async with self._db.snapshot() as session:
            without = await partitions.days_of_rest(session, now)
        for day in without:
            async with self._db.transaction() as tx:
                await lock(tx, *chunks.WRITING)
                await partitions.make(tx, [day], now)
        if self._retention == FOR_EVER:
            return 0
        before = milliseconds(now - self._retention)
        async with self._db.transaction() as tx:
            total = await partitions.drop_before(tx, before)
        gone = limit
        while gone == limit:
            async with self._db.transaction() as tx:
                gone = await partitions.delete_before(tx, before, limit=limit)
            total += gone
        return total
