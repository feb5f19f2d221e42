"""Functions of classic histograms: series of one name that differ in `le`, their upper bound.

Native histograms are not stored here, so what only they have is refused, not left empty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.columns import NAME, Labels
from metrics.promql.frames import (
    Flags,
    Floats,
    Groups,
    Matrix,
    Rows,
    grouped,
    numbered,
    relabelled,
    relabelling,
)
from metrics.promql.functions.arguments import Arguments, Functions
from metrics.promql.functions.labels import with_label
from metrics.promql.functions.quantiles import warn_of_quantiles
from metrics.promql.numbers import go_float, open_metrics_text, quoted
from metrics.promql.refusals import unsupported

BOUND = "le"
TOLERANCE = 1e-12
"""Counts that differ by no more than this share are taken for equal: rounding, not a decrease."""
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Which series are buckets, by histogram and rising bound; `spoiled` have no proper bound."""

    labels: Sequence[Labels]
    rows: Rows
    bounds: Floats
    groups: Groups
    spoiled: Sequence[tuple[int, str, str]]


@dataclass(frozen=True, slots=True)
class _Buckets:
    """The buckets of many histograms at many moments, one histogram a line, the lowest first.

    `sizes` says how many of a line's columns are buckets.
    """

    bounds: Floats
    counts: Floats
    sizes: Rows

    @property
    def last(self) -> Rows:
        """Where the highest bucket of each line stands."""
        return self.sizes - 1

    def of(self, column: Floats, places: Rows) -> Floats:
        """Return one value of each line."""
        at = np.clip(places, 0, column.shape[1] - 1)
        return np.take_along_axis(column, at[:, None], axis=1)[:, 0]


_Compute = Callable[[_Buckets, Rows], tuple[Floats, Flags]]
"""Of the buckets of histograms at steps: their values, and where counts had to be forced."""


def _quantile(given: Arguments) -> Matrix:
    return _at(given.scalar(0), given.vector(1), given)


def _at(asked: Floats, vector: Matrix, given: Arguments) -> Matrix:
    """Return the quantiles asked for at each step."""
    warn_of_quantiles(asked, given.terms.notes)

    def compute(buckets: _Buckets, steps: Rows) -> tuple[Floats, Flags]:
        wanted = asked[steps]
        buckets, forced = _monotonic(_coalesced(buckets))
        proper = (wanted >= 0) & (wanted <= 1)
        found = np.where(wanted < 0, -np.inf, np.where(wanted > 1, np.inf, np.nan))
        highest = buckets.of(buckets.bounds, buckets.last)
        return (
            np.where(proper, _interpolated(wanted, buckets), found),
            forced & proper & np.isposinf(highest),
        )

    return _of_histograms(given, vector, compute)


def _quantiles(given: Arguments) -> Matrix:
    """Return several quantiles of the same histograms, told apart by a label."""
    vector, label = given.vector(0), given.text(1)
    labels: list[Labels] = []
    values, present = [], []
    for place in range(2, len(given.given)):
        asked = given.scalar(place)
        found = _at(asked, vector, given)
        for each in np.unique(asked):
            here = (asked == each) | (np.isnan(asked) & np.isnan(each))
            labels.extend(with_label(one, label, open_metrics_text(each)) for one in found.labels)
            values.append(found.values)
            present.append(found.present & here)
    nothing = np.zeros((0, len(given.steps)))
    all_ = Matrix(
        labels, np.concatenate([nothing, *values]), np.concatenate([nothing > 0, *present])
    )
    return relabelled(all_.computed(all_.values), relabelling(labels))


def _fraction(given: Arguments) -> Matrix:
    lower, upper, vector = given.scalar(0), given.scalar(1), given.vector(2)

    def compute(buckets: _Buckets, steps: Rows) -> tuple[Floats, Flags]:
        least, most = lower[steps], upper[steps]
        buckets = _coalesced(buckets)
        total = buckets.of(buckets.counts, buckets.last)
        found = (_rank(most, buckets) - _rank(least, buckets)) / total
        found = np.where(least >= most, 0.0, found)
        highest = buckets.of(buckets.bounds, buckets.last)
        unclear = np.isnan(least) | np.isnan(most) | (total == 0) | ~np.isposinf(highest)
        return np.where(unclear, np.nan, found), np.zeros(len(steps), np.bool_)

    return _of_histograms(given, vector, compute)


