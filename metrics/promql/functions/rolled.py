"""Functions of ranges of whole steps: the same numbers as of the samples, but for how sums round.

A function that needs to see every sample is not here, and no query with one is answered from steps.
"""

from collections.abc import Callable

import numpy as np

from metrics.promql.frames import Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions
from metrics.promql.functions.rates import Edges, Measure, extrapolated
from metrics.promql.functions.sums import sums
from metrics.promql.functions.vectors import absent_over_time
from metrics.promql.terms import Terms
from metrics.promql.windows import Ints, Windows

FIRSTS, LASTS, COUNTS, SUMS = "firsts", "lasts", "counts", "sums"
LOWS, HIGHS, LOST = "lows", "highs", "lost"
AT = "_at"
Reduction = Callable[[Windows, Terms], Floats]


def _of_steps(reduce: Reduction, *, named: bool = False) -> Function:
    def function(given: Arguments) -> Matrix:
        windows = given.windows(0)
        return windows.matrix(reduce(windows, given.terms), len(given.steps), named=named)

    return function


def _counted(windows: Windows, terms: Terms) -> Floats:
    return windows.of(COUNTS).reduced(np.add, terms)


def _summed(windows: Windows, terms: Terms) -> Floats:
    return sums(windows.of(SUMS), terms)


def _mean(windows: Windows, terms: Terms) -> Floats:
    return _summed(windows, terms) / np.maximum(_counted(windows, terms), 1)


def _least(windows: Windows, terms: Terms) -> Floats:
    return windows.of(LOWS).reduced(np.fmin, terms)


def _most(windows: Windows, terms: Terms) -> Floats:
    return windows.of(HIGHS).reduced(np.fmax, terms)


def _present(windows: Windows, _: Terms) -> Floats:
    return np.ones(windows.first.shape)


def _first(windows: Windows, _: Terms) -> Floats:
    return windows.of(FIRSTS).at(windows.first)


def _last(windows: Windows, _: Terms) -> Floats:
    return windows.of(LASTS).at(windows.last - 1)


def _first_at(windows: Windows) -> Ints:
    return windows.of(FIRSTS, times=FIRSTS + AT).when(windows.first)


def _last_at(windows: Windows) -> Ints:
    return windows.of(LASTS, times=LASTS + AT).when(windows.last - 1)


def _first_time(windows: Windows, _: Terms) -> Floats:
    return _first_at(windows) / 1000


def _last_time(windows: Windows, _: Terms) -> Floats:
    return _last_at(windows) / 1000


def _edges(windows: Windows) -> Edges:
    first = windows.of(FIRSTS).at(windows.first)
    last = windows.of(LASTS).at(windows.last - 1)
    return Edges(first, last, _first_at(windows), _last_at(windows))


def _sizes(windows: Windows, terms: Terms) -> Ints:
    return _counted(windows, terms).astype(np.int64)


def _lost(windows: Windows, terms: Terms) -> Floats:
    """Return what a counter lost inside the steps of each window, and from one step to the next."""
    inside = windows.of(LOST).reduced(np.add, terms)
    first, last = windows.known[FIRSTS], windows.known[LASTS]
    between = np.zeros(len(first))
    between[1:] = np.where(first[1:] < last[:-1], last[:-1], 0.0)
    # the first step of a window comes after none; no window has steps of two series
    return inside + windows.reduced(np.add, terms, values=between, skip=1)


_OF_STEPS = Measure(_edges, _sizes, _lost)
_GROWS = frozenset((FIRSTS, LASTS, COUNTS))
NEEDS = {
    "absent_over_time": frozenset((COUNTS,)),
    "avg_over_time": frozenset((SUMS, COUNTS)),
    "count_over_time": frozenset((COUNTS,)),
    "delta": _GROWS,
    "first_over_time": frozenset((FIRSTS,)),
    "increase": _GROWS | {LOST},
    "last_over_time": frozenset((LASTS,)),
    "max_over_time": frozenset((HIGHS,)),
    "min_over_time": frozenset((LOWS,)),
    "present_over_time": frozenset((COUNTS,)),
    "rate": _GROWS | {LOST},
    "sum_over_time": frozenset((SUMS,)),
    "ts_of_first_over_time": frozenset((FIRSTS,)),
    "ts_of_last_over_time": frozenset((LASTS,)),
}
"""What each function has to know of the steps."""
ROLLED: Functions = {
    "absent_over_time": absent_over_time,
    "avg_over_time": _of_steps(_mean),
    "count_over_time": _of_steps(_counted),
    "delta": extrapolated(_OF_STEPS, counter=False, per_second=False),
    "first_over_time": _of_steps(_first, named=True),
    "increase": extrapolated(_OF_STEPS, counter=True, per_second=False),
    "last_over_time": _of_steps(_last, named=True),
    "max_over_time": _of_steps(_most),
    "min_over_time": _of_steps(_least),
    "present_over_time": _of_steps(_present),
    "rate": extrapolated(_OF_STEPS, counter=True, per_second=True),
    "sum_over_time": _of_steps(_summed),
    "ts_of_first_over_time": _of_steps(_first_time),
    "ts_of_last_over_time": _of_steps(_last_time),
}
