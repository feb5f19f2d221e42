"""Sums and means of windows that lose nothing which floats can keep.

Prometheus adds with Neumaier's compensation. Most windows need none of it: where their values
do not cancel each other out, plain sums have all the digits. The others are added in turn.
"""

import numpy as np

from metrics.promql.frames import Flags, Floats
from metrics.promql.terms import Terms
from metrics.promql.windows import Lanes, Windows

LEFT = 1e-3
"""A plain sum stands where at least this share of the absolute values is left."""


def sums(windows: Windows, terms: Terms) -> Floats:
    """Return the sum of each window."""
    plain, doubtful = _plain(windows)
    if not doubtful.any():
        return plain
    lanes = Lanes(windows, terms, doubtful)
    return lanes.laid(added(lanes, windows.values), onto=plain)


def means(windows: Windows, terms: Terms) -> Floats:
    """Return the mean of each window, also where the sum leaves the range of floats."""
    sizes = np.maximum(windows.sizes, 1)
    plain, doubtful = _plain(windows)
    if not doubtful.any():
        return plain / sizes
    lanes = Lanes(windows, terms, doubtful)
    found = added(lanes, windows.values) / lanes.sizes
    lost = ~np.isfinite(found)
    if lost.any():
        # perhaps only the sum is beyond floats, not its mean
        found = np.where(lost, added(lanes, windows.values, shared=True), found)
    return lanes.laid(found, onto=plain / sizes)


def added(lanes: Lanes, values: Floats, *, shared: bool = False) -> Floats:
    """Return the compensated sum of each lane; `shared` of each value its part of the mean."""
    total, lost = np.zeros(len(lanes)), np.zeros(len(lanes))
    for count, places in lanes.walk():
        more = values[places] / lanes.sizes[:count] if shared else values[places]
        add(total[:count], lost[:count], more)
    return np.where(np.isinf(total), total, total + lost)


def add(total: Floats, lost: Floats, more: Floats) -> None:
    """Add to sums, in place, and to what rounding took from them (Neumaier)."""
    before = total.copy()
    total += more
    larger = np.abs(before) >= np.abs(more)
    error = np.where(larger, (before - total) + more, (more - total) + before)
    lost += error
    lost[np.isinf(total)] = 0.0


def _plain(windows: Windows) -> tuple[Floats, Flags]:
    plain = windows.reduced(np.add)
    weight = windows.reduced(np.add, np.abs(windows.values))
    return plain, ~(np.abs(plain) >= weight * LEFT) | ~np.isfinite(weight)
