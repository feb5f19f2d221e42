"""Aggregations: the series of a group made one, at every step at once."""

from collections.abc import Callable, Iterator

import numpy as np

from metrics.promql.exact import exact_sum
from metrics.promql.frames import Flags, Floats, Groups, Matrix, Rows, any_present, gathered
from metrics.promql.functions.quantiles import quantiles_of_rows, warn_of_quantiles
from metrics.promql.grouping import by_grouping
from metrics.promql.terms import Terms
from metrics.promql.tree import Aggregate


def aggregated(node: Aggregate, matrix: Matrix, *, terms: Terms) -> Matrix:
    """Return one series for each group, present where any series of the group is."""
    compute = AGGREGATIONS[node.op]
    return _folded(node, matrix, terms, compute)


def quantile(node: Aggregate, matrix: Matrix, asked: Floats, *, terms: Terms) -> Matrix:
    """Return a quantile of each group; `asked` says for each step which one."""
    if matrix.present.any() and len(asked):
        # as Prometheus does: of all steps the worst on either side
        worst = asked.max(), np.fmax.reduce(asked), np.fmin.reduce(asked)
        warn_of_quantiles(np.array(worst), terms.notes)

    def compute(values: Floats, present: Flags, groups: Groups) -> Floats:
        found = np.zeros((len(groups.sizes), values.shape[1]))
        for alike, members in alike_groups(groups):
            # one line for each (group, step), its series side by side
            side_by_side = np.moveaxis(values[members], 1, 2)
            known = np.moveaxis(present[members], 1, 2)
            width = members.shape[1]
            lines = quantiles_of_rows(
                side_by_side.reshape(-1, width),
                known.reshape(-1, width),
                np.tile(asked, len(alike)),
            )
            found[alike] = lines.reshape(len(alike), -1)
        return found

    return _folded(node, matrix, terms, compute)


def alike_groups(groups: Groups) -> Iterator[tuple[Rows, Rows]]:
    """Yield groups that have equally many rows, and these rows, a line for each group."""
    for size in np.unique(groups.sizes).tolist():
        alike = np.flatnonzero(groups.sizes == size)
        yield alike, groups.order[groups.starts[alike][:, None] + np.arange(size)]


Computation = Callable[[Floats, Flags, Groups], Floats]


def _folded(node: Aggregate, matrix: Matrix, terms: Terms, compute: Computation) -> Matrix:
    new = by_grouping(matrix.labels, node.grouping, memory=terms.memory)
    if not len(matrix.labels):
        return Matrix(new.labels, matrix.values, matrix.present)
    values = compute(matrix.values, matrix.present, new.groups)
    present = any_present(matrix.present, new.groups)
    return Matrix(new.labels, values, present, gathered(matrix.nameless, new.groups))


def _count(_: Floats, present: Flags, groups: Groups) -> Floats:
    counts: Floats = np.add.reduceat(present[groups.order], groups.starts, axis=0, dtype=np.float64)
    return counts


def _one(values: Floats, _: Flags, groups: Groups) -> Floats:
    return np.ones((len(groups.sizes), values.shape[1]))


def _least(values: Floats, present: Flags, groups: Groups) -> Floats:
    known = np.where(present, values, np.nan)[groups.order]
    return np.fmin.reduceat(known, groups.starts, axis=0)


def _most(values: Floats, present: Flags, groups: Groups) -> Floats:
    known = np.where(present, values, np.nan)[groups.order]
    return np.fmax.reduceat(known, groups.starts, axis=0)


def _sum(values: Floats, present: Flags, groups: Groups) -> Floats:
    high, low = exact_sum(np.where(present, values, 0.0)[groups.order], groups.sizes)
    return high + low


def _mean(values: Floats, present: Flags, groups: Groups) -> Floats:
    known = np.where(present, values, 0.0)[groups.order]
    counts = _count(values, present, groups)
    high, low = exact_sum(known, groups.sizes)
    means = high / counts + low / counts
    lost = ~np.isfinite(means)
    if lost.any():
        # perhaps only the sum left the range of floats, not its mean
        shares = known / np.repeat(counts, groups.sizes, axis=0)
        high, low = exact_sum(shares, groups.sizes)
        return np.where(lost, high + low, means)
    return means


def _variance(values: Floats, present: Flags, groups: Groups) -> Floats:
    counts = _count(values, present, groups)
    # counted from the least, so that equal values are exactly none apart
    shifted = values - _least(values, present, groups)[groups.of_row]
    means = np.repeat(_mean(shifted, present, groups), groups.sizes, axis=0)
    apart = np.where(present[groups.order], shifted[groups.order] - means, 0.0)
    high, low = exact_sum(apart * apart, groups.sizes)
    return (high + low) / counts


def _deviation(values: Floats, present: Flags, groups: Groups) -> Floats:
    return np.sqrt(_variance(values, present, groups))


AGGREGATIONS: dict[str, Computation] = {
    "sum": _sum,
    "min": _least,
    "max": _most,
    "avg": _mean,
    "count": _count,
    "group": _one,
    "stddev": _deviation,
    "stdvar": _variance,
}
