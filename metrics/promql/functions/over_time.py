"""Functions that make one value of all the samples of a range."""

from collections.abc import Callable

import numpy as np

from metrics.promql.frames import Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions
from metrics.promql.functions.quantiles import quantiles_of_rows, warn_of_quantiles
from metrics.promql.functions.sums import add, means, sums
from metrics.promql.terms import Terms
from metrics.promql.windows import Lanes, Windows

Reduction = Callable[[Windows, Terms], Floats]


def of_windows(reduce: Reduction, *, named: bool = False) -> Function:
    """Return the function of a range that `reduce` makes one value of."""

    def function(given: Arguments) -> Matrix:
        windows = given.windows(0)
        return windows.matrix(reduce(windows, given.terms), len(given.steps), named=named)

    return function


def _count(windows: Windows, _: Terms) -> Floats:
    return windows.sizes.astype(np.float64)


def present(windows: Windows, _: Terms) -> Floats:
    """Return one for each window; where it is empty, nobody looks."""
    return np.ones(windows.first.shape)


def _first(windows: Windows, _: Terms) -> Floats:
    return windows.at(windows.first)


def _last(windows: Windows, _: Terms) -> Floats:
    return windows.at(windows.last - 1)


def _first_time(windows: Windows, _: Terms) -> Floats:
    return windows.when(windows.first) / 1000


def _last_time(windows: Windows, _: Terms) -> Floats:
    return windows.when(windows.last - 1) / 1000


def _least(windows: Windows, terms: Terms) -> Floats:
    return windows.reduced(np.fmin, terms)  # a NaN counts only among NaNs


def _most(windows: Windows, terms: Terms) -> Floats:
    return windows.reduced(np.fmax, terms)


def _time_of(extreme: Reduction) -> Reduction:
    """Return when a window last had its extreme."""

    def reduce(windows: Windows, terms: Terms) -> Floats:
        extremes = extreme(windows, terms)

        def compute(lanes: Lanes) -> Floats:
            wanted, found = lanes.each(extremes), np.zeros(len(lanes))
            for count, places in lanes.walk():
                hit = (windows.values[places] == wanted[:count]) | np.isnan(wanted[:count])
                found[:count] = np.where(hit, windows.times[places], found[:count])
            return found / 1000

        return windows.in_lanes(compute, terms)

    return reduce


def _variance(windows: Windows, terms: Terms) -> Floats:
    return windows.in_lanes(_variances, terms)


def _variances(lanes: Lanes) -> Floats:
    mean, mean_lost, squares, squares_lost = np.zeros((4, len(lanes)))
    for turn, (count, places) in enumerate(lanes.walk(), start=1):
        values = lanes.windows.values[places]
        apart = values - (mean[:count] + mean_lost[:count])
        add(mean[:count], mean_lost[:count], apart / turn)
        still = values - (mean[:count] + mean_lost[:count])
        add(squares[:count], squares_lost[:count], apart * still)
    return (squares + squares_lost) / lanes.sizes


def _deviation(windows: Windows, terms: Terms) -> Floats:
    return np.sqrt(_variance(windows, terms))


def _median_deviation(windows: Windows, terms: Terms) -> Floats:
    return windows.in_lanes(_median_deviations, terms)


def _median_deviations(lanes: Lanes) -> Floats:
    found, half = np.zeros(len(lanes)), np.array(0.5)
    for own, places, known in lanes.blocks():
        values = lanes.windows.at(places)
        median = quantiles_of_rows(values, known, half)
        apart = quantiles_of_rows(np.abs(values - median[:, None]), known, half)
        found[own] = np.where((np.isnan(values) & known).any(axis=1), np.nan, apart)
    return found


def _quantile(given: Arguments) -> Matrix:
    asked, windows = given.scalar(0), given.windows(1).spread(len(given.steps))

    def compute(lanes: Lanes) -> Floats:
        found, wanted = np.zeros(len(lanes)), lanes.each(asked)
        for own, places, known in lanes.blocks():
            found[own] = quantiles_of_rows(windows.at(places), known, wanted[own])
        warn_of_quantiles(wanted, given.terms.notes)
        return found

    return windows.matrix(windows.in_lanes(compute, given.terms), len(given.steps))


FUNCTIONS: Functions = {
    "avg_over_time": of_windows(means),
    "count_over_time": of_windows(_count),
    "first_over_time": of_windows(_first, named=True),
    "last_over_time": of_windows(_last, named=True),
    "mad_over_time": of_windows(_median_deviation),
    "max_over_time": of_windows(_most),
    "min_over_time": of_windows(_least),
    "present_over_time": of_windows(present),
    "quantile_over_time": _quantile,
    "stddev_over_time": of_windows(_deviation),
    "stdvar_over_time": of_windows(_variance),
    "sum_over_time": of_windows(sums),
    "ts_of_first_over_time": of_windows(_first_time),
    "ts_of_last_over_time": of_windows(_last_time),
    "ts_of_max_over_time": of_windows(_time_of(_most)),
    "ts_of_min_over_time": of_windows(_time_of(_least)),
}
