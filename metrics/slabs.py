"""What flushes have written and memory still holds, encoded as in chunks, and pressed.

A slab is what one flush wrote. Later ones are believed before earlier ones, and the oldest goes
first: so whatever a slab says of a moment is the last word of those that are left.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from cramjam import snappy

from metrics import chunks
from metrics.batch import Ints, Pieces, Refs
from metrics.chunks import Encoded, Wanted
from metrics.growing import spread

Edges: TypeAlias = npt.NDArray[np.signedinteger[Any]]
Hours: TypeAlias = npt.NDArray[np.int32]

GROUP = 64
"""Bodies that are pressed together: measured, less than half stays, and 2 µs open a group."""


@dataclass(frozen=True)
class Slab:
    """Chunks by ref, ascending; pressed, in groups of `GROUP`, as neighbours are much alike.

    Unpressed, body i would stand at `edges[i]` to `edges[i + 1]`; group g stands at `cuts[g]` to
    `cuts[g + 1]` of `pressed`. Each is one piece: what is large lies apart from small things.
    `hours[i]` is the hour of which body i is, since 1970; where all are of one, it takes no room.
    """

    refs: Refs
    hours: Hours
    edges: Edges
    cuts: Edges
    pressed: bytes
    first: int
    last: int
    samples: int

    def bodies(self, places: Ints) -> list[bytes]:
        """Return the bodies of these places, in their order."""
        number = places // GROUP
        groups = {group: self._opened(group) for group in np.unique(number).tolist()}
        at = self.edges[number * GROUP]
        begins, ends = (self.edges[places] - at).tolist(), (self.edges[places + 1] - at).tolist()
        each = zip(number.tolist(), begins, ends, strict=True)
        return [groups[group][begin:end] for group, begin, end in each]

    def _opened(self, group: int) -> bytes:
        pressed = self.pressed[self.cuts[group] : self.cuts[group + 1]]
        return bytes(snappy.decompress_raw(pressed))


EMPTY, ZERO = np.empty(0, np.int32), np.zeros(1, np.int32)
NOTHING = Slab(EMPTY, EMPTY, ZERO, ZERO, b"", 0, 0, 0)


def slab_of(parts: Sequence[tuple[Refs, Encoded]]) -> Slab:
    """Return what a flush wrote, by ref; each part with the refs of its owners."""
    if not parts:
        return NOTHING
    bodies = b"".join(part.bodies for _, part in parts)
    refs = np.concatenate([of[part.owner] for of, part in parts]).astype(np.int32)
    ends = np.cumsum(np.concatenate([part.sizes for _, part in parts]))
    starts = np.concatenate([part.fixed["start_at"] for _, part in parts])
    if (refs[1:] < refs[:-1]).any():
        order = np.argsort(refs, kind="stable")
        begins = np.append(0, ends[:-1])
        each = zip(begins[order].tolist(), ends[order].tolist(), strict=True)
        bodies = b"".join([bodies[begin:end] for begin, end in each])
        refs, ends, starts = refs[order], np.cumsum((ends - begins)[order]), starts[order]
    edges = _edges(ends)
    cuts, pressed = _pressed(bodies, edges)
    return Slab(
        refs=refs,
        hours=_hours(starts),
        edges=edges,
        cuts=cuts,
        pressed=pressed,
        first=int(starts.min()),
        last=max(int(part.fixed["end_at"].max()) for _, part in parts),
        samples=sum(part.samples for _, part in parts),
    )


def _hours(starts: Ints) -> Hours:
    hours = (starts // chunks.HOUR).astype(np.int32)
    alike = bool((hours == hours[0]).all())
    return np.broadcast_to(hours[:1].copy(), hours.shape) if alike else hours


def _edges(ends: Ints) -> Edges:
    """Return where pieces begin and end that stand one after another."""
    edges: Edges = np.append(0, ends).astype(np.int64 if int(ends[-1]) >> 31 else np.int32)
    return edges


def _pressed(bodies: bytes, edges: Edges) -> tuple[Edges, bytes]:
    """Return where each group begins and ends, and all groups, one after another."""
    bounds = [*edges[:-1:GROUP].tolist(), len(bodies)]
    whole = memoryview(bodies)
    groups = [bytes(snappy.compress_raw(whole[begin:end])) for begin, end in pairwise(bounds)]
    return _edges(np.cumsum([len(group) for group in groups])), b"".join(groups)


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
    first, last = wanted.start // chunks.HOUR, wanted.end // chunks.HOUR
    bodies: list[bytes] = []
    owners = [np.empty(0, np.int64)]
    for slab in slabs:
        low = np.searchsorted(slab.refs, refs, "left")
        count = np.searchsorted(slab.refs, refs, "right") - low
        places, owner = spread(low, count), np.repeat(np.arange(len(refs)), count)
        hours = slab.hours[places]
        inside = (hours >= first) & (hours <= last)
        bodies += slab.bodies(places[inside])
        owners.append(owner[inside])
    return chunks.opened(bodies, np.concatenate(owners), wanted)
