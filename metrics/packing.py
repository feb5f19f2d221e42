"""Many small chunks of a series made one: a flush writes what ten minutes have brought.

Who reads sees either the small ones or the one. What is half full as a flush writes it counts as
packed (`chunks.ENOUGH`). An hour is packed when it is over, a window of
several hours with its last hour, and either again when late samples have come for it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import ColumnElement, delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.clock import milliseconds
from kit.db import Database, among, lock
from metrics import chunks, partitions
from metrics.batch import Ints, merged
from metrics.tables import Chunk

SETTLED = timedelta(minutes=15)
"""So long after its end an hour is packed: flushes have written it by then."""
SLICE = 500
"""Series of which an hour is packed in one transaction; of a window fewer."""


class Packing:
    """Packs what can be packed, a few series at a time; flushes have their turn in between."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self, now: datetime) -> int:
        """Pack every hour that is over, as part of its window if that is; return the chunks made.

        What is packed already is not touched but by what came since: a series that ended stays as
        it is.
        """
        before = milliseconds(now - SETTLED) // chunks.HOUR * chunks.HOUR
        async with self._db.snapshot() as session:
            hour_of = Chunk.start_at // chunks.HOUR
            loose = select(hour_of).where(~Chunk.packed, Chunk.start_at < before).distinct()
            hours = sorted((await session.scalars(loose)).all())
        spans = dict.fromkeys(_span(hour * chunks.HOUR, before) for hour in hours)
        return sum([await self._pack(begin, end) for begin, end in spans])

    async def _pack(self, begin: int, end: int) -> int:
        inside = (Chunk.start_at >= begin, Chunk.start_at < end)
        async with self._db.snapshot() as session:
            loose = select(Chunk.series).where(*inside, ~Chunk.packed).distinct()
            series = sorted((await session.scalars(loose)).all())
        size = SLICE * chunks.HOUR // (end - begin)
        made = 0
        for start in range(0, len(series), size):
            some = series[start : start + size]
            # one from before there were hours may reach over the end, and stays as it is
            theirs = (*inside, among(Chunk.series, some), Chunk.end_at < end)
            async with self._db.transaction() as tx:
                await lock(tx, *chunks.WRITING)
                made += await _repacked(tx, some, theirs)
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


async def _repacked(
    tx: AsyncSession, series: Sequence[int], theirs: Sequence[ColumnElement[bool]]
) -> int:
    stmt = select(Chunk.series, Chunk.body).where(*theirs).order_by(Chunk.id)
    rows = [(number, body) for number, body in await tx.execute(stmt)]
    ids = np.array(series, np.int64)
    packed = await asyncio.to_thread(_encoded, rows, ids)
    await tx.execute(delete(Chunk).where(*theirs))
    await chunks.copy(tx, deque([(packed, ids)]))
    return len(packed.owner)


def _encoded(rows: Sequence[tuple[int, bytes]], ids: Ints) -> chunks.Encoded:
    owners = np.searchsorted(ids, np.array([number for number, _ in rows], np.int64))
    pieces = chunks.opened([body for _, body in rows], owners, chunks.EVERYTHING)
    return chunks.encoded(merged([pieces], [()] * len(ids)), packed=True)
