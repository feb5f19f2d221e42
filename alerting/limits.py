"""Where a value may move without any test changing its answer. Pure: no clock, no database."""

import math
from math import inf, nextafter

from alerting.lifecycle import Ladder, State, Test

Interval = tuple[float, float]
"""Both ends are inside; NaN never is."""

ANYWHERE: Interval = (-inf, inf)
NOWHERE: Interval = (inf, -inf)


def calm(ladder: Ladder) -> Interval:
    """Return an interval in which no level holds."""
    low, high = ANYWHERE
    for level in ladder.levels.values():
        match level.test:
            case Test.ABOVE:
                high = min(high, level.limit)
            case Test.AT_LEAST:
                high = min(high, nextafter(level.limit, -inf))
            case Test.BELOW:
                low = max(low, level.limit)
            case Test.AT_MOST:
                low = max(low, nextafter(level.limit, inf))
            case Test.NOT_EQUAL:
                low, high = max(low, level.limit), min(high, level.limit)
            case Test.EQUAL | Test.PRESENT:
                return NOWHERE
    return low, high


def around(ladder: Ladder, value: float) -> Interval:
    """Return an interval around `value` in which every test answers as it does for `value`."""
    levels = [*ladder.levels.values(), *([ladder.recover] if ladder.recover else [])]
    low, high = ANYWHERE
    for level in levels:
        if level.test is Test.PRESENT:
            continue
        if value == level.limit:
            return value, value
        if value > level.limit:
            low = max(low, nextafter(level.limit, inf))
        else:
            high = min(high, nextafter(level.limit, -inf))
    return low, high


def uneventful(ladder: Ladder, state: State, value: float | None) -> Interval:
    """Return where the next value may lie without changing `state`, which `value` has led to."""
    if state.absent_since:
        return NOWHERE
    quiet = not state.since and state.priority is None
    if quiet and (value is None or math.isnan(value) or inside(calm(ladder), value)):
        return calm(ladder)
    return NOWHERE if value is None or math.isnan(value) else around(ladder, value)


def inside(interval: Interval, value: float) -> bool:
    """Tell whether `value` lies in the interval."""
    return interval[0] <= value <= interval[1]
