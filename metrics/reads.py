"""The samples of series, from wherever they stand: at hand, in slabs, in chunks; each once."""

import asyncio
from collections.abc import Sequence

import numpy as np

from metrics import chunks
from metrics.batch import Refs, merged
from metrics.columns import Columns, Labels
from metrics.head import Head
from metrics.presence import Where
from metrics.series import UNSTORED
from metrics.slabs import between as slabs_between


def covers(head: Head, refs: Refs, start: int) -> bool:
    """Tell whether what is at hand from `start` on is all there is."""
    return bool((head.bare[refs] <= start).all())


def held(head: Head, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Columns:
    """Return what memory holds from `start` to `end` ms, slabs too; these are opened at once."""
    pieces = head.between(refs, start, end)
    if not covers(head, refs, start):
        slabs = head.slabs.within(start, end)
        pieces = [*slabs_between(slabs, refs, start, end), *pieces]
    return merged(pieces, labels)


async def whole(
    where: Where, refs: Refs, labels: Sequence[Labels], start: int, end: int
) -> Columns:
    """Return all samples from `start` to `end` ms; what is not at hand is opened in a thread."""
    head, registry, db = where
    # memory first: what a flush drops from it meanwhile stands in chunks before that
    at_hand = head.between(refs, start, end)
    if covers(head, refs, start):
        return merged(at_hand, labels)
    slabs = head.slabs.within(start, end)
    beyond = np.flatnonzero(head.covered[refs] > start)
    ids = registry.ids_of(refs[beyond])
    stored = ids != UNSTORED
    place_of = dict(zip(ids[stored].tolist(), beyond[stored].tolist(), strict=True))
    rows: list[tuple[int, bytes]] = []
    if place_of:
        async with db.snapshot() as session:
            rows = await chunks.read(session, list(place_of), start, end)
    if not rows and not slabs:
        return merged(at_hand, labels)

    def joined() -> Columns:
        owners = np.array([place_of[number] for number, _ in rows], np.int64)
        found = chunks.opened([body for _, body in rows], owners, start, end)
        return merged([found, *slabs_between(slabs, refs, start, end), *at_hand], labels)

    return await asyncio.to_thread(joined)
