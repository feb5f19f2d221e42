"""What a selector shows that looks beyond what it is asked for: `anchored`, `smoothed`."""

import numpy as np

from metrics.columns import Columns
from metrics.promql.frames import Flags, Floats, Matrix
from metrics.promql.selection import Times
from metrics.promql.windows import Ints, Windows, after, cut


def anchored(columns: Columns, ends: Times, range_ms: int, *, lookback_ms: int) -> Windows:
    """Return windows that begin with what was there at their beginning, of the last lookback.

    One in which nothing came is empty.
    """
    begins = ends - range_ms
    inner, last = after(columns, begins), after(columns, ends)
    before = inner > after(columns, begins - lookback_ms)
    return _windows(columns, ends, range_ms, inner - before, last, last > inner)


def smoothed(columns: Columns, ends: Times, range_ms: int, *, lookback_ms: int) -> Windows:
    """Return windows with their neighbours on both sides, each no further than the lookback.

    One that lies before or behind all samples is empty.
    """
    begins = ends - range_ms
    inner, behind = after(columns, begins), after(columns, ends - 1)
    before = inner > after(columns, begins - lookback_ms)
    last = behind + (behind < after(columns, ends + lookback_ms))
    begun = before | (inner < after(columns, ends))
    return _windows(columns, ends, range_ms, inner - before, last, (last > inner) & begun)


def _windows(
    columns: Columns, ends: Times, range_ms: int, first: Ints, last: Ints, filled: Flags
) -> Windows:
    first = np.where(filled, first, last)
    return cut(columns, first, last, ends=ends, range_ms=range_ms)


def between(columns: Columns, moments: Times, *, lookback_ms: int) -> Matrix:
    """Return what each series shows at these moments, between its neighbours where it has both.

    Ahead of the last sample there is nothing to go towards: it stays as it was.
    """
    behind = after(columns, moments - 1)
    before = behind > after(columns, moments - lookback_ms)
    ahead = behind < after(columns, moments + lookback_ms)
    shape = cut(columns, behind, behind, ends=moments, range_ms=0)
    known, next_ = shape.at(behind - 1), shape.at(behind)
    exact = ahead & (shape.when(behind) == moments)
    line = interpolated(shape, behind - 1, moments)
    values = np.where(exact, next_, np.where(before & ahead, line, known))
    return Matrix(columns.labels, values, exact | before)


def interpolated(
    windows: Windows, places: Ints, moments: Times, *, counter: bool = False
) -> Floats:
    """Return what lies between each sample and the next one; a counter that fell began at zero."""
    low, high = windows.at(places), windows.at(places + 1)
    since, until = windows.when(places), windows.when(places + 1)
    if counter:
        low = np.where(high < low, 0.0, low)
    found: Floats = low + (high - low) * (moments - since) / (until - since)
    return found
