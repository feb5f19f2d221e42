"""Many small chunks of a series made one: a flush writes what ten minutes have brought.

Who reads sees either the small ones or the one. What a flush brings much of counts as packed
(`chunks.ENOUGH`) and stays as it is, unless something overlaps it. An hour is packed when it is
over, a window of several hours with its last hour, and either again when late samples have come
for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import ColumnElement, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from kit.clock import milliseconds
from kit.db import Database, among, lock
from metrics import chunks, partitions
from metrics.arrivals import TIME_BITS
from metrics.batch import Ints, merged
from metrics.tables import Chunk

SETTLED = timedelta(minutes=15)
"""So long after its end an hour is packed: flushes have written it by then."""
SLICE = 100
"""Series of which an hour is packed in one transaction; of a window fewer."""
REST = 3
"""After a transaction it rests so many times as long, if samples came in: these go first."""
RESTS_MOST = 1200.0
"""Seconds that all the rests of one span take: however much there is, the next is not kept."""
LONGEST = 60.0
"""Seconds after which a run leaves the rest to the next one."""
KNOWN = (Chunk.series, Chunk.start_at, Chunk.end_at, Chunk.count, Chunk.packed, Chunk.id)
SERIES, START, END, COUNT, PACKED, ID = range(len(KNOWN))
BLIND = {"synchronize_session": False}


class Packing:
    """Packs what can be packed, a few series at a time; flushes have their turn in between.

    `came` tells how many samples have come in so far.
    """

    def __init__(self, db: Database, came: Callable[[], int]) -> None:
        self._db, self._came = db, came

    async def run(self, now: datetime) -> int:
        """Pack every hour that is over, as part of its window if that is; return the chunks made.

        It does so for a minute; where there is more, the next run goes on. What is packed already
        is not touched but by what came since: a series that ended stays as it is.
        """
        before = milliseconds(now - SETTLED) // chunks.HOUR * chunks.HOUR
        async with self._db.snapshot() as session:
            hour_of = Chunk.start_at // chunks.HOUR
            loose = select(hour_of).where(~Chunk.packed, Chunk.start_at < before).distinct()
            hours = sorted((await session.scalars(loose)).all())
        spans = dict.fromkeys(_span(hour * chunks.HOUR, before) for hour in hours)
        clock, made = asyncio.get_running_loop().time, 0
        ends_at = clock() + LONGEST
        for number, (begin, end) in enumerate(spans):
            if number and clock() > ends_at:
                break
            made += await self._pack(begin, end, ends_at)
        return made

    async def _pack(self, begin: int, end: int, ends_at: float) -> int:
        # one from before there were hours may reach over the end, and stays as it is
        inside = (Chunk.start_at >= begin, Chunk.start_at < end, Chunk.end_at < end)
        async with self._db.snapshot() as session:
            loose = select(Chunk.series).where(*inside, ~Chunk.packed).distinct()
            series = sorted((await session.scalars(loose)).all())
        if not series:
            return 0
        size = SLICE * chunks.HOUR // (end - begin)
        clock, rest_most = asyncio.get_running_loop().time, RESTS_MOST * size / max(len(series), 1)
        made = 0
        for start in range(0, len(series), size):
            some, began, came = series[start : start + size], clock(), self._came()
            if start and began > ends_at:
                return made
            theirs = (*inside, among(Chunk.series, some))
            async with self._db.transaction() as tx:
                await lock(tx, *chunks.WRITING)
                made += await _repacked(tx, theirs)
            if self._came() != came:
                await asyncio.sleep(min(REST * (clock() - began), rest_most))
        await self._tidy(begin // partitions.DAY)
        return made

    async def _tidy(self, day: int) -> None:
        """Have the room of the small chunks used again: those of the next hour go there."""
        async with self._db.snapshot() as session:
            own = day in await partitions.days(session)
        of = partitions.CHUNKS
        table = of.name_of(day) if own else of.rest
        async with self._db.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text(f"VACUUM {table}"))


def _span(at: int, before: int) -> tuple[int, int]:
    """Return begin and end of what is packed with the hour of a time: of its window, once over."""
    for length in (chunks.WINDOW, chunks.HOUR):
        begin = at // length * length
        if begin + length <= before:
            break
    return begin, begin + length


async def _repacked(tx: AsyncSession, theirs: Sequence[ColumnElement[bool]]) -> int:
    """Make one of the chunks of each run; return how many there are now in place of them."""
    stmt = select(*KNOWN).where(*theirs).order_by(Chunk.series, Chunk.start_at, Chunk.id)
    known = np.array([tuple(row) for row in await tx.execute(stmt)], np.int64).reshape(-1, 6)
    runs = runs_of(known)
    of_each = np.bincount(runs)[runs]
    changes = np.bincount(runs, weights=known[:, PACKED] == 0)[runs] > 0
    alone, several = changes & (of_each == 1), changes & (of_each > 1)
    if alone.any():
        these = among(Chunk.id, known[alone, ID].tolist())
        marked = update(Chunk).where(*theirs, these).values(packed=True)
        await tx.execute(marked, execution_options=BLIND)
    return await _made_one(tx, known[several], runs[several], theirs) if several.any() else 0


async def _made_one(
    tx: AsyncSession, known: Ints, runs: Ints, theirs: Sequence[ColumnElement[bool]]
) -> int:
    """Replace the chunks of each run; return how many there are now in place of them."""
    _, first, run = np.unique(runs, return_index=True, return_inverse=True)
    run_of = dict(zip(known[:, ID].tolist(), run.tolist(), strict=True))
    these = among(Chunk.id, list(run_of))
    stmt = select(Chunk.id, Chunk.body).where(*theirs, these).order_by(Chunk.id)
    rows = [(run_of[id], body) for id, body in await tx.execute(stmt)]
    packed = await asyncio.to_thread(_encoded, rows, len(first))
    await tx.execute(delete(Chunk).where(*theirs, these), execution_options=BLIND)
    await chunks.copy(tx, deque([(packed, known[first, SERIES])]))
    return len(packed.owner)


def runs_of(known: Ints) -> Ints:
    """Return the number of the run of each chunk, in the order of `KNOWN`: series, beginning.

    What overlaps is of one run, as are small ones that follow each other.
    """
    series, small = known[:, SERIES], known[:, COUNT] < chunks.ENOUGH
    place = np.cumsum(np.diff(series, prepend=series[:1]) != 0) << TIME_BITS
    reach = np.maximum.accumulate(place + known[:, END])
    new = np.ones(len(known), np.bool_)
    overlaps = (place + known[:, START])[1:] <= reach[:-1]
    same = series[1:] == series[:-1]
    new[1:] = ~overlaps & ~(same & small[1:] & small[:-1])
    runs: Ints = np.cumsum(new) - 1
    return runs


def _encoded(rows: Sequence[tuple[int, bytes]], runs: int) -> chunks.Encoded:
    owners = np.array([run for run, _ in rows], np.int64)
    pieces = chunks.opened([body for _, body in rows], owners, chunks.EVERYTHING)
    return chunks.encoded(merged([pieces], [()] * runs), packed=True)
