"""Functions of how series grow, move and will move."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metrics.columns import NAME
from metrics.promql.frames import Flags, Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions
from metrics.promql.functions.sums import means
from metrics.promql.numbers import quoted
from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Terms
from metrics.promql.windows import Ints, Lanes, Windows

NEAR = 1.1
"""How many mean distances between samples the edge of a window may lie away to be reached."""
COUNTERS = ("_total", "_sum", "_count", "_bucket")


@dataclass(frozen=True, slots=True)
class Edges:
    """The first and the last sample of each window, and when these were (ms)."""

    first: Floats
    last: Floats
    since: Ints
    until: Ints


@dataclass(frozen=True, slots=True)
class Measure:
    """What is to be known of windows to say how they grew: of raw samples, or of whole steps.

    `sizes` gives how many samples each has, `lost` what a counter had counted in it before it
    began again.
    """

    edges: Callable[[Windows], Edges]
    sizes: Callable[[Windows, Terms], Ints]
    lost: Callable[[Windows, Terms], Floats]


def extrapolated(measure: Measure, *, counter: bool, per_second: bool) -> Function:
    """Return the function of how much windows grew, as `measure` takes it of them."""

    def function(given: Arguments) -> Matrix:
        windows = given.windows(0)
        sizes = measure.sizes(windows, given.terms)
        lost = measure.lost(windows, given.terms) if counter else None
        shape = (len(windows.labels), len(given.steps))
        values = np.broadcast_to(_grown(windows, measure, sizes, lost), shape)
        enough = np.broadcast_to(sizes > 1, shape)
        found = Matrix(windows.labels, values, enough, windows.nameless).computed(values)
        if counter:
            _inform_of_gauges(found, given)
        if not per_second:
            return found
        return found.computed(found.values / (windows.range_ms / 1000))

    return function


def _grown(windows: Windows, measure: Measure, sizes: Ints, lost: Floats | None) -> Floats:
    """Return by how much each window grew, stretched to its edges where its samples reach them."""
    found = np.empty(windows.first.shape)
    for part, some in windows.in_parts():
        more = None if lost is None else lost[part]
        found[part] = _stretched(some, measure.edges(some), sizes[part], more)
    return found


def _stretched(windows: Windows, edges: Edges, sizes: Ints, lost: Floats | None) -> Floats:
    """Return by how much windows grew, of a counter with what it `lost` by beginning again.

    The rules are Prometheus's: up to an edge that is near, else half a distance beyond the
    samples; a counter not to before it was zero.
    """
    first, since, until = edges.first, edges.since, edges.until
    grown = edges.last - first
    if lost is not None:
        grown += lost
    to_start = (since - (windows.ends - windows.range_ms)) / 1000
    to_end = (windows.ends - until) / 1000
    sampled = (until - since) / 1000
    apart = sampled / np.maximum(sizes - 1, 1)
    near, half = apart * NEAR, apart / 2
    to_start = np.where(to_start >= near, half, to_start)
    if lost is not None:
        to_zero = np.where((grown > 0) & (first >= 0), sampled * (first / grown), to_start)
        to_start = np.where(to_zero < to_start, to_zero, to_start)
    to_end = np.where(to_end >= near, half, to_end)
    grown *= (sampled + to_start + to_end) / sampled
    return grown


def _edges(windows: Windows) -> Edges:
    first, last = windows.first, windows.last - 1
    return Edges(windows.at(first), windows.at(last), windows.when(first), windows.when(last))


def lost_by_resets(windows: Windows, terms: Terms) -> Floats:
    """Return what a counter had counted in the window before it began again, each time."""
    fell = _steps_down(windows)
    if not fell.any():
        return np.zeros(windows.first.shape)
    before = np.append(np.zeros(1), windows.values[:-1])
    return windows.reduced(np.add, terms, values=np.where(fell, before, 0.0), skip=1)


def _steps_down(windows: Windows) -> Flags:
    return _within_series(windows, windows.values[1:] < windows.values[:-1])


def _steps_aside(windows: Windows) -> Flags:
    now, before = windows.values[1:], windows.values[:-1]
    other = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return _within_series(windows, other)


def _within_series(windows: Windows, steps: Flags) -> Flags:
    """Return which samples are so beside the one before, the first of a series never."""
    found = np.zeros(len(windows.values), np.bool_)
    found[1:] = steps
    found[windows.starts[windows.starts < len(found)]] = False
    return found


def _inform_of_gauges(found: Matrix, given: Arguments) -> None:
    def make() -> list[tuple[int, str]]:
        return [
            (row, value)
            for row, labels in enumerate(found.labels)
            for name, value in labels
            if name == NAME and not value.endswith(COUNTERS)
        ]

    gauges = given.terms.memory.recall("gauges", found.labels, make=make)
    for name in sorted({name for row, name in gauges if found.present[row].any()}):
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


@dataclass(frozen=True, slots=True)
class _Lines:
    """The least-squares line of each lane: its slope, and a point on it (s, value)."""

    slope: Floats
    middle: Floats
    mean: Floats


def _lines(lanes: Lanes, means_: Floats) -> _Lines:
    """Return the line through each lane, which has this mean.

    The seconds count from the lane's first sample; sums are of distances from the mean, so
    that nothing is lost where times are large and movements small.
    """
    windows, began = lanes.windows, lanes.windows.times[lanes.first]
    middle, together, spread = np.zeros((3, len(lanes)))
    for count, places in lanes.walk():
        middle[:count] += windows.times[places] - began[:count]
    middle = middle / 1000 / lanes.sizes
    first, level = windows.values[lanes.first], np.ones(len(lanes), np.bool_)
    for count, places in lanes.walk():
        values = windows.values[places]
        beside = (windows.times[places] - began[:count]) / 1000 - middle[:count]
        together[:count] += beside * (values - means_[:count])
        spread[:count] += beside * beside
        level[:count] &= values == first[:count]
    endless = np.where(np.isinf(first), np.nan, 0.0)
    slope = np.where(level, endless, together / spread)
    return _Lines(slope, middle, np.where(level, first + endless, means_))


def _deriv(given: Arguments) -> Matrix:
    windows = given.windows(0)
    mean = means(windows, given.terms)
    slope = windows.in_lanes(
        lambda lanes: _lines(lanes, lanes.each(mean)).slope,
        given.terms,
        chosen=windows.sizes > 1,
    )
    return windows.matrix(slope, len(given.steps), least=2)


def _predict_linear(given: Arguments) -> Matrix:
    windows, ahead = given.windows(0).spread(len(given.steps)), given.scalar(1)
    mean = means(windows, given.terms)
    wanted = (given.steps - windows.when(windows.first)) / 1000 + ahead

    def compute(lanes: Lanes) -> Floats:
        line = _lines(lanes, lanes.each(mean))
        return line.mean + line.slope * (lanes.each(wanted) - line.middle)

    found = windows.in_lanes(compute, given.terms, chosen=windows.sizes > 1)
    return windows.matrix(found, len(given.steps), least=2)


def _smoothed(given: Arguments) -> Matrix:
    """Double exponential smoothing: a level and a trend, both following the samples."""
    windows = given.windows(0).spread(len(given.steps))
    weight, trending = given.scalar(1), given.scalar(2)
    if (wrong := _no_factor(weight)) is not None:
        raise NotComputable(
            "invalid smoothing factor. Expected: 0 < sf < 1, got: {given}", given=wrong
        )
    if (wrong := _no_factor(trending)) is not None:
        raise NotComputable("invalid trend factor. Expected: 0 < tf < 1, got: {given}", given=wrong)
    found = windows.in_lanes(
        lambda lanes: _levels(lanes, lanes.each(weight), lanes.each(trending)),
        given.terms,
        chosen=windows.sizes > 1,
    )
    return windows.matrix(found, len(given.steps), least=2)


def _levels(lanes: Lanes, weight: Floats, trending: Floats) -> Floats:
    values = lanes.windows.values
    level, former = values[lanes.first], np.zeros(len(lanes))
    trend = values[lanes.first + 1] - level
    for turn, (count, places) in enumerate(lanes.walk()):
        if not turn:
            continue
        own = slice(count)
        if turn > 1:
            moved = trending[own] * (level[own] - former[own])
            trend[own] = moved + (1 - trending[own]) * trend[own]
        expected = (1 - weight[own]) * (level[own] + trend[own])
        former[own] = level[own]
        level[own] = weight[own] * values[places] + expected
    return level


def _no_factor(factor: Floats) -> str | None:
    wrong = factor[(factor <= 0) | (factor >= 1)]
    return f"{wrong[0]:f}" if len(wrong) else None


_OF_SAMPLES = Measure(_edges, lambda windows, _: windows.sizes, lost_by_resets)
FUNCTIONS: Functions = {
    "rate": extrapolated(_OF_SAMPLES, counter=True, per_second=True),
    "increase": extrapolated(_OF_SAMPLES, counter=True, per_second=False),
    "delta": extrapolated(_OF_SAMPLES, counter=False, per_second=False),
    "irate": _between_the_last_two(counter=True),
    "idelta": _between_the_last_two(counter=False),
    "changes": _counted(_steps_aside),
    "resets": _counted(_steps_down),
    "deriv": _deriv,
    "predict_linear": _predict_linear,
    "double_exponential_smoothing": _smoothed,
}
