"""Functions of how series grow, move and will move."""

from collections.abc import Callable

import numpy as np

from metrics.columns import NAME
from metrics.promql.frames import Flags, Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions
from metrics.promql.functions.sums import means
from metrics.promql.numbers import quoted
from metrics.promql.refusals import NotComputable
from metrics.promql.windows import Lanes, Windows

NEAR = 1.1
"""How many mean distances between samples the edge of a window may lie away to be reached."""
COUNTERS = ("_total", "_sum", "_count", "_bucket")


def _extrapolated(*, counter: bool, per_second: bool) -> Function:
    def function(given: Arguments) -> Matrix:
        windows = given.windows(0)
        found = windows.matrix(_grown(windows, counter=counter), len(given.steps), least=2)
        if counter:
            _inform_of_gauges(found, given)
        if not per_second:
            return found
        return found.computed(found.values / (windows.range_ms / 1000))

    return function


def _grown(windows: Windows, *, counter: bool) -> Floats:
    """Return by how much each window grew, stretched to its edges where its samples reach them.

    The rules are Prometheus's: up to an edge that is near, else half a distance beyond the
    samples; a counter not to before it was zero.
    """
    first, last = windows.at(windows.first), windows.at(windows.last - 1)
    grown = last - first
    if counter:
        grown = grown + _lost_by_resets(windows)
    since, until = windows.when(windows.first), windows.when(windows.last - 1)
    to_start = (since - (windows.ends - windows.range_ms)) / 1000
    to_end = (windows.ends - until) / 1000
    sampled = (until - since) / 1000
    apart = sampled / np.maximum(windows.sizes - 1, 1)
    to_start = np.where(to_start >= apart * NEAR, apart / 2, to_start)
    if counter:
        to_zero = np.where((grown > 0) & (first >= 0), sampled * (first / grown), to_start)
        to_start = np.where(to_zero < to_start, to_zero, to_start)
    to_end = np.where(to_end >= apart * NEAR, apart / 2, to_end)
    return grown * ((sampled + to_start + to_end) / sampled)


def _lost_by_resets(windows: Windows) -> Floats:
    """Return what a counter had counted in the window before it began again, each time."""
    fell = _steps_down(windows)
    if not fell.any():
        return np.zeros(windows.first.shape)
    before = np.append(np.zeros(1), windows.values[:-1])
    return windows.reduced(np.add, np.where(fell, before, 0.0), skip=1)


def _steps_down(windows: Windows) -> Flags:
    return np.append(np.zeros(1, np.bool_), windows.values[1:] < windows.values[:-1])[
        : len(windows.values)
    ]


def _steps_aside(windows: Windows) -> Flags:
    now, before = windows.values[1:], windows.values[:-1]
    other = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return np.append(np.zeros(1, np.bool_), other)[: len(windows.values)]


def _inform_of_gauges(found: Matrix, given: Arguments) -> None:
    names = {
        value
        for row in np.flatnonzero(found.present.any(axis=1)).tolist()
        for name, value in found.labels[row]
        if name == NAME and not value.endswith(COUNTERS)
    }
    for name in sorted(names):
        given.terms.notes.inform(
            "metric might not be a counter, name does not end in "
            f"_total/_sum/_count/_bucket: {quoted(name)}"
        )


def _between_the_last_two(*, counter: bool) -> Function:
    def function(given: Arguments) -> Matrix:
        windows = given.windows(0)
        last, before = windows.at(windows.last - 1), windows.at(windows.last - 2)
        moved = last - before
        if counter:
            apart = (windows.when(windows.last - 1) - windows.when(windows.last - 2)) / 1000
            moved = np.where(last < before, last, moved) / apart
        return windows.matrix(moved, len(given.steps), least=2)

    return function


def _counted(steps: Callable[[Windows], Flags]) -> Function:
    def function(given: Arguments) -> Matrix:
        windows = given.windows(0)
        seen = np.concatenate([[0, 0], np.cumsum(steps(windows)[1:])])
        within = seen[windows.last] - seen[np.minimum(windows.first + 1, windows.last)]
        return windows.matrix(within.astype(np.float64), len(given.steps))

    return function


