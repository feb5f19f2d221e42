"""Days rolled up: their raw samples read, made into steps in a thread, written a few series a time.

A day may be made any number of times, and be left off anywhere: only the last line of it says that
it can be read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select

from kit.clock import milliseconds
from kit.db import Database, lock
from metrics import chunks, partitions
from metrics.batch import Ints, merged
from metrics.partitions import DAY
from metrics.rolled import Part
from metrics.rollups import days, rows
from metrics.rollups.buckets import encoded, rolled
from metrics.rollups.steps import RAW, STEPS, Step
from metrics.tables import Chunk

SETTLED = timedelta(hours=2)
"""So long after its end a day is rolled up: memory has let go of it, flushes have written it."""
QUIET = timedelta(minutes=15)
"""So long no sample came for a day before it is rolled up (again)."""
SLICE = 100
"""Series that are rolled up in one go."""
AT_ONCE = 20_000
"""Series that are rolled up until the next tick, but for the day that is begun: half a minute."""

Parts = dict[Part, list[bytes | None]]


class Making:
    """Makes rollups of what chunks hold. `kept` says how long each step stays, by its name."""

    def __init__(self, db: Database, kept: Mapping[str, timedelta]) -> None:
        self._db, self._kept = db, kept

    async def run(
        self, now: datetime, *, quiet: timedelta = QUIET, before: int | None = None
    ) -> int:
        """Roll up every day that is over, ends by `before` (ms) and was written to since.

        Return how many. Those that were written to in the last `quiet` wait, and where there is
        much to do the rest is left for the next time.
        """
        settled = milliseconds(now - SETTLED)
        before = settled if before is None else min(before, settled)
        async with self._db.snapshot() as session:
            found = await days.to_make(session, before=before, quiet_since=now - quiet)
        made = series = 0
        for day, touched in found:
            if series >= AT_ONCE:
                break
            series += await self._make(day, touched, now)
            made += 1
        return made

    def oldest(self, step: Step, now: datetime) -> int:
        """Return the first day of which a step is to be kept."""
        kept = self._kept.get(step.name)
        return milliseconds(now - kept) // DAY if kept else 0

    async def _make(self, day: int, touched: int, now: datetime) -> int:
        """Roll up a day; return of how many series."""
        steps = [step for step in STEPS if day >= self.oldest(step, now)]
        async with self._db.snapshot() as session:
            inside = (Chunk.start_at >= day * DAY, Chunk.start_at <= (day + 1) * DAY)
            stmt = select(Chunk.series).where(*inside, Chunk.end_at > day * DAY).distinct()
            series = sorted((await session.scalars(stmt)).all())
        async with self._db.transaction() as tx:
            await lock(tx, *chunks.WRITING)
            for step in steps:
                await partitions.make(tx, [day], now, step.table)
        for start in range(0, len(series), SLICE):
            await self._roll(day, series[start : start + SLICE], steps)
        async with self._db.transaction() as tx:
            for step in STEPS:
                if step not in steps:
                    await days.gone(tx, step.name, (day + 1) * DAY)
            await days.made(tx, day, touched)
        return len(series)

    async def _roll(self, day: int, series: Sequence[int], steps: Sequence[Step]) -> None:
        first, last = day * DAY + 1, (day + 1) * DAY
        async with self._db.line() as line:
            found = await chunks.read(line, series, first, last)
        ids = np.array(series, np.int64)
        made = await asyncio.to_thread(_made, found, ids, (first, last), steps)
        async with self._db.transaction() as tx:
            await lock(tx, *chunks.WRITING)  # who clears series away waits, and then sees these
            for step, bodies in zip(steps, made, strict=True):
                await rows.write(tx, step, day, series, bodies)


def _made(
    found: Sequence[tuple[int, bytes]], ids: Ints, span: tuple[int, int], steps: Sequence[Step]
) -> list[Parts]:
    owners = np.searchsorted(ids, np.array([number for number, _ in found], np.int64))
    pieces = chunks.opened([body for _, body in found], owners, chunks.Wanted(*span))
    columns = merged([pieces], [()] * len(ids))
    return [encoded(rolled(columns, step.ms), len(ids)) for step in steps]


async def drop(db: Database, making: Making, now: datetime, *, limit: int) -> int:
    """Drop the parts of steps that are kept no longer; return how many parts and single rows.

    What is left of a part that began earlier is out of reach from then on: raw samples and steps
    that are kept equally long reach back equally far.
    """
    total = 0
    for step in STEPS:
        table, first = step.table, making.oldest(step, now)
        if not first:
            continue
        async with db.transaction() as tx:
            parts = await partitions.drop_before(tx, first * DAY, table)
            if await days.any_before(tx, first):
                await days.gone(tx, step.name, first * DAY)
        rest = limit
        while rest == limit:
            async with db.transaction() as tx:
                rest = await partitions.delete_before(tx, first * DAY, limit=limit, of=table)
            total += rest
        total += parts
    async with db.transaction() as tx:
        since = await days.kept(tx)
        await days.forget(tx, min(since.get(what, 0) for what in (RAW, *(s.name for s in STEPS))))
    return total
