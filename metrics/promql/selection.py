"""Samples at steps: what each series shows at each moment of a query."""

import numpy as np
from numpy.typing import NDArray

from metrics.columns import Columns, is_stale
from metrics.promql.frames import Matrix

Times = NDArray[np.int64]


def at_steps(columns: Columns, steps: Times, *, lookback_ms: int, as_times: bool = False) -> Matrix:
    """Return of each series the newest sample in (step - lookback, step], unless it is stale.

    With `as_times` its time stands for its value, in seconds.
    """
    if not len(columns.times):
        shape = (len(columns.labels), len(steps))
        return Matrix(columns.labels, np.zeros(shape), np.zeros(shape, np.bool_))
    places = _last_places(columns, steps) if len(steps) > 1 else _last_place(columns, steps[0])
    values, times = columns.values[places], columns.times[places]
    present = (places >= 0) & (times > steps - lookback_ms) & ~is_stale(values)
    return Matrix(columns.labels, times / 1000 if as_times else values, present)


def _last_place(columns: Columns, step: np.int64) -> NDArray[np.int64]:
    """Return for one moment where the newest sample of each series stands, -1 for none."""
    starts, ends = columns.starts[:-1], columns.starts[1:]
    places = ends - 1
    if (columns.times <= step).all():
        counts = ends - starts
    else:
        known = np.concatenate([[0], np.cumsum(columns.times <= step)])
        counts = known[ends] - known[starts]
        places = starts + counts - 1
    return np.where(counts > 0, places, -1)[:, None]


def _last_places(columns: Columns, steps: Times) -> NDArray[np.int32]:
    """Return for each (series, step) where its newest sample stands, -1 for none.

    Each sample is laid at the first step that sees it, then every step without one takes
    over its predecessor's.
    """
    width = len(steps)
    places = np.full((len(columns.labels), width), -1, np.int32)
    seen_at = -((steps[0] - columns.times) // (steps[1] - steps[0]))  # rounds up
    rows = np.repeat(np.arange(len(columns.labels)), np.diff(columns.starts))
    cells = rows * width + np.maximum(seen_at, 0)
    last = np.append(cells[1:] != cells[:-1], True)
    wanted = np.flatnonzero(last & (seen_at < width))
    places.ravel()[cells[wanted]] = wanted
    return np.maximum.accumulate(places, axis=1)
