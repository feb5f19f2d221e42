"""Sums of runs of rows that lose nothing. Pure."""

import numpy as np

from metrics.promql.frames import Floats, Rows


def exact_sum(rows: Floats, sizes: Rows) -> tuple[Floats, Floats]:
    """Return the sums of runs of rows, and what rounding took from them.

    Neighbours are added in pairs until one row is left of each run; each addition keeps its
    own error (Knuth's two-sum), so that nothing is lost when large numbers cancel out.
    """
    high, low = rows, np.zeros_like(rows)
    while len(high) > len(sizes):
        halves = (sizes + 1) // 2
        nth = np.arange(halves.sum()) - np.repeat(np.cumsum(halves) - halves, halves)
        first = np.repeat(np.cumsum(sizes) - sizes, halves) + 2 * nth
        paired = np.flatnonzero(2 * nth + 1 < np.repeat(sizes, halves))
        second = first[paired] + 1
        next_high, next_low = high[first], low[first]
        before, added = next_high[paired], high[second]
        total = before + added
        part = total - before
        error = (before - (total - part)) + (added - part)
        next_high[paired] = total
        next_low[paired] = np.where(np.isfinite(total), next_low[paired] + low[second] + error, 0.0)
        high, low, sizes = next_high, next_low, halves
    return high, low
