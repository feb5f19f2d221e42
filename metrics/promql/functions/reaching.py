"""How series grow and move in ranges that reach beyond their samples: nothing is guessed there."""

from dataclasses import replace

import numpy as np

from metrics.promql.frames import Flags, Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions
from metrics.promql.functions.rates import FUNCTIONS, lost_by_resets
from metrics.promql.reaching import interpolated
from metrics.promql.terms import Terms
from metrics.promql.tree import Reach, Selector
from metrics.promql.windows import Windows


def _grown(*, counter: bool, per_second: bool) -> Function:
    def function(given: Arguments) -> Matrix:
        windows, range_ = given.windows(0), given.given[0]
        assert isinstance(range_, Selector)
        between = range_.reach is Reach.SMOOTHED
        first, last = _edges(windows, between=between, counter=counter)
        values = last - first
        if counter:
            values = values + _lost(windows, first, last, given.terms)
        if per_second:
            values = values / (windows.range_ms / 1000)
        return windows.matrix(values, len(given.steps))

    return function


def _edges(windows: Windows, *, between: bool, counter: bool) -> tuple[Floats, Floats]:
    """Return what each window begins and ends with, if need be between two samples."""
    begins, ends = windows.ends - windows.range_ms, windows.ends
    place, last = windows.first, windows.last - 1
    left, right = windows.at(place), windows.at(last)
    if not between:
        return left, right
    early, late = windows.when(place) < begins, windows.when(last) > ends
    lines = [
        interpolated(windows, places, moments, counter=counter)
        for places, moments in ((place, begins), (last - 1, ends))
    ]
    return np.where(early, lines[0], left), np.where(late, lines[1], right)


def _lost(windows: Windows, left: Floats, right: Floats, terms: Terms) -> Floats:
    """Return what a counter lost from the beginning of each window over its samples to its end."""
    first = windows.first + (windows.when(windows.first) <= windows.ends - windows.range_ms)
    last = windows.last - (windows.when(windows.last - 1) >= windows.ends)
    last = np.maximum(first, last)
    inside = lost_by_resets(replace(windows, first=first, last=last), terms)
    some: Flags = last > first
    lowest, highest = windows.at(first), windows.at(last - 1)
    at_first = np.where(some & (lowest < left), left, 0.0)
    before_last = np.where(some, highest, left)
    return inside + at_first + np.where(right < before_last, before_last, 0.0)


REACHING: Functions = {
    "rate": _grown(counter=True, per_second=True),
    "increase": _grown(counter=True, per_second=False),
    "delta": _grown(counter=False, per_second=False),
    "changes": FUNCTIONS["changes"],
    "resets": FUNCTIONS["resets"],
}
