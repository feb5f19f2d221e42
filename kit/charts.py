"""Charts as SVG: as wide as their place, coloured by the style sheet's classes, no script.

Lengths across are percentages, lengths down are pixels, so text keeps its size on every screen.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from kit import axes
from kit.clock import from_milliseconds, milliseconds

HEIGHT, TOP, BOTTOM = 172, 12, 146  # of the whole chart, of its plot
ACROSS = 1000  # units of the plot's own grid
MOST_POINTS = 1000
AROUND = 9  # pauses that say how often samples come in one place
MOST = 1e300  # a greater value would overflow the arithmetic of its own scale


@dataclass(frozen=True)
class Points:
    """One series: times int64 in milliseconds, ascending; values float64, NaN where unknown."""

    times: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """A threshold as a dashed line; `tone` is its class, for example p1."""

    value: float
    label: str
    tone: str = "limit"
    above: bool = True


@dataclass(frozen=True)
class Curve:
    """One of several series; `tone` is its class."""

    points: Points
    name: str
    tone: str


@dataclass(frozen=True)
class Mark:
    """A stretch of time in ms in which something held; `tone` is its class, for example p1."""

    start: int
    end: int
    tone: str


_Where = TypeVar("_Where", float, NDArray[np.float64])


@dataclass(frozen=True)
class _Plot:
    start: int
    end: int
    low: float
    high: float

    def x(self, at: _Where) -> _Where:
        return (at - self.start) / (self.end - self.start)

    def y(self, value: _Where) -> _Where:
        return BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP)


def _general(value: float) -> str:
    return f"{value:g}"


def line(
    points: Points,
    *,
    title: str,
    text: str,
    zone: str,
    window: tuple[datetime, datetime],
    limits: Sequence[Limit] = (),
    say: Callable[[float], str] = _general,
    unit: float = 1.0,
) -> Markup:
    """Return one series over `window` with its limits and where it last crossed each.

    Values are written at round multiples of `unit`, 1024 ** 3 for gibibytes.
    """
    start, end = milliseconds(window[0]), milliseconds(window[1])
    inside = (points.times >= start) & (points.times <= end)
    seen, runs, gap = _runs(Points(points.times[inside], points.values[inside]))
    low, high = _range(seen.values, [limit.value for limit in limits])
    plot = _Plot(start, max(end, start + 1), low, high)
    parts = [
        *_grid(plot, say, [plot.y(limit.value) for limit in limits], unit=unit),
        *_hours(plot, ZoneInfo(zone)),
        *_drawn(plot, seen, runs, gap),
        *_limits(plot, limits),
        *_crossings(plot, seen, runs, limits, ZoneInfo(zone)),
    ]
    return Markup(
        f'<svg class="chart" width="100%" height="{HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(text)}</desc>{''.join(parts)}</svg>"
    )


def lines(
    series: Sequence[Curve],
    *,
    title: str,
    text: str,
    zone: str,
    window: tuple[datetime, datetime],
    limits: Sequence[Limit] = (),
    marks: Sequence[Mark] = (),
    say: Callable[[float], str] = _general,
    unit: float = 1.0,
) -> Markup:
    """Return several series over `window` with their limits, and what happened above them."""
    start, end = milliseconds(window[0]), milliseconds(window[1])
    cut = [(curve, *_runs(curve.points)) for curve in series]
    known = np.concatenate([seen.values for _, seen, _, _ in cut]) if cut else np.empty(0)
    low, high = _range(known, [limit.value for limit in limits])
    plot = _Plot(start, max(end, start + 1), low, high)
    drawn = []
    for curve, seen, runs, _ in cut:
        if len(seen.times):
            xs, ys = plot.x(seen.times.astype(np.float64)) * ACROSS, plot.y(seen.values)
            path = _path(xs, ys, runs, f"line {curve.tone}")
            drawn.append(f"<g><title>{escape(curve.name)}</title>{path}</g>")
    parts = [
        *_grid(plot, say, [plot.y(limit.value) for limit in limits], unit=unit),
        *_hours(plot, ZoneInfo(zone)),
        f'<svg class="plot" width="100%" height="{HEIGHT}" viewBox="0 0 {ACROSS} {HEIGHT}"'
        f' preserveAspectRatio="none">{"".join(drawn)}</svg>',
        *_limits(plot, limits),
        *(
            f'<rect class="mark {escape(mark.tone)}" x="{plot.x(mark.start):.2%}" y="0" height="6"'
            f' width="{max(plot.x(mark.end) - plot.x(mark.start), 0.003):.2%}" rx="2"/>'
            for mark in marks
        ),
    ]
    return Markup(
        f'<svg class="chart many" width="100%" height="{HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(text)}</desc>{''.join(parts)}</svg>"
    )


def sparkline(
    *series: Points, title: str, low: float | None = None, high: float | None = None
) -> Markup:
    """Return series as small lines on one scale, without axes; classes s0, s1 … in order."""
    cut = [_runs(each) for each in series]
    known = np.concatenate([seen.values for seen, _, _ in cut]) if cut else np.empty(0)
    floor, ceiling = _range(known, [edge for edge in (low, high) if edge is not None])
    drawn = [seen.times for seen, _, _ in cut if len(seen.times)]
    paths: list[str] = []
    if drawn:
        start, end = min(int(t[0]) for t in drawn), max(int(t[-1]) for t in drawn)
        plot = _Plot(start, max(end, start + 1), floor, ceiling)
        scale = (BOTTOM - TOP) / 24
        for index, (seen, runs, _) in enumerate(cut):
            xs = plot.x(seen.times.astype(np.float64)) * 100
            ys = (plot.y(seen.values) - TOP) / scale + 1
            if index == 0 and len(seen.times):
                paths.append(_area(xs, ys, runs, bottom=26))
            paths.append(_path(xs, ys, runs, f"line s{index}"))
    return Markup(
        '<svg class="spark" viewBox="0 0 100 26" preserveAspectRatio="none" role="img">'
        f"<title>{escape(title)}</title>{''.join(paths)}</svg>"
    )


def ticks(low: float, high: float, *, about: int = 4) -> list[float]:
    """Return round numbers from `low` to `high`: steps of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + n) * step, 12) for n in range(count)]


