"""The head: the newest samples of every series that is written to, in columns.

A series that is written to has a row: room for `WIDTH` times and values, ascending. A full row
gives its oldest `PART` to `sealed`; what comes late goes to `late`. What a flush has written stands
in `slabs` as well, so after a few minutes `sealed` lets go of it. Numbers count a series' samples
in the order of their times; those below `flushed` stand in chunks.
"""

from itertools import pairwise

import numpy as np

from metrics.arrivals import TIME_BITS, arrived
from metrics.batch import Floats, Ints, Pieces, Refs, merged
from metrics.growing import first_at_or_after, grown, neighbours, spread
from metrics.late import Late
from metrics.lines import STEP, WIDTH, Lines
from metrics.sealed import Sealed
from metrics.slabs import Slabs

PART = WIDTH // 4
FEW = 16
"""Runs of neighbouring rows that are written one by one, without looking for each row."""
NONE = -1
NEVER = -1
"""The time of the newest sample where there is none; real times are never negative."""
EVERYTHING = np.iinfo(np.int64).min


class Head:
    """Rows by number; `row_of` maps a ref to its row, or to NONE while nothing is written.

    `reach` is for how many ms samples are at hand that slabs hold, too.
    """

    def __init__(self, reach: int = 0) -> None:
        self.reach = reach
        self.row_of = np.empty(0, np.int64)  # by ref
        self.covered = np.empty(0, np.int64)  # by ref: from here on everything is in memory
        self.bare = np.empty(0, np.int64)  # by ref: from here on none of it in slabs alone
        self.ref_of = np.empty(0, np.int64)  # by row, as are all that follow
        self.count = np.empty(0, np.int64)
        self.first = np.empty(0, np.int64)
        self.flushed = np.empty(0, np.int64)
        self.taken = np.empty(0, np.int64)  # `flushed`, or what a flush under way has copied
        self.replayed = np.empty(0, np.int64)  # what is numbered below stands in no slab
        self.newest = np.empty(0, np.int64)
        self.broken = np.empty(0, np.int64)  # behind this number none is less than before, or late
        self.begun = np.empty(0, np.int64)  # samples of this time and later are all the row's own
        self.touched = np.empty(0, np.int64)
        self.lines = Lines()
        self._stamp = np.empty(0, np.int64)
        self._free: list[int] = []
        self.sealed = Sealed(PART)
        self.late = Late()
        self.slabs = Slabs()

    @property
    def _counted(self) -> tuple[Ints, ...]:
        return self.count, self.first, self.flushed, self.taken, self.replayed, self.broken

    @property
    def rows(self) -> int:
        """How many series have a row."""
        return len(self.ref_of) - len(self._free)

    def reserve(self, refs: int) -> None:
        """Know refs below `refs`; of new ones memory holds everything."""
        if refs > len(self.row_of):
            size = max(refs, len(self.row_of) + STEP)
            grown(self.row_of, size, NONE)
            grown(self.covered, size, EVERYTHING)
            grown(self.bare, size, EVERYTHING)

    def rows_of(self, refs: Refs) -> Ints:
        """Return the rows of these series, NONE where there is none."""
        size, first = len(refs), int(refs[0]) if len(refs) else 0
        if size > 1 and int(refs[-1]) - first == size - 1 and (refs[1:] > refs[:-1]).all():
            return np.array(self.row_of[first : first + size])
        rows: Ints = self.row_of[refs]
        return rows

    def open_rows(self, refs: Refs) -> Ints:
        """Give each of these distinct series a row."""
        while len(self._free) < len(refs):
            self._more_rows()
        left = len(self._free) - len(refs)
        rows = np.array(self._free[left:][::-1], np.int64)
        del self._free[left:]
        self.row_of[refs] = rows
        self.ref_of[rows] = refs
        self.newest[rows], self.begun[rows] = NEVER, self.bare[refs]
        return rows

    def _more_rows(self) -> None:
        size = len(self.ref_of)
        grown(self.ref_of, size + STEP, NONE)
        for column in (*self._counted, self.newest, self.begun, self.touched, self._stamp):
            grown(column, size + STEP)
        self.lines.reserve(size + STEP)
        self.sealed.reserve_rows(size + STEP)
        self.late.reserve_rows(size + STEP)
        self._free[:0] = range(size + STEP - 1, size - 1, -1)

    def append(self, rows: Ints, times: Ints, values: Floats, now: int) -> None:
        """Write samples in the order in which they came; times are at least 0."""
        runs = neighbours(rows, FEW)
        if runs is not None:
            self._in_runs(runs, times, values, now)
            return
        self.touched[rows] = now
        numbers = np.arange(len(rows))
        self._stamp[rows] = numbers
        if (self._stamp[rows] == numbers).all() and (times > self.newest[rows]).all():
            self._extend(rows, times, values)
        else:
            self._sort_in(rows, times, values)

    def _in_runs(self, runs: list[slice], times: Ints, values: Floats, now: int) -> None:
        """Write one sample to each row of these runs, none of which comes twice."""
        begin = 0
        for run in runs:
            end = begin + run.stop - run.start
            self.touched[run] = now
            if not (times[begin:end] > self.newest[run]).all():
                self._sort_in(np.arange(run.start, run.stop), times[begin:end], values[begin:end])
            elif not self._in_line(run, times[begin:end], values[begin:end]):
                self._extend(np.arange(run.start, run.stop), times[begin:end], values[begin:end])
            begin = end

    def _in_line(self, run: slice, times: Ints, values: Floats) -> bool:
        """Write one newer sample to each row of a run if all are equally far; tell whether."""
        first, count = int(self.first[run.start]), int(self.count[run.start])
        if not ((self.count[run] == count).all() and (self.first[run] == first).all()):
            return False
        if count == WIDTH:
            self._shift_line(run, first)
            first, count = first + PART, count - PART
        self.lines.write(run, first + count, times, values)
        if count and (fell := ~(values >= self.lines.read(run, first + count - 1))).any():
            self.broken[run][fell] = first + count
        self.count[run] += 1
        self.newest[run] = times
        return True

    def _extend(self, rows: Ints, times: Ints, values: Floats) -> None:
        """Write one sample newer than all before to each of distinct rows."""
        full = self.count[rows] >= WIDTH
        if full.any():
            self._shift(rows[full])
        numbers = self.first[rows] + self.count[rows]
        self._write(rows, numbers, times, values)
        self.count[rows] += 1
        self.newest[rows] = times

    def _write(self, rows: Ints, numbers: Ints, times: Ints, values: Floats) -> None:
        """Write samples whose predecessors stand, or are among them; note which values fell."""
        at = self.lines.cells(rows, numbers)
        self.lines.times[at], self.lines.values[at] = times, values
        fell = ~(values >= self.lines.values[self.lines.cells(rows, numbers - 1)])
        self.broken[rows[fell]] = numbers[fell]  # they ascend: the last one stays

    def _shift(self, rows: Ints) -> None:
        first = self.first[rows]
        at = self.lines.cells(rows[:, np.newaxis], first[:, np.newaxis] + np.arange(PART))
        times, values = self.lines.times[at], self.lines.values[at]
        last = times[:, -1]
        old = (last < self.touched[rows] - self.reach) & (first + PART <= self.flushed[rows])
        if old.any():
            self._gone(rows[old], first[old], last[old])
            kept = ~old
            self.sealed.push(rows[kept], first[kept], times[kept], values[kept])
        else:
            self.sealed.push(rows, first, times, values)
        self.first[rows] += PART
        self.count[rows] -= PART

    def _shift_line(self, run: slice, first: int) -> None:
        """The same for neighbours that are equally far: `first` is a multiple of `PART`."""
        for rows, times, values in self.lines.table(run, first, PART):
            last = times[:, -1]
            old = last < self.touched[rows] - self.reach
            old &= first + PART <= self.flushed[rows]
            if old.any():
                self._shift(np.arange(rows.start, rows.stop))
                continue
            self.sealed.push(rows, first, times, values)
            self.first[rows] += PART
            self.count[rows] -= PART

    def _sort_in(self, rows: Ints, times: Ints, values: Floats) -> None:
        """Write samples of which some are late, equal to the newest, or of the same series."""
        found = arrived(rows, times, values, self.newest)
        if len(found.equal.rows):
            self._overwrite(*found.equal)
        if len(found.late.rows):
            self.late.add(*found.late)
        if len(found.ahead.rows):
            self._runs(*found.ahead)
        self._breaks(found.late.rows)

    def _overwrite(self, rows: Ints, times: Ints, values: Floats) -> None:
        self._write(rows, self.first[rows] + self.count[rows] - 1, times, values)
        copied = self.first[rows] + self.count[rows] <= self.taken[rows]
        copied |= self.late.has[rows]  # an older word on this time may stand there, and would win
        if copied.any():  # a chunk holds the old value: the new one has to follow it
            self.late.add(rows[copied], times[copied], values[copied])
            self._breaks(rows[copied])

    def _breaks(self, rows: Ints) -> None:
        self.broken[rows] = self.first[rows] + self.count[rows]

    def _runs(self, rows: Ints, times: Ints, values: Floats) -> None:
        """Write ascending runs of samples, grouped by row, in pieces of at most `PART`."""
        begins = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
        lengths = np.diff(np.append(begins, len(rows)))
        rank = np.arange(len(rows)) - np.repeat(begins, lengths)
        piece = rank // PART
        order = np.argsort(piece, kind="stable")
        bounds = np.searchsorted(piece[order], np.arange(int(piece.max()) + 2))
        for low, high in pairwise(bounds.tolist()):
            now = order[low:high]
            each, count = np.unique(rows[now], return_counts=True)
            full = self.count[each] + count > WIDTH
            if full.any():
                self._shift(each[full])
            number = self.first[rows[now]] + self.count[rows[now]] + rank[now] % PART
            self._write(rows[now], number, times[now], values[now])
            self.count[each] += count
            self.newest[rows[now]] = times[now]  # ascending: the last one stays

    def last(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample; NEVER and NaN where none is held."""
        times, values, _ = self._from_end(refs, 1)
        return times, values

    def last_but_one(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample but one; NEVER and NaN for none."""
        times, values, places = self._from_end(refs, 2)
        rows = self.row_of[refs]
        for place in places[self.late.has[rows[places]]].tolist():
            newest = int(self.newest[rows[place]])
            found = merged(self.between(refs[place : place + 1], int(times[place]), newest), [()])
            times[place], values[place] = found.times[-2], found.values[-2]
        return times, values

    def _from_end(self, refs: Refs, back: int) -> tuple[Ints, Floats, Ints]:
        """Return time and value of each row's sample so far from its end, and who has one."""
        rows = self.row_of[refs]
        held = rows != NONE
        held[held] = self.count[rows[held]] >= back
        times = np.full(len(refs), NEVER, np.int64)
        values = np.full(len(refs), np.nan)
        at = self.lines.cells(rows[held], self.first[rows[held]] + self.count[rows[held]] - back)
        times[held], values[held] = self.lines.times[at], self.lines.values[at]
        return times, values, np.flatnonzero(held)

    def between(self, refs: Refs, start: int, end: int) -> list[Pieces]:
        """Return what memory holds of these series from `start` to `end`, slabs left out.

        Both ends are included. Owners are places in `refs`; a single piece is sorted and has no
        duplicates.
        """
        rows = self.row_of[refs]
        place = np.flatnonzero(rows != NONE)
        rows = rows[place]
        low = self.first_from(rows, start)
        high = self.first_from(rows, end + 1)
        pieces = [self._piece(rows, place, low, np.maximum(high - low, 0))]
        deep = (low == 0) & (self.first[rows] > 0)
        if deep.any():
            pieces.insert(0, self.sealed.between(rows[deep], start, end).placed(place[deep]))
        late = self.late.has[rows]
        if late.any():
            pieces.append(self.late.between(rows[late], start, end).placed(place[late]))
        return [piece for piece in pieces if len(piece.times)]

    def first_from(self, rows: Ints, moment: int | Ints) -> Ints:
        """Return for each row how many of its samples are older than `moment`."""
        first = self.first[rows]
        return first_at_or_after(
            self.lines.times,
            lambda middle: self.lines.cells(rows, first + middle),
            WIDTH,
            self.count[rows],
            moment,
        )

    def _piece(self, rows: Ints, owners: Ints, skip: Ints, length: Ints) -> Pieces:
        """Return `length` samples of each row behind those to `skip`."""
        at = self.lines.cells(np.repeat(rows, length), spread(self.first[rows] + skip, length))
        return Pieces(owners, length, self.lines.times[at], self.lines.values[at])

    def unflushed(self) -> Ints:
        """Return the rows that hold samples which stand in no chunk."""
        waiting = self.first + self.count > self.flushed
        waiting[self.late.waiting(self.late.size)] = True
        return np.flatnonzero(waiting)

    def waiting(self, rows: Ints) -> Ints:
        """Return how many samples of each of these rows stand in no chunk, late ones left out."""
        return (self.first + self.count - self.flushed)[rows]

    def take(self, rows: Ints, late_upto: int) -> list[Pieces]:
        """Copy what a flush has to write of these rows; owners are places in `rows`."""
        first, count, done = self.first[rows], self.count[rows], self.flushed[rows]
        self.taken[rows] = first + count
        skip = np.clip(done - first, 0, count)
        place = np.arange(len(rows))
        pieces = [self._piece(rows, place, skip, count - skip)]
        deep = done < first
        if deep.any():
            pieces.insert(0, self.sealed.behind(rows[deep], done[deep]).placed(place[deep]))
        late = self.late.has[rows]
        if late.any():
            found = self.late.unflushed(rows[late], late_upto)
            pieces.append(found.placed(place[late]))
        return pieces

    def committed(self, rows: Ints, late_upto: int) -> None:
        """Note that what was taken of these rows stands in chunks."""
        self.flushed[rows] = self.taken[rows]
        self.late.flushed = max(self.late.flushed, late_upto)

    def all_committed(self) -> None:
        """Note that everything in memory stands in chunks, though in no slab."""
        self.taken[:] = self.first + self.count
        self.replayed[:] = self.taken
        self.committed(np.arange(len(self.ref_of)), self.late.size)

    def given_up(self, rows: Ints) -> None:
        """Note that what was taken of these rows was not written."""
        self.taken[rows] = self.flushed[rows]

    def oldest_of(self, most: int) -> int:
        """Return from when on samples have to be dropped so that `most` of them stay; else 0."""
        over = (self.rows * WIDTH + self.sealed.blocks * PART - most) // PART
        return self.sealed.ended_before(over) if over > 0 else 0

    def forget_blocks(self, rows: Ints, before: int) -> None:
        """Drop blocks of these rows that stand in chunks and are older than `before`."""
        rows = rows[self.ref_of[rows] != NONE]
        dropped = self.sealed.drop(rows, self.flushed[rows], before)
        self._gone(rows[dropped.place], dropped.first, dropped.last)

    def forget(self, rows: Ints, before: int) -> list[int]:
        """Give back those of these rows whose samples stand in chunks and are older than `before`.

        Returns their refs: nothing has been written to them since.
        """
        rows = rows[self.ref_of[rows] != NONE]
        quiet = (
            (self.touched[rows] < before)
            & (self.newest[rows] < before)
            & (self.flushed[rows] >= self.first[rows] + self.count[rows])
            & ~self.late.has[rows]
        )
        return self._close(rows[quiet])

    def _gone(self, rows: Ints, first: Ints, last: Ints) -> None:
        """Note which samples of these rows are no longer at hand, and which in no slab either."""
        refs = self.ref_of[rows]
        np.maximum.at(self.bare, refs, last + 1)
        lost = first < self.replayed[rows]
        np.maximum.at(self.covered, refs[lost], last[lost] + 1)

    def forget_late(self, before: int) -> None:
        """Drop late samples that stand in chunks and are older than `before`."""
        rows, times, values = self.late.drop(before)
        for column in (self.covered, self.bare):
            np.maximum.at(column, self.ref_of[rows], times + 1)
        # a row may hold the older word on the same time, and memory is believed before chunks
        self.sealed.overwrite(rows, times, values)
        place = self.first_from(rows, times)
        held = place < self.count[rows]
        at = self.lines.cells(rows, self.first[rows] + place)
        held &= self.lines.times[at] == times
        self.lines.values[at[held]] = values[held]

    def remove(self, refs: Refs) -> int:
        """Give back the rows of these series with all they hold; return how many there were."""
        rows = self.row_of[refs]
        rows = rows[rows != NONE]
        self.late.drop_rows(rows)
        self.flushed[rows] = self.first[rows] + self.count[rows]
        return len(self._close(rows))

    def _close(self, rows: Ints) -> list[int]:
        refs = self.ref_of[rows]
        self.forget_blocks(rows, 1 << TIME_BITS)
        for column in (self.covered, self.bare):
            column[refs] = np.maximum(column[refs], self.newest[rows] + 1)
        self.row_of[refs] = NONE
        self.ref_of[rows] = NONE
        for column in self._counted:
            column[rows] = 0
        self._free.extend(rows.tolist())
        closed: list[int] = refs.tolist()
        return closed
