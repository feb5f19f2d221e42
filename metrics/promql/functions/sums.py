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
    plain, doubtful = _plain(windows, terms)
    return windows.in_lanes(_added, terms, chosen=doubtful, onto=plain)


def means(windows: Windows, terms: Terms) -> Floats:
    """Return the mean of each window, also where the sum leaves the range of floats."""
    plain, doubtful = _plain(windows, terms)
    plain = plain / np.maximum(windows.sizes, 1)
    return windows.in_lanes(_mean, terms, chosen=doubtful, onto=plain)


def _mean(lanes: Lanes) -> Floats:
    found = _added(lanes) / lanes.sizes
    lost = ~np.isfinite(found)
    # perhaps only the sum is beyond floats, not its mean
    return np.where(lost, _added(lanes, shared=True), found) if lost.any() else found


def _added(lanes: Lanes, *, shared: bool = False) -> Floats:
    """Return the compensated sum of each lane; `shared` of each value its part of the mean."""
    total, lost = np.zeros(len(lanes)), np.zeros(len(lanes))
    for count, places in lanes.walk():
        more = lanes.windows.values[places]
        add(total[:count], lost[:count], more / lanes.sizes[:count] if shared else more)
    return np.where(np.isinf(total), total, total + lost)


def add(total: Floats, lost: Floats, more: Floats) -> None:
    """Add to sums, in place, and to what rounding took from them (Neumaier)."""
    before = total.copy()
    total += more
    larger = np.abs(before) >= np.abs(more)
    error = np.where(larger, (before - total) + more, (more - total) + before)
    lost += error
    lost[np.isinf(total)] = 0.0


def _plain(windows: Windows, terms: Terms) -> tuple[Floats, Flags]:
    plain = windows.reduced(np.add, terms)
    if not (windows.values < 0).any():  # then nothing cancels out
        return plain, ~np.isfinite(plain)
    weight = windows.reduced(np.add, terms, values=np.abs(windows.values))
    return plain, ~(np.abs(plain) >= weight * LEFT) | ~np.isfinite(weight)
