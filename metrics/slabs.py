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

from metrics import chunks, codec
from metrics.batch import Floats, Ints, Pieces, Refs
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
    Its first sample has the number `numbers[i]` in its row of the head, or UNNUMBERED.
    """

    refs: Refs
    hours: Hours
    numbers: Refs
    edges: Edges
    cuts: Edges
    pressed: bytes
    first: int
    last: int
    samples: int

    @property
    def size(self) -> int:
        """How many bytes of memory it takes."""
        columns = (self.refs, self.numbers, self.edges, self.cuts)
        hours = self.hours.nbytes if self.hours.strides[0] else 0
        return len(self.pressed) + hours + sum(column.nbytes for column in columns)

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


UNNUMBERED = -1
AT_ONCE = 2_000
"""Series of which one sample is looked for in one go."""
EMPTY, ZERO = np.empty(0, np.int32), np.zeros(1, np.int32)
NOTHING = Slab(EMPTY, EMPTY, EMPTY, ZERO, ZERO, b"", 0, 0, 0)


@dataclass(frozen=True)
class Written:
    """A part of what a flush wrote: the refs of its owners, and the numbers from which on it is."""

    refs: Refs
    numbers: Ints
    chunks: Encoded

    @property
    def numbered(self) -> Refs:
        """The number of each chunk's first sample."""
        owner, counts = self.chunks.owner, self.chunks.fixed["count"].astype(np.int64)
        before = np.cumsum(counts) - counts
        new = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
        before -= np.repeat(before[new], np.diff(np.append(np.flatnonzero(new), len(owner))))
        first = self.numbers[owner]
        return np.where(first == UNNUMBERED, UNNUMBERED, first + before).astype(np.int32)


def slab_of(parts: Sequence[Written]) -> Slab:
    """Return what a flush wrote, by ref."""
    if not parts:
        return NOTHING
    written = [part.chunks for part in parts]
    bodies = b"".join(part.bodies for part in written)
    refs = np.concatenate([part.refs[part.chunks.owner] for part in parts]).astype(np.int32)
    numbers = np.concatenate([part.numbered for part in parts])
    ends = np.cumsum(np.concatenate([part.sizes for part in written]))
    starts = np.concatenate([part.fixed["start_at"] for part in written])
    if (refs[1:] < refs[:-1]).any():
        order = np.argsort(refs, kind="stable")
        begins = np.append(0, ends[:-1])
        each = zip(begins[order].tolist(), ends[order].tolist(), strict=True)
        bodies = b"".join([bodies[begin:end] for begin, end in each])
        refs, ends, starts = refs[order], np.cumsum((ends - begins)[order]), starts[order]
        numbers = numbers[order]
    edges = _edges(ends)
    cuts, pressed = _pressed(bodies, edges)
    return Slab(
        refs=refs,
        hours=_hours(starts),
        numbers=numbers,
        edges=edges,
        cuts=cuts,
        pressed=pressed,
        first=int(starts.min()),
        last=max(int(part.fixed["end_at"].max()) for part in written),
        samples=sum(part.samples for part in written),
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
        self.size = 0

    def push(self, slab: Slab) -> None:
        """Hold what a flush has written."""
        if slab.samples:
            self._all.append(slab)
            self.size += slab.size

    def within(self, start: int, end: int) -> list[Slab]:
        """Return the slabs that may hold something from `start` to `end`, the oldest first."""
        return [slab for slab in self._all if slab.first <= end and slab.last >= start]

    def drop(self, before: int, most: int) -> list[tuple[Refs, int]]:
        """Let go of slabs that end before a time, and of the oldest beyond so many bytes.

        Returns for each the refs in it, and the time from which on nothing was lost.
        """
        gone = []
        while self._all and (self._all[0].last < before or self.size > most):
            slab = self._all.popleft()
            self.size -= slab.size
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


@dataclass(frozen=True)
class Firsts:
    """One sample of each of some series: number (or UNNUMBERED), time and value.

    Places are those of the series `asked`, or less where there was none; both rise.
    """

    asked: Ints
    places: Ints
    numbers: Ints
    times: Ints
    values: Floats

    def of(self, places: Ints) -> "Firsts":
        """Return those of some of the places, by their own places among these."""
        asked = np.flatnonzero(np.isin(places, self.asked))
        kept = np.isin(self.places, places)
        mine = np.searchsorted(places, self.places[kept])
        return Firsts(asked, mine, self.numbers[kept], self.times[kept], self.values[kept])


NO_ONE = np.empty(0, np.int64)
NO_FIRSTS = Firsts(NO_ONE, NO_ONE, NO_ONE, NO_ONE, np.empty(0))


def firsts(slabs: Sequence[Slab], refs: Refs, asked: Ints, start: int) -> Firsts:
    """Return the first sample from `start` on that slabs hold of each series that is asked for."""
    found, left = [NO_FIRSTS], asked
    for slab in slabs:
        for part in np.split(left, np.arange(AT_ONCE, len(left), AT_ONCE)):
            found.append(_firsts(slab, refs, part, start))
            left = np.setdiff1d(left, found[-1].places, assume_unique=True)
    places = np.concatenate([each.places for each in found])
    order = np.argsort(places)
    return Firsts(
        asked,
        places[order],
        np.concatenate([each.numbers for each in found])[order],
        np.concatenate([each.times for each in found])[order],
        np.concatenate([each.values for each in found])[order],
    )


def _firsts(slab: Slab, refs: Refs, places: Ints, start: int) -> Firsts:
    low = np.searchsorted(slab.refs, refs[places], "left")
    count = np.searchsorted(slab.refs, refs[places], "right") - low
    bodies, owner = spread(low, count), np.repeat(places, count)
    if not len(bodies):
        return NO_FIRSTS
    plain = codec.Plain(slab.bodies(bodies))
    times, values = plain.samples()
    counts = plain.counts
    begins = np.cumsum(counts) - counts
    older = np.add.reduceat(times < start, begins, dtype=np.int64)
    some = np.flatnonzero(older < counts)
    owners, first = np.unique(owner[some], return_index=True)
    body = some[first]
    at = begins[body] + older[body]
    numbers = slab.numbers[bodies[body]].astype(np.int64)
    numbers = np.where(numbers == UNNUMBERED, UNNUMBERED, numbers + older[body])
    return Firsts(places, owners, numbers, times[at], values[at])
