"""Which series have samples in a time, and how they ended, without reading all of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import ARRAY, BigInteger, TableValuedAlias, cast, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import Database
from metrics import codec
from metrics.batch import Floats, Ints, Refs
from metrics.columns import Labels
from metrics.head import Head
from metrics.matchers import Matcher
from metrics.series import UNSTORED, Registry
from metrics.tables import Chunk

LONGEST_MS = 86_400_000
"""No chunk is longer: who looks for those that reach into a time need not look further back."""

Flags = npt.NDArray[np.bool_]


class Presence:
    """Tells what a store has of its series; what memory has not at hand is looked up in chunks."""

    def __init__(self, head: Head, registry: Registry, db: Database) -> None:
        self._head, self._registry, self._db = head, registry, db

    async def known(self, matchers: Sequence[Matcher], start: int, end: int, /) -> list[Labels]:
        """Return the labels of matching series that have samples from `start` to `end` ms.

        Of what stands in chunks alone, a chunk that reaches over the time will do.
        """
        refs, labels = self._registry.selected(matchers)
        there = _in_memory(self._head, refs, start, end)
        ids = self._registry.ids_of(refs)
        asked = ~there & (self._head.bare[refs] > start) & (ids != UNSTORED)
        if asked.any():
            async with self._db.snapshot() as session:
                there |= np.isin(ids, await _in_chunks(session, ids[asked], start, end))
        return [labels[place] for place in np.flatnonzero(there).tolist()]

    async def newest(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample, however long ago.

        They are -1 and NaN for none.
        """
        times, values = self._head.last(refs)
        ids = self._registry.ids_of(refs)
        quiet = np.flatnonzero((times < 0) & (ids != UNSTORED))
        if len(quiet):
            async with self._db.snapshot() as session:
                bodies = await _last_chunks(session, ids[quiet])
            for place in quiet.tolist():
                if body := bodies.get(int(ids[place])):
                    of, are = codec.decode(body)
                    times[place], values[place] = of[-1], are[-1]
        return times, values


def _in_memory(head: Head, refs: Refs, start: int, end: int) -> Flags:
    """Tell of which series memory has a sample at hand from `start` to `end` ms."""
    newest, _ = head.last(refs)
    there: Flags = (newest >= start) & (newest <= end)
    beyond = np.flatnonzero(newest > end)
    for pieces in head.between(refs[beyond], start, end):
        there[beyond[np.unique(pieces.owners[pieces.counts > 0])]] = True
    return there


async def _in_chunks(session: AsyncSession, ids: Ints, start: int, end: int) -> Ints:
    """Return which of these ids have a chunk that reaches into the time."""
    given = _given(ids)
    chunk = exists().where(
        Chunk.series == given.c.id,
        Chunk.start_at.between(start - LONGEST_MS, end),
        Chunk.end_at >= start,
    )
    found = (await session.scalars(select(given.c.id).where(chunk))).all()
    return np.array(found, np.int64)


async def _last_chunks(session: AsyncSession, ids: Ints) -> dict[int, bytes]:
    given = _given(ids)
    last = (
        select(Chunk.body)
        .where(Chunk.series == given.c.id)
        .order_by(Chunk.start_at.desc(), Chunk.id.desc())
        .limit(1)
        .lateral()
    )
    found = await session.execute(select(given.c.id, last.c.body).join(last, true()))
    return {number: body for number, body in found}


def _given(ids: Ints) -> TableValuedAlias:
    return func.unnest(cast(ids.tolist(), ARRAY(BigInteger))).table_valued("id").render_derived()
