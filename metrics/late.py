"""Samples that came after a newer one of their series: a log beside the head, merged at reading."""

import numpy as np
import numpy.typing as npt

from metrics.batch import Floats, Ints, Pieces
from metrics.growing import grown

STEP = 4096


class Late:
    """Rows, times and values in the order of arrival; the first `flushed` stand in chunks."""

    def __init__(self) -> None:
        self._rows = np.empty(0, np.int64)
        self._times = np.empty(0, np.int64)
        self._values = np.empty(0, np.float64)
        self.has = np.zeros(0, np.bool_)  # by row
        self.size = 0
        self.flushed = 0

    def reserve_rows(self, rows: int) -> None:
        """Make room for rows numbered below `rows`."""
        grown(self.has, rows)

    def add(self, rows: Ints, times: Ints, values: Floats) -> None:
        """Take samples in the order in which they came."""
        end = self.size + len(rows)
        if end > len(self._rows):
            room = max(end, len(self._rows) * 3 // 2, STEP)
            grown(self._rows, room)
            grown(self._times, room)
            grown(self._values, room)
        self._rows[self.size : end] = rows
        self._times[self.size : end] = times
        self._values[self.size : end] = values
        self.has[rows] = True
        self.size = end

    def between(self, rows: Ints, start: int, end: int) -> Pieces:
        """Return the late samples of these rows from `start` to `end`, ends included."""
        times = self._times[: self.size]
        return self._of(rows, (times >= start) & (times <= end))

    def unflushed(self, rows: Ints, upto: int) -> Pieces:
        """Return those of these rows that stand in no chunk, among the first `upto`."""
        chosen = np.zeros(self.size, np.bool_)
        chosen[self.flushed : upto] = True
        return self._of(rows, chosen)

    def _of(self, rows: Ints, chosen: npt.NDArray[np.bool_]) -> Pieces:
        places = np.full(len(self.has), -1, np.int64)
        places[rows] = np.arange(len(rows))
        place = places[self._rows[: self.size]]
        at = np.flatnonzero(chosen & (place >= 0))
        return Pieces.of_each(place[at], self._times[at], self._values[at])

    def waiting(self, upto: int) -> Ints:
        """Return the distinct rows with samples in no chunk, among the first `upto`."""
        return np.unique(self._rows[self.flushed : upto])

    def drop(self, before: int) -> tuple[Ints, Ints, Floats]:
        """Forget what stands in chunks and is older than `before`; return it."""
        gone = np.zeros(self.size, np.bool_)
        gone[: self.flushed] = self._times[: self.flushed] < before
        lost = np.flatnonzero(gone)
        found = self._rows[lost], self._times[lost], self._values[lost]
        self._without(gone)
        return found

    def drop_rows(self, rows: Ints) -> None:
        """Forget everything of these rows."""
        self._without(np.isin(self._rows[: self.size], rows))

    def _without(self, gone: npt.NDArray[np.bool_]) -> None:
        kept = np.flatnonzero(~gone)
        for column in (self._rows, self._times, self._values):
            column[: len(kept)] = column[kept]
        self.flushed -= int(gone[: self.flushed].sum())
        self.size = len(kept)
        self.has[:] = False
        self.has[self._rows[: self.size]] = True
