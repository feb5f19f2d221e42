"""Samples on their way into the head: which go ahead, which say something again, which are late."""

from typing import NamedTuple

import numpy as np

from metrics.batch import Floats, Ints

TIME_BITS = 43
"""Times in ms stay below 2**43 (the year 2248) until the head is given others."""


class Samples(NamedTuple):
    """Samples by row, and for each row in their order."""

    rows: Ints
    times: Ints
    values: Floats


class Arrived(NamedTuple):
    """`ahead`: newer than all before, each time once. `equal`: another word on the newest."""

    ahead: Samples
    equal: Samples
    late: Samples


def arrived(rows: Ints, times: Ints, values: Floats, newest: Ints) -> Arrived:
    """Sort samples that came in this order; `newest` has the newest time of each row."""
    order = np.argsort(rows, kind="stable")
    rows, times, values = rows[order], times[order], values[order]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = rows[1:] != rows[:-1]
    group = np.cumsum(begins) - 1
    key = (group << TIME_BITS) + times
    known = (group[begins] << TIME_BITS) + newest[rows[begins]]
    reached = key.copy()
    reached[begins] = np.maximum(key[begins], known)
    before = np.empty_like(key)
    before[1:] = np.maximum.accumulate(reached)[:-1]
    before[begins] = known
    ahead, same, late = key > before, key == before, key < before

    # an equal time overwrites: the newest one before this batch, or one within it
    level = np.cumsum(ahead)
    outset: Ints = (level - ahead)[begins][group]
    stored = same & (level == outset)
    written = ahead | (same & ~stored)
    final = np.empty(int(ahead.sum()), np.float64)
    final[level[written] - 1] = values[written]
    return Arrived(
        Samples(rows[ahead], times[ahead], final),
        Samples(rows[stored], times[stored], values[stored]),
        Samples(rows[late], times[late], values[late]),
    )