def _range(values: NDArray[np.float64], edges: Sequence[float]) -> tuple[float, float]:
    known = [*edges, *([float(values.min()), float(values.max())] if len(values) else [])]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-12 or size < 1 / MOST:
        half = size / 2 if size > 1 / MOST else 0.5
        low, high = (low - half, high + half) if low else (0.0, 1.0)
    room = (high - low) * 0.08
    floor = 0.0 if 0 <= low < high * 0.5 else low - room
    return floor, high + room


def _runs(points: Points) -> tuple[Points, NDArray[np.int64], float]:
    """Return the known points, the run each belongs to, and the pause that ends a run (ms)."""
    known = np.isfinite(points.values)
    holes = np.cumsum(~known)[known]
    seen = Points(points.times[known], np.clip(points.values[known], -MOST, MOST))
    pauses = np.diff(seen.times)
    most = _longest(pauses)
    gap = float(most[-1]) if len(most) else math.inf
    cuts = (pauses > most) | (np.diff(holes) > 0)
    runs = np.concatenate([np.zeros(min(1, len(holes)), np.int64), np.cumsum(cuts)])
    return (*_thinned(seen, runs), gap)


def _longest(pauses: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each pause how long it may be in its place: the rhythm of samples may change."""
    if len(pauses) <= AROUND:
        return np.full(len(pauses), np.median(pauses) * 2.5 if len(pauses) else math.inf)
    padded = np.pad(pauses, AROUND // 2, mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, AROUND)
    usual: NDArray[np.float64] = np.median(around, axis=1)
    return usual * 2.5


def _thinned(points: Points, runs: NDArray[np.int64]) -> tuple[Points, NDArray[np.int64]]:
    if len(points.times) <= MOST_POINTS:
        return points, runs
    since, span = points.times[0], points.times[-1] - points.times[0]
    bucket = (points.times - since) * (MOST_POINTS // 2) // (span + 1)
    order = np.lexsort((points.values, bucket))
    edge = np.flatnonzero(np.diff(bucket[order]))
    least, most = np.concatenate([[0], edge + 1]), np.concatenate([edge, [len(order) - 1]])
    kept = np.unique(order[np.concatenate([least, most])])
    return Points(points.times[kept], points.values[kept]), runs[kept]


def _path(
    xs: NDArray[np.float64], ys: NDArray[np.float64], runs: NDArray[np.int64], name: str
) -> str:
    words: list[str] = []
    alone = np.bincount(runs, minlength=1) == 1 if len(runs) else np.empty(0, np.bool_)
    before = -1
    for x, y, run in zip(xs.tolist(), ys.tolist(), runs.tolist(), strict=True):
        words.append(
            f"{'L' if run == before else 'M'}{x:.1f} {y:.1f}{'h0.1' if alone[run] else ''}"
        )
        before = run
    return f'<path class="{name}" d="{"".join(words)}" vector-effect="non-scaling-stroke"/>'


def _area(
    xs: NDArray[np.float64], ys: NDArray[np.float64], runs: NDArray[np.int64], *, bottom: int
) -> str:
    words: list[str] = []
    for run in np.unique(runs):
        across, down = xs[runs == run].tolist(), ys[runs == run].tolist()
        edge = "".join(f"L{x:.1f} {y:.1f}" for x, y in zip(across, down, strict=True))
        words.append(f"M{across[0]:.1f} {bottom}{edge}L{across[-1]:.1f} {bottom}Z")
    return f'<path class="area" d="{"".join(words)}"/>'


def _drawn(plot: _Plot, seen: Points, runs: NDArray[np.int64], gap: float) -> Iterator[str]:
    if not len(seen.times):
        return
    times = seen.times.tolist()
    edges = [(a, b) for a, b, new in zip(times, times[1:], np.diff(runs), strict=False) if new]
    if plot.end - times[-1] > gap:
        edges.append((times[-1], plot.end))
    for begin, end in edges:
        yield (
            f'<rect class="gap" x="{plot.x(begin):.2%}" width="{plot.x(end) - plot.x(begin):.2%}"'
            f' y="{TOP}" height="{BOTTOM - TOP}"/>'
        )
    xs, ys = plot.x(seen.times.astype(np.float64)) * ACROSS, plot.y(seen.values)
    curve = _area(xs, ys, runs, bottom=BOTTOM) + _path(xs, ys, runs, "line")
    yield (
        f'<svg class="plot" width="100%" height="{HEIGHT}" viewBox="0 0 {ACROSS} {HEIGHT}"'
        f' preserveAspectRatio="none">{curve}</svg>'
    )
    yield (
        f'<circle class="last" cx="{plot.x(times[-1]):.2%}" cy="{plot.y(seen.values[-1]):.1f}"'
        ' r="3.5"/>'
    )


def _grid(
    plot: _Plot, say: Callable[[float], str], taken: Sequence[float], *, unit: float
) -> Iterator[str]:
    for tick in (n * unit for n in ticks(plot.low / unit, plot.high / unit)):
        y = plot.y(tick)
        yield f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        crowded = any(abs(y - 4 - other) < 9 for other in taken)
        if y < BOTTOM - 8 and not crowded:  # the lowest would stand on the hours
            yield f'<text class="tick" x="0" y="{y - 4:.1f}">{escape(say(tick))}</text>'


def _hours(plot: _Plot, zone: ZoneInfo) -> Iterator[str]:
    for x, words in axes.hours(plot.start, plot.end, zone):
        yield (
            f'<line class="hour" x1="{x:.2%}" x2="{x:.2%}" y1="{BOTTOM}" y2="{BOTTOM + 5}"/>'
            f'<text class="hours" x="{x:.2%}" y="{HEIGHT - 6}">{words}</text>'
        )


def _limits(plot: _Plot, limits: Sequence[Limit]) -> Iterator[str]:
    above, shift = -math.inf, 0
    for limit in sorted(limits, key=lambda limit: -limit.value):
        y = plot.y(limit.value)
        shift = shift + 1 if y - above < 14 else 0  # labels of near limits stand side by side
        above = y
        yield (
            f'<line class="limit {escape(limit.tone)}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="limit {escape(limit.tone)}" x="{48 + shift * 88}" y="{y - 4:.1f}">'
            f"{escape(limit.label)}</text>"
        )


def _crossings(
    plot: _Plot,
    seen: Points,
    runs: NDArray[np.int64],
    limits: Sequence[Limit],
    zone: ZoneInfo,
) -> Iterator[str]:
    """Yield a ring where the series last went past each limit; the first found also says when."""
    told = False
    for limit in limits:
        at = _crossed(seen, runs, limit)
        if at is None:
            continue
        x, y = plot.x(at), plot.y(limit.value)
        yield f'<circle class="cross {escape(limit.tone)}" cx="{x:.2%}" cy="{y:.1f}" r="4.5"/>'
        if not told:
            told = True
            side = ("end", -9) if x > 0.88 else ("start", 9)
            when = from_milliseconds(int(at)).astimezone(zone)
            yield (
                f'<text class="when {escape(limit.tone)}" x="{x:.2%}" dx="{side[1]}"'
                f' y="{y + 16:.1f}" text-anchor="{side[0]}">{when:%H:%M}</text>'
            )


def _crossed(seen: Points, runs: NDArray[np.int64], limit: Limit) -> float | None:
    past = seen.values > limit.value if limit.above else seen.values < limit.value
    edges = np.flatnonzero(past[1:] & ~past[:-1] & (np.diff(runs) == 0))
    if not len(edges):
        return None
    first = int(edges[-1])
    (t0, t1), (v0, v1) = seen.times[first : first + 2], seen.values[first : first + 2]
    return float(t0 + (t1 - t0) * (limit.value - v0) / (v1 - v0))
