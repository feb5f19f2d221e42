"""The samples of series, from wherever they stand: at hand, in slabs, in chunks; each once."""

import asyncio
from collections.abc import Sequence

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import Database
from metrics import chunks
from metrics.batch import Refs, merged
from metrics.chunks import Wanted
from metrics.columns import Columns, Labels
from metrics.head import Head
from metrics.promql.refusals import NotComputable
from metrics.series import UNSTORED, Registry
from metrics.slabs import within as slabs_within

COUNTED = 50_000
"""Who may read more chunks than this has their samples counted first."""
READ_MOST = 50_000_000
"""Samples that may be asked for at once."""


class Reader:
    """Reads what a store has."""

    def __init__(self, head: Head, registry: Registry, db: Database) -> None:
        self._head, self._registry, self._db = head, registry, db

    def covers(self, refs: Refs, start: int) -> bool:
        """Tell whether what is at hand from `start` on is all there is."""
        return bool((self._head.bare[refs] <= start).all())

    def held(self, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Columns:
        """Return what memory holds from `start` to `end` ms, slabs too, opened at once."""
        pieces = self._head.between(refs, start, end)
        if not self.covers(refs, start):
            bare = self._head.bare[refs]
            slabs = self._head.slabs.within(start, min(end, int(bare.max()) - 1))
            pieces = [slabs_within(slabs, refs, Wanted(start, end, bare)), *pieces]
        return merged(pieces, labels)

    async def whole(
        self,
        refs: Refs,
        labels: Sequence[Labels],
        start: int,
        end: int,
        *,
        most: int | None = None,
    ) -> Columns:
        """Return all samples from `start` to `end` ms; what is in slabs or chunks off the loop.

        Refuses to read many more than `most`, before they take up memory.
        """
        # memory first: what a flush drops from it meanwhile stands in chunks before that
        at_hand = self._head.between(refs, start, end)
        if self.covers(refs, start):
            return merged(at_hand, labels)
        bare, covered = self._head.bare[refs], self._head.covered[refs]
        slabs = self._head.slabs.within(start, min(end, int(bare.max()) - 1))
        beyond = np.flatnonzero(covered > start)
        ids = self._registry.ids_of(refs[beyond])
        stored = ids != UNSTORED
        place_of = dict(zip(ids[stored].tolist(), beyond[stored].tolist(), strict=True))
        rows: list[tuple[int, bytes]] = []
        if place_of:
            last = min(end, int(covered[beyond].max()) - 1)
            hours = (last - start) // chunks.HOUR + 1
            async with self._db.snapshot() as session:
                if most is not None and hours * len(place_of) > COUNTED:
                    await _bounded(session, list(place_of), start, last, most)
                rows = await chunks.read(session, list(place_of), start, last)
        if not rows and not slabs:
            return merged(at_hand, labels)

        def joined() -> Columns:
            owners = np.array([place_of[number] for number, _ in rows], np.int64)
            bodies = [body for _, body in rows]
            found = chunks.opened(bodies, owners, Wanted(start, end, covered))
            held = slabs_within(slabs, refs, Wanted(start, end, bare))
            return merged([found, held, *at_hand], labels)

        return await asyncio.to_thread(joined)


async def _bounded(
    session: AsyncSession, ids: Sequence[int], start: int, end: int, most: int
) -> None:
    samples = await chunks.count(session, ids, start, end)
    if samples > most:
        raise NotComputable(
            "the query reads {samples} samples; at most {most} are allowed",
            samples=samples,
            most=most,
        )
