"""From memory to chunks: copy on the loop, encode in threads, write in one transaction."""

import asyncio
from collections import deque
from datetime import datetime
from itertools import pairwise

import numpy as np

from kit.db import Database, lock
from metrics import chunks
from metrics.batch import Ints, Pieces, Position, Refs, merged
from metrics.head import Head
from metrics.series import UNSTORED, Registry
from metrics.slabs import UNNUMBERED, Written, slab_of

SLICE = 2000
"""Series that are looked at in one go."""
SAMPLES = 65_536
"""Samples that are encoded in one go: measured, what fits the cache takes half as long."""


class Flush:
    """Writes what memory alone holds; one at a time."""

    def __init__(self, head: Head, registry: Registry, db: Database) -> None:
        self._head = head
        self._registry = registry
        self._db = db

    async def run(self, mark: Position, now: datetime) -> int:
        """Write everything that was appended up to `mark`, and `mark`; return how many samples."""
        head = self._head
        rows, late = head.unflushed(), head.late.size
        refs = head.ref_of[rows].astype(np.int32)
        done = False
        try:
            slices = _slices(head.waiting(rows))
            parts = deque([(some, await self._encoded(rows[some], late)) for some in slices])
            numbers = np.where(head.late.has[rows], UNNUMBERED, head.flushed[rows])
            slab = await asyncio.to_thread(
                slab_of, [Written(refs[some], numbers[some], part) for some, part in parts]
            )
            ids = await self._write(refs, parts, mark, now)
            done = True
        finally:
            if done:
                head.committed(rows, late)
            else:
                head.given_up(rows)
        head.slabs.push(slab)
        self._registry.stored(refs, ids)
        return slab.samples

    async def _encoded(self, rows: Ints, late: int) -> chunks.Encoded:
        pieces = self._head.take(rows, late)
        return await asyncio.to_thread(_encoded, pieces, len(rows))

    async def _write(
        self, refs: Refs, parts: deque[tuple[slice, chunks.Encoded]], mark: Position, now: datetime
    ) -> Ints:
        """Write the parts in one transaction; return the ids of all rows' series."""
        registry = self._registry
        ids = registry.ids_of(refs)
        new = np.flatnonzero(ids == UNSTORED)
        async with self._db.transaction() as tx:
            await lock(tx, *chunks.WRITING)
            for start in range(0, len(new), SLICE):
                some = new[start : start + SLICE]
                clients = [registry.clients[ref] for ref in refs[some].tolist()]
                ids[some] = await chunks.enter_series(tx, clients, registry.labels_of(refs[some]))
            written = deque((part, ids[some]) for some, part in parts)
            parts.clear()  # each is let go of as it is written
            await chunks.write(tx, written, mark, now)
        return ids


def _slices(samples: Ints) -> list[slice]:
    """Cut rows of so many samples into slices of about `SAMPLES`, and at most `SLICE` rows."""
    number = np.cumsum(samples) // SAMPLES + np.arange(len(samples)) // SLICE
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(samples)]
    return [slice(start, end) for start, end in pairwise(cuts) if end > start]


def _encoded(pieces: list[Pieces], series: int) -> chunks.Encoded:
    return chunks.encoded(merged(pieces, [()] * series))
