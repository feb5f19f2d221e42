"""What has left the rows of the head and is still kept in memory: full blocks, chained by row."""

from array import array
from typing import NamedTuple, TypeAlias

import numpy as np

from metrics.batch import Floats, Ints, Pieces
from metrics.growing import Cells, first_at_or_after, grown, spread

STEP = 4096
ASKED = 65_536
"""Blocks that are asked how old they are."""
NONE = -1

Places: TypeAlias = slice | Ints


class Dropped(NamedTuple):
    """Blocks that were let go of: place in the rows asked, first number, time of the newest."""

    place: Ints
    first: Ints
    last: Ints


class Since(NamedTuple):
    """Samples: place in the rows asked, number in the series, time and value."""

    place: Ints
    number: Ints
    times: Ints
    values: Floats


class Sealed:
    """Blocks of `width` samples; each knows the next older one of its row."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._times = Cells(np.int64, dense=True)
        self._values = Cells(np.float64, dense=True)
        self.first = np.empty(0, np.int64)  # number of the block's first sample within its series
        self.older = np.empty(0, np.int64)
        self.newest_of = np.empty(0, np.int64)  # by row
        self._used = np.empty(0, np.bool_)
        self._free = array("q")

    @property
    def blocks(self) -> int:
        """How many blocks are in use."""
        return len(self.first) - len(self._free)

    def reserve_rows(self, rows: int) -> None:
        """Make room for chains of rows numbered below `rows`."""
        grown(self.newest_of, rows, NONE)

    def push(self, rows: Places, first: Ints | int, times: Ints, values: Floats) -> None:
        """Take one block of each of these distinct rows; `times` and `values` are 2-D."""
        slots = self._take(len(times))
        self._times.array.reshape(-1, self.width)[slots] = times
        self._values.array.reshape(-1, self.width)[slots] = values
        self.first[slots] = first
        self._used[slots] = True
        self.older[slots] = self.newest_of[rows]
        self.newest_of[rows] = _each(slots)

    def _take(self, count: int) -> Places:
        """Return free slots, as a slice where they lie side by side: that is written at once."""
        while len(self._free) < count:
            size = len(self.first)
            grown(self.first, size + STEP)
            grown(self.older, size + STEP)
            grown(self._used, size + STEP)
            self._times.reserve((size + STEP) * self.width)
            self._values.reserve((size + STEP) * self.width)
            self._let_go(np.arange(size, size + STEP))
        taken = np.array(self._free[len(self._free) - count :], np.int64)[::-1]
        del self._free[len(self._free) - count :]
        if count and (taken[1:] - taken[:-1] == 1).all():
            return slice(int(taken[0]), int(taken[0]) + count)
        return taken

    def _let_go(self, slots: Ints) -> None:
        """Have these slots taken again, the last one of them last."""
        self._free.frombytes(slots[::-1].astype(np.int64).tobytes())

    def _rounds(self, rows: Ints) -> list[tuple[Ints, Ints]]:
        """Return place in `rows` and slot of the newest block of each row, then of the next."""
        rounds = []
        place, slot = np.arange(len(rows)), self.newest_of[rows]
        while len(slot):
            alive = slot != NONE
            place, slot = place[alive], slot[alive]
            rounds.append((place, slot))
            slot = self.older[slot]
        return rounds

    def _chains(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return the place in `rows` and the slot of every block of these rows."""
        nothing = np.empty(0, np.int64)
        places, slots = zip((nothing, nothing), *self._rounds(rows), strict=True)
        return np.concatenate(places), np.concatenate(slots)

    def _in_order(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return the same by place, and of each the oldest block first."""
        rounds = self._rounds(rows)
        depth = np.zeros(len(rows), np.int64)
        for place, _ in rounds:
            depth[place] += 1
        ends = np.cumsum(depth)
        slots = np.empty(int(depth.sum()), np.int64)
        for turn, (place, slot) in enumerate(rounds, start=1):
            slots[ends[place] - turn] = slot
        return np.repeat(np.arange(len(rows)), depth), slots

    def between(self, rows: Ints, start: int, end: int) -> Pieces:
        """Return what the blocks of these rows hold from `start` to `end`, ends included."""
        place, slot = self._in_order(rows)
        begins, ends = self._times.array[slot * self.width], self._ends(slot)
        some = (begins <= end) & (ends >= start)
        place, slot = place[some], slot[some]
        times = self._times.array.reshape(-1, self.width)[slot].ravel()
        values = self._values.array.reshape(-1, self.width)[slot].ravel()
        found = Pieces.of_runs(place, np.full(len(place), self.width), times, values)
        if ((begins[some] < start) | (ends[some] > end)).any():
            return found.only((times >= start) & (times <= end))
        return found

    def since(self, rows: Ints, moment: int) -> Since:
        """Return of each row the first sample from `moment` on, if a block holds it."""
        found, place, slot = np.full(len(rows), NONE), np.arange(len(rows)), self.newest_of[rows]
        while len(slot):
            some = slot != NONE
            some[some] = self._ends(slot[some]) >= moment
            if not some.all():
                place, slot = place[some], slot[some]
            found[place] = slot
            slot = self.older[slot]
        place = np.flatnonzero(found != NONE)
        slot = found[place]
        older = (self._times.array.reshape(-1, self.width)[slot] < moment).sum(axis=1)
        at = slot * self.width + older
        return Since(place, self.first[slot] + older, self._times.array[at], self._values.array[at])

    def behind(self, rows: Ints, numbers: Ints) -> Pieces:
        """Return the samples of these rows whose number in the series is at least `numbers`."""
        place, slot = self._in_order(rows)
        skip = np.clip(numbers[place] - self.first[slot], 0, self.width)
        return self._piece(slot, place, skip, self.width - skip)

    def _first_from(self, slots: Ints, moment: int | Ints) -> Ints:
        """Return for each of these blocks how many of its samples are older than `moment`."""
        full = np.full(len(slots), self.width, np.int64)
        begin = slots * self.width
        return first_at_or_after(
            self._times.array, lambda middle: begin + middle, self.width, full, moment
        )

    def _piece(self, slots: Ints, owners: Ints, skip: Ints, length: Ints) -> Pieces:
        """Return `length` samples of each block behind those to `skip`."""
        at = spread(slots * self.width + skip, length)
        return Pieces.of_runs(owners, length, self._times.array[at], self._values.array[at])

    def _ends(self, slots: Ints) -> Ints:
        """Return the time of each block's newest sample."""
        ends: Ints = self._times.array[slots * self.width + self.width - 1]
        return ends

    def ended_before(self, blocks: int) -> int:
        """Return a time before which so many of the blocks end, or all of them.

        Of many blocks some are asked for the others: all would take a tenth of a second.
        """
        every = -(-len(self.first) // ASKED) or 1
        slots = np.arange(0, len(self.first), every)
        ends = self._ends(slots[self._used[slots]])
        if not len(ends):
            return 0
        last = min(-(-blocks // every), len(ends)) - 1
        return int(np.partition(ends, last)[last]) + 1

    def overwrite(self, rows: Ints, times: Ints, values: Floats) -> None:
        """Write values over the samples that blocks of these rows hold at these very times."""
        place, slot = self._chains(rows)
        at = self._first_from(slot, times[place])
        held = at < self.width
        at = slot * self.width + np.minimum(at, self.width - 1)
        held &= self._times.array[at] == times[place]
        chosen = np.argsort(place[held], kind="stable")  # the last word in order of arrival counts
        self._values.array[at[held][chosen]] = values[place[held][chosen]]

    def drop(self, rows: Ints, numbers: Ints, before: int) -> Dropped:
        """Free blocks numbered below `numbers` whose samples are older than `before`."""
        place, slot = self._chains(rows)
        end = self._ends(slot)
        gone = (self.first[slot] + self.width <= numbers[place]) & (end < before)
        dead = np.zeros(len(self.first) + 1, np.bool_)
        dead[slot[gone]] = True
        # a chain loses its oldest links only, so what points to a dead one is its new end
        kept = slot[~gone]
        self.older[kept] = np.where(dead[self.older[kept]], NONE, self.older[kept])
        ends = self.newest_of[rows]
        self.newest_of[rows] = np.where(dead[ends], NONE, ends)
        self._used[slot[gone]] = False
        self._let_go(np.sort(slot[gone]))
        return Dropped(place[gone], self.first[slot[gone]], end[gone])


def _each(places: Places) -> Ints:
    return np.arange(places.start, places.stop) if isinstance(places, slice) else places
