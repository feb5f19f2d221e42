"""The geometry of a drawn series: where its line breaks, which points it needs, how it is written.

A run is what hangs together: a line breaks where a value is unknown, and where a sample is late.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AROUND = 9  # pauses that say how often samples come in one place
LATE = 2.5  # a pause this many times as long as those around it ends a run
MOST = 1e300  # a greater value would overflow the arithmetic of its own scale

Floats = NDArray[np.float64]
Runs = NDArray[np.int64]
"""The number of the run that each point belongs to, ascending."""


@dataclass(frozen=True)
class Points:
    """One series: times int64 in milliseconds, ascending; values float64, NaN where unknown."""

    times: NDArray[np.int64]
    values: Floats


def cut(points: Points) -> tuple[Points, Runs]:
    """Return the known points, and the run of each."""
    times, values = points.times, points.values
    known = np.isfinite(values)
    whole = bool(known.all())
    if not whole:
        times, values = times[known], values[known]
    seen = Points(times, values.clip(-MOST, MOST))
    pauses = times[1:] - times[:-1]
    steady = not len(pauses) or float(pauses.max()) <= float(pauses.min()) * LATE
    if steady and whole:
        return seen, np.zeros(len(times), np.int64)
    cuts = np.zeros(len(pauses), np.bool_) if steady else pauses > _longest(pauses)
    if not whole:
        holes = np.cumsum(~known)[known]
        cuts |= holes[1:] > holes[:-1]
    return seen, np.concatenate([np.zeros(min(1, len(times)), np.int64), np.cumsum(cuts)])


def longest(points: Points) -> float:
    """Return how long the pause after the last point may be before the line counts as ended, ms."""
    most = _longest(points.times[1:] - points.times[:-1])
    return float(most[-1]) if len(most) else np.inf


def _longest(pauses: NDArray[np.int64]) -> Floats:
    """Return for each pause how long it may be in its place: the rhythm of samples may change."""
    if len(pauses) <= AROUND:
        return np.full(len(pauses), np.median(pauses) * LATE if len(pauses) else np.inf)
    half = AROUND // 2
    padded = np.concatenate([pauses[half:0:-1], pauses, pauses[-2 : -half - 2 : -1]])  # mirrored
    around = np.lib.stride_tricks.sliding_window_view(padded, AROUND)
    usual: Floats = np.sort(around, axis=1)[:, half].astype(np.float64)
    return usual * LATE


def thinned(points: Points, runs: Runs, most: int) -> tuple[Points, Runs]:
    """Return at most `most` points: ends of runs, and the least and the greatest of equal parts."""
    times, values = points.times, points.values
    if len(times) <= most:
        return points, runs
    ends = np.flatnonzero(runs[1:] != runs[:-1])[: most // 8]
    parts = most // 2 - 1 - len(ends)
    part = (times - times[0]) * parts // (times[-1] - times[0] + 1)
    order = np.lexsort((values, part))
    last = np.flatnonzero(part[1:] != part[:-1])
    kept = np.zeros(len(times), np.bool_)
    kept[order[last]] = kept[order[last + 1]] = kept[ends] = kept[ends + 1] = True
    kept[0] = kept[-1] = kept[order[0]] = kept[order[-1]] = True
    return Points(times[kept], values[kept]), runs[kept]


def scale(values: Floats, edges: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest value to draw, so that all known ones have room."""
    known = [*edges, *([float(values.min()), float(values.max())] if len(values) else [])]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-12 or size < 1 / MOST:
        half = size / 2 if size > 1 / MOST else 0.5
        low, high = (low - half, high + half) if low else (0.0, 1.0)
    room = (high - low) * 0.08
    floor = 0.0 if 0 <= low < high * 0.5 else low - room
    return floor, high + room


def edges(runs: Runs) -> list[int]:
    """Return where each run begins, and where the last one ends."""
    if not len(runs):
        return []
    return [0, *(np.flatnonzero(runs[1:] != runs[:-1]) + 1).tolist(), len(runs)]


def path(strokes: Sequence[str], name: str) -> str:
    """Return the line of these runs, each "x yLx yLx y", as an element of class `name`."""
    drawn = "".join(f"M{stroke}{'' if 'L' in stroke else 'h0.1'}" for stroke in strokes)
    return f'<path class="{name}" d="{drawn}" vector-effect="non-scaling-stroke"/>'


def area(strokes: Sequence[str], *, bottom: int) -> str:
    """Return what lies below that line, down to `bottom`."""
    drawn = "".join(f"M{_first(one)} {bottom}L{one}L{_last(one)} {bottom}Z" for one in strokes)
    return f'<path class="area" d="{drawn}"/>'


def _first(stroke: str) -> str:
    return stroke[: stroke.index(" ")]


def _last(stroke: str) -> str:
    return _first(stroke[stroke.rfind("L") + 1 :])
