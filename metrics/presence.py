"""Which series have samples in a time, without reading them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import ARRAY, BigInteger, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import Database
from metrics.batch import Ints, Refs
from metrics.columns import Labels
from metrics.head import Head
from metrics.matchers import Matcher
from metrics.series import UNSTORED, Registry
from metrics.tables import Chunk

LONGEST_MS = 86_400_000
"""No chunk is longer: who looks for those that reach into a time need not look further back."""

Flags = npt.NDArray[np.bool_]


Where = tuple[Head, Registry, Database]
"""What a store consists of that knows of series."""


async def known(where: Where, matchers: Sequence[Matcher], start: int, end: int) -> list[Labels]:
    """Return the labels of matching series that have samples from `start` to `end` ms."""
    head, registry, db = where
    refs, labels = registry.selected(matchers)
    there = _in_memory(head, refs, start, end)
    ids = registry.ids_of(refs)
    asked = ~there & (head.covered[refs] > start) & (ids != UNSTORED)
    if asked.any():
        async with db.snapshot() as session:
            there |= np.isin(ids, await _in_chunks(session, ids[asked], start, end))
    return [labels[place] for place in np.flatnonzero(there).tolist()]


def _in_memory(head: Head, refs: Refs, start: int, end: int) -> Flags:
    """Tell of which series memory holds a sample from `start` to `end` ms."""
    newest, _ = head.last(refs)
    there: Flags = (newest >= start) & (newest <= end)
    beyond = np.flatnonzero(newest > end)
    for pieces in head.between(refs[beyond], start, end):
        there[beyond[np.unique(pieces.owner)]] = True
    return there


async def _in_chunks(session: AsyncSession, ids: Ints, start: int, end: int) -> Ints:
    """Return which of these ids have a chunk that reaches into the time."""
    given = func.unnest(cast(ids.tolist(), ARRAY(BigInteger))).table_valued("id")
    chunk = exists().where(
        Chunk.series == given.c.id,
        Chunk.start_at.between(start - LONGEST_MS, end),
        Chunk.end_at >= start,
    )
    found = (await session.scalars(select(given.c.id).where(chunk))).all()
    return np.array(found, np.int64)
