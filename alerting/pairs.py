"""Who reads which series, asked for many series at once. Pure numpy."""

import numpy as np

from metrics.batch import Ints, Refs
from metrics.growing import spread


class Pairs:
    """Pairs of a series and a reader; both are numbers, and a series may have many readers."""

    def __init__(self) -> None:
        self._new: list[tuple[int, int]] = []
        self._refs: Ints = np.empty(0, np.int64)
        self._readers: Ints = np.empty(0, np.int64)
        self._starts: Ints = np.zeros(1, np.int64)

    def add(self, ref: int, reader: int) -> None:
        """Note that a reader reads a series."""
        self._new.append((ref, reader))

    def of(self, refs: Refs) -> Ints:
        """Return the readers of these series, one of several as often as it reads them."""
        if self._new:
            self._sort()
        within = refs[refs < len(self._starts) - 1]
        starts = self._starts[within]
        return self._readers[spread(starts, self._starts[within + 1] - starts)]

    def _sort(self) -> None:
        added = np.array(self._new, np.int64)
        self._new = []
        refs = np.concatenate([self._refs, added[:, 0]])
        order = np.argsort(refs, kind="stable")  # what stood there is sorted: little is moved
        self._refs = refs[order]
        self._readers = np.concatenate([self._readers, added[:, 1]])[order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(self._refs))])