def _line(windows: Windows, given: Arguments) -> tuple[Floats, Floats, Floats]:
    """Return of each window the slope of its least-squares line, and a point on it (s, value).

    The seconds count from the window's first sample; sums are of distances from the mean, so
    that nothing is lost where times are large and movements small.
    """
    lanes = Lanes(windows, given.terms, windows.sizes > 1)
    began = windows.times[lanes.first]
    middle = np.zeros(len(lanes))
    for count, places in lanes.walk():
        middle[:count] += windows.times[places] - began[:count]
    middle = middle / 1000 / lanes.sizes
    mean = lanes.each(means(windows, given.terms))
    first, level = windows.values[lanes.first], np.ones(len(lanes), np.bool_)
    together, spread = np.zeros((2, len(lanes)))
    for count, places in lanes.walk():
        values = windows.values[places]
        beside = (windows.times[places] - began[:count]) / 1000 - middle[:count]
        together[:count] += beside * (values - mean[:count])
        spread[:count] += beside * beside
        level[:count] &= values == first[:count]
    slope = np.where(level, np.where(np.isinf(first), np.nan, 0.0), together / spread)
    mean = np.where(level, np.where(np.isinf(first), np.nan, first), mean)
    return lanes.laid(slope), lanes.laid(middle), lanes.laid(mean)


def _deriv(given: Arguments) -> Matrix:
    windows = given.windows(0)
    slope, _, _ = _line(windows, given)
    return windows.matrix(slope, len(given.steps), least=2)


def _predict_linear(given: Arguments) -> Matrix:
    windows, ahead = given.windows(0), given.scalar(1)
    slope, middle, mean = _line(windows, given)
    now = (given.steps - windows.when(windows.first)) / 1000
    return windows.matrix(mean + slope * (now - middle + ahead), len(given.steps), least=2)


def _smoothed(given: Arguments) -> Matrix:
    """Double exponential smoothing: a level and a trend, both following the samples."""
    windows = given.windows(0).spread(len(given.steps))
    lanes = Lanes(windows, given.terms, windows.sizes > 1)
    weight, trending = given.scalar(1), given.scalar(2)
    if (wrong := _no_factor(weight)) is not None:
        raise NotComputable(
            "invalid smoothing factor. Expected: 0 < sf < 1, got: {given}", given=wrong
        )
    if (wrong := _no_factor(trending)) is not None:
        raise NotComputable("invalid trend factor. Expected: 0 < tf < 1, got: {given}", given=wrong)
    weight, trending = lanes.each(weight), lanes.each(trending)
    level = windows.values[lanes.first]
    trend = windows.values[lanes.first + 1] - level if len(lanes) else level
    former = np.zeros(len(lanes))
    for turn, (count, places) in enumerate(lanes.walk()):
        if not turn:
            continue
        own = slice(count)
        if turn > 1:
            trend[own] = (
                trending[own] * (level[own] - former[own]) + (1 - trending[own]) * trend[own]
            )
        expected = (1 - weight[own]) * (level[own] + trend[own])
        former[own] = level[own]
        level[own] = weight[own] * windows.values[places] + expected
    return windows.matrix(lanes.laid(level), len(given.steps), least=2)


def _no_factor(factor: Floats) -> str | None:
    wrong = factor[(factor <= 0) | (factor >= 1)]
    return f"{wrong[0]:f}" if len(wrong) else None


FUNCTIONS: Functions = {
    "rate": _extrapolated(counter=True, per_second=True),
    "increase": _extrapolated(counter=True, per_second=False),
    "delta": _extrapolated(counter=False, per_second=False),
    "irate": _between_the_last_two(counter=True),
    "idelta": _between_the_last_two(counter=False),
    "changes": _counted(_steps_aside),
    "resets": _counted(_steps_down),
    "deriv": _deriv,
    "predict_linear": _predict_linear,
    "double_exponential_smoothing": _smoothed,
}
