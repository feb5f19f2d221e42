"""A range of time for people to look at: few enough steps and series to be drawn. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.columns import Labels
from metrics.partitions import DAY
from metrics.promql.frames import Floats, Matrix
from metrics.rollups.steps import STEPS as ROLLED

STEPS = 300
SERIES_MOST = 50
LEAST_STEP_MS = 1000
LITTLE = 6
"""How many times a step of rollups has to go into a step of the chart before it counts little."""
ROUND_MS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400)


@dataclass(frozen=True)
class Line:
    """One series as it is drawn: a value at each step, NaN where there is none."""

    labels: Labels
    values: Floats
    least: float
    most: float
    mean: float
    last: float


@dataclass(frozen=True)
class Drawing:
    """The lines of one expression, those with the greatest values first; `found` counts all.

    `rolled` names the step of the rollups that it was computed from, if it was.
    """

    lines: Sequence[Line]
    found: int
    rolled: str = ""


def step_of(start_ms: int, end_ms: int, *, steps: int = STEPS) -> int:
    """Return a round step in ms by which a range has at most so many steps."""
    wanted = max((end_ms - start_ms) / steps, LEAST_STEP_MS)
    days = -int(-wanted // DAY) * DAY
    return next((s * 1000 for s in ROUND_MS if s * 1000 >= wanted), days)


def evened(start_ms: int, end_ms: int) -> tuple[int, int]:
    """Return a long range moved back to where steps of rollups end: by little beside its own step.

    A short one stays as it is.
    """
    step = step_of(start_ms, end_ms)
    even = max((each.ms for each in ROLLED if each.ms * LITTLE <= step), default=1)
    return start_ms // even * even, end_ms // even * even


def drawing(matrix: Matrix, *, most: int = SERIES_MOST) -> Drawing:
    """Return what is drawn of a matrix."""
    values = np.where(matrix.present & np.isfinite(matrix.values), matrix.values, np.nan)
    seen = np.flatnonzero(~np.isnan(values).all(axis=1)) if len(values) else np.empty(0, np.int64)
    peaks = np.nanmax(values[seen], axis=1) if len(seen) else np.empty(0)
    chosen = seen[np.argsort(-peaks, kind="stable")[:most]]
    lines = [_line(matrix.labels[row], values[row]) for row in chosen.tolist()]
    return Drawing(lines, len(seen))


def _line(labels: Labels, values: Floats) -> Line:
    known = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        mean = float(known.mean())
    return Line(labels, values, float(known.min()), float(known.max()), mean, float(known[-1]))
