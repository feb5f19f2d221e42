"""Where the head's rows stand: side by side, a block of them in `WIDTH` lines.

Series that are written to together have their newest samples in one piece of memory. A sample's
line is its number, modulo `WIDTH`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from metrics.batch import Floats, Ints
from metrics.growing import Cells

WIDTH = 32
"""Samples of a row."""
STEP_BITS = 12
STEP = 1 << STEP_BITS
"""Rows of a block."""
PITCH = STEP + 8
"""From line to line: an odd number of cache lines, or all samples of a row would share one set."""
BLOCK = WIDTH * PITCH


class Lines:
    """Times (ms) and values of rows by number."""

    def __init__(self) -> None:
        self._times = Cells(np.int64)
        self._values = Cells(np.float64)

    @property
    def times(self) -> Ints:
        """All times; `cells` tells where which one stands."""
        return self._times.array

    @property
    def values(self) -> Floats:
        """All values, in the same order."""
        return self._values.array

    def reserve(self, rows: int) -> None:
        """Make room for rows numbered below `rows`; no view may be alive."""
        blocks = -(-rows // STEP)
        self._times.reserve(blocks * BLOCK)
        self._values.reserve(blocks * BLOCK)

    def cells(self, rows: Ints, numbers: Ints) -> Ints:
        """Return where the samples of these numbers stand."""
        cells: Ints = rows + (rows >> STEP_BITS) * (BLOCK - STEP)
        return cells + (numbers & (WIDTH - 1)) * PITCH

    def write(self, run: slice, number: int, times: Ints, values: Floats) -> None:
        """Write the sample of this number to each of neighbouring rows."""
        for part, at in _blocks(run, number):
            end = at + part.stop - part.start
            self.times[at:end], self.values[at:end] = times[part], values[part]

    def read(self, run: slice, number: int) -> Floats:
        """Return the values of the samples of this number of neighbouring rows."""
        found = [self.values[at : at + one.stop - one.start] for one, at in _blocks(run, number)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def table(self, run: slice, number: int, count: int) -> Iterator[tuple[slice, Ints, Floats]]:
        """Yield parts of neighbouring rows with views of `count` of their samples, by row.

        None of these samples but the first may be of line 0: their lines follow each other.
        """
        for part, at in _blocks(run, number):
            rows = slice(run.start + part.start, run.start + part.stop)
            shape, apart = (part.stop - part.start, count), (8, 8 * PITCH)
            yield (
                rows,
                as_strided(self.times[at:], shape, apart),
                as_strided(self.values[at:], shape, apart),
            )


def _blocks(run: slice, number: int) -> Iterator[tuple[slice, int]]:
    """Yield what of a run is in one block, counted from its start, and where that begins."""
    row, line = run.start, number % WIDTH * PITCH
    while row < run.stop:
        end = min(row - row % STEP + STEP, run.stop)
        yield (
            slice(row - run.start, end - run.start),
            row // STEP * BLOCK + row % STEP + line,
        )
        row = end
