"""Sums of runs of rows that lose nothing. Pure."""

import numpy as np

from metrics.promql.frames import Floats, Rows


def exact_sum(rows: Floats, sizes: Rows) -> tuple[Floats, Floats]:
    """Return the sums of runs of rows, and what rounding took from them.

    Neighbours are added in pairs until one row is left of each run; each addition keeps its
    own error (Knuth's two-sum), so that nothing is lost when large numbers cancel out.
    """
    high, low = rows, None
    while len(high) > len(sizes):
        halves = (sizes + 1) // 2
        nth = np.arange(halves.sum()) - np.repeat(np.cumsum(halves) - halves, halves)
        first = np.repeat(np.cumsum(sizes) - sizes, halves) + 2 * nth
        paired = np.flatnonzero(2 * nth + 1 < np.repeat(sizes, halves))
        second = first[paired] + 1
        next_high = high[first]
        before, added = next_high[paired], high[second]
        total = before + added
        part = total - before
        error = (before - (total - part)) + (added - part)
        next_high[paired] = total
        if low is None:  # as it is of what nothing was taken from yet
            next_low = np.zeros_like(next_high)
        else:
            next_low = low[first]
            error += next_low[paired] + low[second]
        next_low[paired] = np.where(np.isfinite(total), error, 0.0)
        high, low, sizes = next_high, next_low, halves
    return high, np.zeros_like(high) if low is None else low
