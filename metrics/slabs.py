"""What flushes have written and memory still holds, encoded as it stands in chunks.

A slab is what one flush wrote. Later ones are believed before earlier ones, and the oldest goes
first: so whatever a slab says of a moment is the last word of those that are left.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics import chunks
from metrics.batch import Pieces, Refs
from metrics.chunks import Encoded, Wanted
from metrics.growing import spread


@dataclass(frozen=True)
class Slab:
    """Chunks by ref, ascending; body i is `bodies[begins[i]:ends[i]]`.

    The three columns lie in one piece: large things that stay go where nothing small does.
    """

    refs: npt.NDArray[np.signedinteger[Any]]
    begins: npt.NDArray[np.signedinteger[Any]]
    ends: npt.NDArray[np.signedinteger[Any]]
    bodies: bytes
    first: int
    last: int
    samples: int


NOTHING = Slab(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64), b"", 0, 0, 0)


def slab_of(parts: Sequence[tuple[Refs, Encoded]]) -> Slab:
    """Return what a flush wrote, by ref; each part with the refs of its owners."""
    if not parts:
        return NOTHING
    bodies = b"".join(part.bodies for _, part in parts)
    refs = np.concatenate([of[part.owner] for of, part in parts])
    sizes = np.concatenate([part.sizes for _, part in parts])
    ends = np.cumsum(sizes)
    begins = ends - sizes
    order = np.argsort(refs, kind="stable")
    index = np.empty((3, len(refs)), np.int64 if len(bodies) >> 31 else np.int32)
    for line, column in zip(index, (refs, begins, ends), strict=True):
        line[:] = column[order]
    return Slab(
        refs=index[0],
        begins=index[1],
        ends=index[2],
        bodies=bodies,
        first=min(int(part.fixed["start_at"].min()) for _, part in parts),
        last=max(int(part.fixed["end_at"].max()) for _, part in parts),
        samples=sum(part.samples for _, part in parts),
    )


class Slabs:
    """The slabs, oldest first."""

    def __init__(self) -> None:
        self._all: deque[Slab] = deque()
        self.samples = 0

    def push(self, slab: Slab) -> None:
        """Hold what a flush has written."""
        if slab.samples:
            self._all.append(slab)
        self.samples += slab.samples

    def within(self, start: int, end: int) -> list[Slab]:
        """Return the slabs that may hold something from `start` to `end`, the oldest first."""
        return [slab for slab in self._all if slab.first <= end and slab.last >= start]

    def drop(self, before: int, most: int) -> list[tuple[Refs, int]]:
        """Let go of slabs that end before a time, and of the oldest while there are too many.

        Returns for each the refs in it, and the time from which on nothing was lost.
        """
        gone = []
        while self._all and (self._all[0].last < before or self.samples > most):
            slab = self._all.popleft()
            self.samples -= slab.samples
            gone.append((slab.refs, slab.last + 1))
        return gone


def within(slabs: Sequence[Slab], refs: Refs, wanted: Wanted) -> Pieces:
    """Return what slabs hold of these series that is wanted; owners are places."""
    bodies: list[bytes] = []
    owners = [np.empty(0, np.int64)]
    for slab in slabs:
        low = np.searchsorted(slab.refs, refs, "left")
        count = np.searchsorted(slab.refs, refs, "right") - low
        at = spread(low, count)
        cuts = zip(slab.begins[at].tolist(), slab.ends[at].tolist(), strict=True)
        bodies += [slab.bodies[begin:stop] for begin, stop in cuts]
        owners.append(np.repeat(np.arange(len(refs)), count))
    return chunks.opened(bodies, np.concatenate(owners), wanted)
