"""From memory to chunks: copy on the loop, encode in threads, write in one transaction."""

import asyncio
from collections.abc import Sequence

import numpy as np

from kit.db import Database, lock
from metrics import chunks
from metrics.batch import Ints, Pieces, Position, merged
from metrics.head import Head
from metrics.series import UNSTORED, Registry

SLICE = 2000


class Flush:
    """Writes what memory alone holds; one at a time."""

    def __init__(self, head: Head, registry: Registry, db: Database) -> None:
        self._head = head
        self._registry = registry
        self._db = db

    async def run(self, mark: Position) -> int:
        """Write everything that was appended up to `mark`, and `mark`; return how many samples."""
        head = self._head
        rows, late = head.unflushed(), head.late.size
        done = False
        try:
            parts = [
                await self._encoded(rows[start : start + SLICE], late)
                for start in range(0, len(rows), SLICE)
            ]
            await self._write(rows, parts, mark)
            done = True
        finally:
            if done:
                head.committed(rows, late)
            else:
                head.given_up(rows)
        return sum(part.samples for part in parts)

    async def _encoded(self, rows: Ints, late: int) -> chunks.Encoded:
        pieces = self._head.take(rows, late)
        return await asyncio.to_thread(_encoded, pieces, len(rows))

    async def _write(self, rows: Ints, parts: Sequence[chunks.Encoded], mark: Position) -> None:
        registry, refs = self._registry, self._head.ref_of[rows].astype(np.int32)
        ids = registry.ids_of(refs)
        new = np.flatnonzero(ids == UNSTORED)
        async with self._db.transaction() as tx:
            await lock(tx, "metrics", "flush")
            for start in range(0, len(new), SLICE):
                some = new[start : start + SLICE]
                clients = [registry.clients[ref] for ref in refs[some].tolist()]
                ids[some] = await chunks.enter_series(tx, clients, registry.labels_of(refs[some]))
            lines = [
                await asyncio.to_thread(
                    chunks.copy_rows, part, ids[place * SLICE : (place + 1) * SLICE]
                )
                for place, part in enumerate(parts)
            ]
            await chunks.write(tx, lines, mark)
        registry.stored(refs[new], ids[new])


def _encoded(pieces: list[Pieces], series: int) -> chunks.Encoded:
    return chunks.encoded(merged(pieces, [()] * series))
