"""The samples of series, from wherever they stand: at hand, in slabs, in chunks; each once."""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np

from kit.db import Database
from metrics import chunks
from metrics.batch import Ints, Pieces, Refs, merged
from metrics.chunks import Wanted
from metrics.columns import Columns, Enough, Labels
from metrics.ends import Ends, Newest, ends, newest
from metrics.head import Head
from metrics.promql.refusals import NotComputable
from metrics.series import UNSTORED, Registry
from metrics.slabs import NO_FIRSTS, Firsts, Slab, firsts
from metrics.slabs import within as slabs_within

COUNTED = 50_000
"""Who may read more chunks than this has their samples counted first."""
SHARE = 4_000
"""About so many chunks are read at once, and no more than half of them: two cores open them."""
READ_MOST = 50_000_000
"""Samples that may be asked for at once."""


class Reader:
    """Reads what a store has."""

    def __init__(self, head: Head, registry: Registry, db: Database) -> None:
        self._head, self._registry, self._db = head, registry, db

    def covers(self, refs: Refs, start: int) -> bool:
        """Tell whether what is at hand from `start` on is all there is."""
        return bool((self._head.bare[refs] <= start).all())

    def held(
        self, refs: Refs, labels: Sequence[Labels], start: int, end: int, *, enough: Enough
    ) -> Columns:
        """Return what memory holds from `start` to `end` ms, slabs too, opened at once."""
        if enough is Enough.EVERY:
            return self._held(refs, labels, start, end)
        slabs, asked = self._asked(refs, start, enough)
        told = self._told(refs, start, end, enough, firsts(slabs, refs, asked, start))
        return told.joined(self._held(*_others(told, refs, labels), start, end), labels)

    async def read(
        self, refs: Refs, labels: Sequence[Labels], start: int, end: int, *, enough: Enough
    ) -> Columns:
        """Return all samples from `start` to `end` ms, or `enough`: see `whole`."""
        if enough is Enough.EVERY:
            return await self.whole(refs, labels, start, end)
        slabs, asked = self._asked(refs, start, enough)
        deep = NO_FIRSTS
        if slabs:
            deep = await asyncio.to_thread(firsts, slabs, refs, asked, start)
        told = self._told(refs, start, end, enough, deep)
        raw = await self.whole(*_others(told, refs, labels), start, end)
        return await asyncio.to_thread(told.joined, raw, labels)

    def _told(
        self, refs: Refs, start: int, end: int, enough: Enough, deep: Firsts
    ) -> Newest | Ends:
        if enough is Enough.NEWEST:
            return newest(self._head, refs, start, end)
        return ends(self._head, refs, start, end, deep)

    def _asked(self, refs: Refs, start: int, enough: Enough) -> tuple[Sequence[Slab], Ints]:
        """Return where to look for the first samples from `start` on, and of whom."""
        head = self._head
        asked = np.flatnonzero((head.bare[refs] > start) & (head.covered[refs] <= start))
        if enough is Enough.NEWEST or not len(asked):
            return (), np.empty(0, np.int64)
        return head.slabs.within(start, int(head.bare[refs[asked]].max()) - 1), asked

    def _held(self, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Columns:
        pieces = self._head.between(refs, start, end)
        if not self.covers(refs, start):
            bare = self._head.bare[refs]
            slabs = self._head.slabs.within(start, min(end, int(bare.max()) - 1))
            pieces = [slabs_within(slabs, refs, Wanted(start, end, bare)), *pieces]
        return merged(pieces, labels)

    async def bounded(self, refs: Refs, start: int, end: int) -> None:
        """Refuse a read of many more samples than somebody may ask for, before it fills memory."""
        beyond = refs[self._head.covered[refs] > start]
        hours = (end - start) // chunks.HOUR + 1
        if hours * len(beyond) <= COUNTED:
            return
        ids = self._registry.ids_of(beyond)
        async with self._db.snapshot() as session:
            found = await chunks.count(session, ids[ids != UNSTORED].tolist(), start, end)
        if found > READ_MOST:
            raise NotComputable(
                "the query reads {samples} samples; at most {most} are allowed",
                samples=found,
                most=READ_MOST,
            )

    async def whole(self, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Columns:
        """Return all samples from `start` to `end` ms; what is in slabs or chunks off the loop."""
        # memory first: what a flush drops from it meanwhile stands in chunks before that
        at_hand = self._head.between(refs, start, end)
        if self.covers(refs, start):
            return merged(at_hand, labels)
        bare, covered = self._head.bare[refs], self._head.covered[refs]
        held = max(start, int(covered.min()))  # what is older comes from chunks
        slabs = self._head.slabs.within(held, min(end, int(bare.max()) - 1))
        beyond = np.flatnonzero(covered > start)
        ids = self._registry.ids_of(refs[beyond])
        stored = ids != UNSTORED
        place_of = dict(zip(ids[stored].tolist(), beyond[stored].tolist(), strict=True))
        last = min(end, int(covered.max()) - 1)
        wanted = Wanted(start, end, covered)
        opening: list[Future[Pieces]] = []
        if place_of:
            async with self._db.line() as line:
                async for rows in _shares(line, list(place_of), start, last):
                    # what has come is opened while the database looks for the rest
                    work = asyncio.to_thread(_opened, rows, place_of, wanted)
                    opening.append(asyncio.ensure_future(work))
        if slabs:
            work = asyncio.to_thread(slabs_within, slabs, refs, Wanted(held, end, bare))
            opening.append(asyncio.ensure_future(work))
        if not opening:
            return merged(at_hand, labels)
        opened = await asyncio.gather(*opening)
        return await asyncio.to_thread(merged, [*opened, *at_hand], labels)


def _others(
    told: Newest | Ends, refs: Refs, labels: Sequence[Labels]
) -> tuple[Refs, Sequence[Labels]]:
    return refs[told.others], [labels[place] for place in told.others.tolist()]


def _opened(
    rows: Sequence[tuple[int, bytes]], place_of: Mapping[int, int], wanted: Wanted
) -> Pieces:
    owners = np.array([place_of[number] for number, _ in rows], np.int64)
    return chunks.opened([body for _, body in rows], owners, wanted)


async def _shares(
    line: Any, ids: Sequence[int], start: int, end: int
) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Yield the chunks of these series, each time those of some of them."""
    many = max(1, SHARE // ((end - start) // chunks.WINDOW + 1))
    share = max(1, min(many, -(-len(ids) // 2)))
    for begin in range(0, len(ids), share):
        yield await chunks.read(line, ids[begin : begin + share], start, end)
