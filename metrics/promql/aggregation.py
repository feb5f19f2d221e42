"""Aggregations: the series of a group made one, at every step at once."""

from collections.abc import Callable

import numpy as np

from metrics.promql.frames import Flags, Floats, Groups, Matrix, Rows, any_present
from metrics.promql.grouping import by_grouping
from metrics.promql.memory import Memory
from metrics.promql.tree import Aggregate


def aggregated(node: Aggregate, matrix: Matrix, *, memory: Memory) -> Matrix:
    """Return one series for each group, present where any series of the group is."""
    new = by_grouping(matrix.labels, node.grouping, memory=memory)
    if not len(matrix.labels):
        return Matrix(new.labels, matrix.values, matrix.present)
    values = AGGREGATIONS[node.op](matrix.values, matrix.present, new.groups)
    return Matrix(new.labels, values, any_present(matrix.present, new.groups))


def _count(_: Floats, present: Flags, groups: Groups) -> Floats:
    counts: Floats = np.add.reduceat(present[groups.order], groups.starts, axis=0, dtype=np.float64)
    return counts


def _least(values: Floats, present: Flags, groups: Groups) -> Floats:
    known = np.where(present, values, np.nan)[groups.order]
    return np.fmin.reduceat(known, groups.starts, axis=0)


def _most(values: Floats, present: Flags, groups: Groups) -> Floats:
    known = np.where(present, values, np.nan)[groups.order]
    return np.fmax.reduceat(known, groups.starts, axis=0)


def _sum(values: Floats, present: Flags, groups: Groups) -> Floats:
    high, low = _exact_sum(np.where(present, values, 0.0)[groups.order], groups.sizes)
    return high + low


def _mean(values: Floats, present: Flags, groups: Groups) -> Floats:
    known = np.where(present, values, 0.0)[groups.order]
    counts = _count(values, present, groups)
    high, low = _exact_sum(known, groups.sizes)
    means = high / counts + low / counts
    lost = ~np.isfinite(means)
    if lost.any():
        # perhaps only the sum left the range of floats, not its mean
        shares = known / np.repeat(counts, groups.sizes, axis=0)
        high, low = _exact_sum(shares, groups.sizes)
        return np.where(lost, high + low, means)
    return means


def _exact_sum(rows: Floats, sizes: Rows) -> tuple[Floats, Floats]:
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


AGGREGATIONS: dict[str, Callable[[Floats, Flags, Groups], Floats]] = {
    "sum": _sum,
    "min": _least,
    "max": _most,
    "avg": _mean,
    "count": _count,
}
