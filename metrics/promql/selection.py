"""Samples at steps: what each series shows at each moment of a query."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from metrics.columns import Columns, is_stale
from metrics.promql.frames import Matrix

Times = NDArray[np.int64]
AT_HAND = 8_192
"""So many values or windows are computed at one go: they lie in the processor's cache."""


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
    for part, starts in few(columns.starts, width):
        seen_at = -((steps[0] - columns.times[starts[0] : starts[-1]]) // (steps[1] - steps[0]))
        np.clip(seen_at, 0, width, out=seen_at)  # rounded up; at `width` no step sees it
        cells = seen_at + np.repeat(np.arange(len(starts) - 1) * width, np.diff(starts))
        last = np.append(cells[1:] != cells[:-1], True)
        wanted = np.flatnonzero(last & (seen_at < width))
        places[part].ravel()[cells[wanted]] = wanted + starts[0]
        np.maximum.accumulate(places[part], axis=1, out=places[part])
    return places


def few(starts: NDArray[np.int64], width: int) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Yield runs of series, and where their samples start, with not much more than `AT_HAND` each.

    All at once they would ask for new memory at every turn, which takes longer than what is done.
    """
    series, samples = len(starts) - 1, int(starts[-1])
    size = max(AT_HAND * series // max(series * width + samples, 1), 1)
    for row in range(0, series, size):
        yield slice(row, row + size), starts[row : row + size + 1]
