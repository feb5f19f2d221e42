"""Functions of ranges of whole steps: the same numbers as of the samples, but for how sums round.

A function that needs to see every sample is not here, and no query with one is answered from steps.
"""

import numpy as np

from metrics.promql.frames import Floats
from metrics.promql.functions.arguments import Functions
from metrics.promql.functions.over_time import of_windows, present
from metrics.promql.functions.rates import Edges, Measure, extrapolated
from metrics.promql.functions.sums import sums
from metrics.promql.functions.vectors import absent_over_time
from metrics.promql.terms import Terms
from metrics.promql.windows import Ints, Windows
from metrics.rolled import Part


def _counted(windows: Windows, terms: Terms) -> Floats:
    return windows.of(Part.COUNTS).reduced(np.add, terms)


def _summed(windows: Windows, terms: Terms) -> Floats:
    return sums(windows.of(Part.SUMS), terms)


def _mean(windows: Windows, terms: Terms) -> Floats:
    return _summed(windows, terms) / np.maximum(_counted(windows, terms), 1)


def _least(windows: Windows, terms: Terms) -> Floats:
    return windows.of(Part.LOWS).reduced(np.fmin, terms)


def _most(windows: Windows, terms: Terms) -> Floats:
    return windows.of(Part.HIGHS).reduced(np.fmax, terms)


def _first(windows: Windows, _: Terms) -> Floats:
    return windows.of(Part.FIRSTS).at(windows.first)


def _last(windows: Windows, _: Terms) -> Floats:
    return windows.of(Part.LASTS).at(windows.last - 1)


def _first_at(windows: Windows) -> Ints:
    return windows.of(Part.FIRSTS, times=f"{Part.FIRSTS}_at").when(windows.first)


def _last_at(windows: Windows) -> Ints:
    return windows.of(Part.LASTS, times=f"{Part.LASTS}_at").when(windows.last - 1)


def _first_time(windows: Windows, _: Terms) -> Floats:
    return _first_at(windows) / 1000


def _last_time(windows: Windows, _: Terms) -> Floats:
    return _last_at(windows) / 1000


def _edges(windows: Windows) -> Edges:
    first = windows.of(Part.FIRSTS).at(windows.first)
    last = windows.of(Part.LASTS).at(windows.last - 1)
    return Edges(first, last, _first_at(windows), _last_at(windows))


def _sizes(windows: Windows, terms: Terms) -> Ints:
    return _counted(windows, terms).astype(np.int64)


def _lost(windows: Windows, terms: Terms) -> Floats:
    """Return what a counter lost inside the steps of each window, and from one step to the next."""
    lost = np.zeros(windows.first.shape)
    if windows.known[Part.LOST].any():
        lost += windows.of(Part.LOST).reduced(np.add, terms)
    if (windows.sizes > 1).any():
        first, last = windows.known[Part.FIRSTS], windows.known[Part.LASTS]
        between = np.zeros(len(first))
        between[1:] = np.where(first[1:] < last[:-1], last[:-1], 0.0)
        # the first step of a window comes after none; no window has steps of two series
        lost += windows.reduced(np.add, terms, values=between, skip=1)
    return lost


_OF_STEPS = Measure(_edges, _sizes, _lost)
_GROWS = frozenset((Part.FIRSTS, Part.LASTS, Part.COUNTS))
NEEDS = {
    "absent_over_time": frozenset((Part.COUNTS,)),
    "avg_over_time": frozenset((Part.SUMS, Part.COUNTS)),
    "count_over_time": frozenset((Part.COUNTS,)),
    "delta": _GROWS,
    "first_over_time": frozenset((Part.FIRSTS,)),
    "increase": _GROWS | {Part.LOST},
    "last_over_time": frozenset((Part.LASTS,)),
    "max_over_time": frozenset((Part.HIGHS,)),
    "min_over_time": frozenset((Part.LOWS,)),
    "present_over_time": frozenset((Part.COUNTS,)),
    "rate": _GROWS | {Part.LOST},
    "sum_over_time": frozenset((Part.SUMS,)),
    "ts_of_first_over_time": frozenset((Part.FIRSTS,)),
    "ts_of_last_over_time": frozenset((Part.LASTS,)),
}
"""What each function has to know of the steps."""
ROLLED: Functions = {
    "absent_over_time": absent_over_time,
    "avg_over_time": of_windows(_mean),
    "count_over_time": of_windows(_counted),
    "delta": extrapolated(_OF_STEPS, counter=False, per_second=False),
    "first_over_time": of_windows(_first, named=True),
    "increase": extrapolated(_OF_STEPS, counter=True, per_second=False),
    "last_over_time": of_windows(_last, named=True),
    "max_over_time": of_windows(_most),
    "min_over_time": of_windows(_least),
    "present_over_time": of_windows(present),
    "rate": extrapolated(_OF_STEPS, counter=True, per_second=True),
    "sum_over_time": of_windows(_summed),
    "ts_of_first_over_time": of_windows(_first_time),
    "ts_of_last_over_time": of_windows(_last_time),
}
