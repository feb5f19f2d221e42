"""Charts as SVG: as wide as their place, coloured by the style sheet's classes, no script.

Lengths across are percentages, lengths down are pixels, so text keeps its size on every screen.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from kit import axes
from kit.clock import from_milliseconds, milliseconds
from kit.curves import Points, Runs, area, cut, edges, longest, path, scale, thinned

HEIGHT, TOP, BOTTOM = 172, 12, 146  # of the whole chart, of its plot
ACROSS = 1000  # units of the plot's own grid
MOST_POINTS = 1000


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
    known, runs = cut(Points(points.times[inside], points.values[inside]))
    seen, runs = thinned(known, runs, MOST_POINTS)
    low, high = scale(seen.values, [limit.value for limit in limits])
    plot = _Plot(start, max(end, start + 1), low, high)
    parts = [
        *_grid(plot, say, [plot.y(limit.value) for limit in limits], unit=unit),
        *_hours(plot, ZoneInfo(zone)),
        *_drawn(plot, seen, runs, longest(known)),
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
    cuts = [(curve, *thinned(*cut(curve.points), MOST_POINTS)) for curve in series]
    known = np.concatenate([seen.values for _, seen, _ in cuts]) if cuts else np.empty(0)
    low, high = scale(known, [limit.value for limit in limits])
    plot = _Plot(start, max(end, start + 1), low, high)
    drawn = []
    for curve, seen, runs in cuts:
        if len(seen.times):
            line_ = path(_strokes(plot, seen, runs), f"line {curve.tone}")
            drawn.append(f"<g><title>{escape(curve.name)}</title>{line_}</g>")
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


def ticks(low: float, high: float, *, about: int = 4) -> list[float]:
    """Return round numbers from `low` to `high`: steps of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + n) * step, 12) for n in range(count)]


def _strokes(plot: _Plot, seen: Points, runs: Runs) -> list[str]:
    across, down = plot.x(seen.times.astype(np.float64)) * ACROSS, plot.y(seen.values)
    places = [f"{x:.1f} {y:.1f}" for x, y in zip(across.tolist(), down.tolist(), strict=True)]
    return ["L".join(places[begin:end]) for begin, end in pairwise(edges(runs))]


def _drawn(plot: _Plot, seen: Points, runs: Runs, gap: float) -> Iterator[str]:
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
    strokes = _strokes(plot, seen, runs)
    curve = area(strokes, bottom=BOTTOM) + path(strokes, "line")
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
    runs: Runs,
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


def _crossed(seen: Points, runs: Runs, limit: Limit) -> float | None:
    past = seen.values > limit.value if limit.above else seen.values < limit.value
    edges = np.flatnonzero(past[1:] & ~past[:-1] & (np.diff(runs) == 0))
    if not len(edges):
        return None
    first = int(edges[-1])
    (t0, t1), (v0, v1) = seen.times[first : first + 2], seen.values[first : first + 2]
    return float(t0 + (t1 - t0) * (limit.value - v0) / (v1 - v0))