def _of_histograms(given: Arguments, vector: Matrix, compute: _Compute) -> Matrix:
    """Return one series for each histogram, with what `compute` makes of its buckets."""
    found = given.terms.memory.recall(BOUND, vector.labels, make=lambda: _sorted(vector.labels))
    _warn_of_spoiled(found, vector, given)
    histograms, width = len(found.labels), vector.values.shape[1]
    values, present = np.zeros((histograms, width)), np.zeros((histograms, width), np.bool_)
    forced = np.zeros(histograms, np.bool_)
    sizes = found.groups.sizes
    for size in np.unique(sizes).tolist():
        alike = np.flatnonzero(sizes == size)
        members = found.groups.order[found.groups.starts[alike][:, None] + np.arange(size)]
        rows = found.rows[members]
        shown = np.moveaxis(vector.present[rows], 1, 2).reshape(-1, size)
        filled = np.flatnonzero(shown.any(axis=1))
        if not len(filled):
            continue
        counts = np.moveaxis(vector.values[rows], 1, 2).reshape(-1, size)[filled]
        bounds = np.repeat(found.bounds[members], width, axis=0)[filled]
        made, fixed = compute(_packed(bounds, counts, shown[filled]), filled % width)
        which, steps = alike[filled // width], filled % width
        values[which, steps], present[which, steps] = made, True
        forced[which[fixed]] = True
    _inform_of_forced(found.labels, forced, given)
    return Matrix(found.labels, values, present).computed(values)


def _sorted(labels: Sequence[Labels]) -> _Sorted:
    rows, bounds, keys, spoiled = [], [], [], []
    for row, each in enumerate(labels):
        named = dict(each)
        bound = go_float(named.get(BOUND, ""))
        if bound is None:
            spoiled.append((row, named.get(NAME, ""), named.get(BOUND, "")))
            continue
        rows.append(row)
        bounds.append(bound)
        keys.append(tuple(pair for pair in each if pair[0] != BOUND))
    order = np.argsort(np.array(bounds, np.float64), kind="stable")
    numbers, known = numbered([keys[place] for place in order.tolist()])
    return _Sorted(
        list(known),
        np.array(rows, np.intp)[order],
        np.array(bounds, np.float64)[order],
        grouped(numbers, len(known)),
        spoiled,
    )


def _packed(bounds: Floats, counts: Floats, shown: Flags) -> _Buckets:
    """Return the buckets that are there side by side, in the order of their bounds."""
    if shown.all():
        return _Buckets(bounds, counts.copy(), np.full(len(counts), counts.shape[1]))
    order = np.argsort(~shown, axis=1, kind="stable")
    return _Buckets(
        np.take_along_axis(bounds, order, axis=1),
        np.take_along_axis(counts, order, axis=1),
        shown.sum(axis=1),
    )


def _coalesced(buckets: _Buckets) -> _Buckets:
    """Return the buckets with those of the same bound (`1` and `1.0`) made one."""
    bounds, counts = buckets.bounds, buckets.counts.copy()
    within = np.arange(bounds.shape[1]) < buckets.sizes[:, None]
    kept = within.copy()
    for place in range(bounds.shape[1] - 1):
        same = within[:, place + 1] & (bounds[:, place] == bounds[:, place + 1])
        counts[:, place + 1] += np.where(same, counts[:, place], 0.0)
        kept[:, place] &= ~same
    return buckets if (kept == within).all() else _packed(bounds, counts, kept)


def _monotonic(buckets: _Buckets) -> tuple[_Buckets, Flags]:
    """Return the buckets with no count below the one before, and where that had to be forced."""
    counts = buckets.counts.copy()
    forced = np.zeros(len(counts), np.bool_)
    before = counts[:, 0].copy()
    for place in range(1, counts.shape[1]):
        now = counts[:, place]
        within = place < buckets.sizes
        close = within & (now != before) & _almost_equal(before, now)
        fell = within & ~close & (now < before)
        forced |= fell
        counts[:, place] = np.where(close | fell, before, now)
        before = np.where(within, counts[:, place], before)
    return _Buckets(buckets.bounds, counts, buckets.sizes), forced


def _almost_equal(one: Floats, other: Floats) -> Flags:
    apart, together = np.abs(one - other), np.abs(one) + np.abs(other)
    small = (one == 0) | (other == 0) | (together < TINY)
    close: Flags = np.where(small, apart < TOLERANCE * TINY, apart / together < TOLERANCE)
    return close


def _interpolated(asked: Floats, buckets: _Buckets) -> Floats:
    """Return the quantiles, as if observations lay evenly in their bucket."""
    bounds, counts, last = buckets.bounds, buckets.counts, buckets.last
    total = buckets.of(counts, last)
    rank = asked * total
    inner = np.arange(counts.shape[1]) < last[:, None]
    reached = (counts >= rank[:, None]) & inner
    place = np.where(reached.any(axis=1), reached.argmax(axis=1), last)
    lowest = place == 0
    start = np.where(lowest, 0.0, buckets.of(bounds, place - 1))
    below = np.where(lowest, 0.0, buckets.of(counts, place - 1))
    end, count = buckets.of(bounds, place), buckets.of(counts, place) - below
    found = start + (end - start) * ((rank - below) / count)
    found = np.where(lowest & (end <= 0), end, found)
    found = np.where(place == last, buckets.of(bounds, last - 1), found)
    highest = buckets.of(bounds, last)
    unclear = (buckets.sizes < 2) | (total == 0) | ~np.isposinf(highest)
    return np.where(unclear, np.nan, found)


def _rank(value: Floats, buckets: _Buckets) -> Floats:
    """Return how many observations lie below a value, evenly spread in their buckets."""
    bounds, counts, last = buckets.bounds, buckets.counts, buckets.last
    found = buckets.of(counts, last)
    unset = np.ones(len(value), np.bool_)
    low = np.where(bounds[:, 0] > 0, 0.0, -np.inf)
    below = np.zeros(len(value))
    for place in range(bounds.shape[1]):
        high, count = bounds[:, place], counts[:, place] - below
        open_ = unset & (place < buckets.sizes)
        before = open_ & (low >= value)
        inside = open_ & ~before & (high > value)
        part = below + count * (value - low) / (high - low)
        # of a bucket without a lower end all observations count as being at that end
        part = np.where(np.isneginf(low), below + count, part)
        part = np.where(np.isposinf(high), below, part)
        found = np.where(before, below, np.where(inside, part, found))
        unset &= ~(before | inside)
        low = np.where(place < buckets.sizes, high, low)
        below = np.where(place < buckets.sizes, counts[:, place], below)
    return np.minimum(found, buckets.of(counts, last))


def _warn_of_spoiled(found: _Sorted, vector: Matrix, given: Arguments) -> None:
    for row, name, bound in found.spoiled:
        if vector.present[row].any():
            named = f" for metric name {quoted(name)}" if name else ""
            given.terms.notes.warn(
                f'bucket label "le" is missing or has a malformed value of {quoted(bound)}{named}'
            )


def _inform_of_forced(labels: Sequence[Labels], forced: Flags, given: Arguments) -> None:
    for row in np.flatnonzero(forced).tolist():
        name = dict(labels[row]).get(NAME)
        named = f" for metric name {quoted(name)}" if name else ""
        given.terms.notes.inform(
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/"
            f"#histogram_quantile){named}"
        )


def _of_native(given: Arguments) -> Matrix:
    raise unsupported(f"a native histogram, which {given.name}() is for,")


FUNCTIONS: Functions = {
    "histogram_quantile": _quantile,
    "histogram_quantiles": _quantiles,
    "histogram_fraction": _fraction,
    **dict.fromkeys(
        (
            *("histogram_avg", "histogram_count", "histogram_sum"),
            *("histogram_stddev", "histogram_stdvar"),
        ),
        _of_native,
    ),
}
