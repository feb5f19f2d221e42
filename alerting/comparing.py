"""Samples held against the limits of what is watched: nearly all of them change nothing."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alerting.backlog import Drained
from alerting.news import News
from alerting.watches import Watched, Watches


def compared(watches: Watches, drained: Drained) -> Iterator[News]:
    """Yield the samples that may change something, and whatever else their watches saw."""
    refs, times = drained.refs, drained.times
    seen = watches.seen[refs]
    in_order = times >= seen
    watches.seen[refs] = np.maximum(times, seen)
    for slot in watches.slots:
        mine = slot[refs]
        with np.errstate(invalid="ignore"):
            same = drained.values >= watches.low[mine]
            same &= drained.values <= watches.high[mine]
        same &= times < watches.due[mine]
        if not same.all():
            yield from _news(watches, mine, ~same & in_order, in_order, drained)


def _news(
    watches: Watches,
    mine: Watched,
    changes: NDArray[np.bool_],
    in_order: NDArray[np.bool_],
    drained: Drained,
) -> Iterator[News]:
    values = drained.values
    # the end of a series, or no number, says nothing where silence does not matter
    changes &= (mine > 0) & (~np.isnan(values) | watches.silence[mine] | watches.busy[mine])
    if not changes.any():
        return
    concerned = np.zeros(watches.count, np.bool_)
    concerned[mine[changes]] = True
    told = np.flatnonzero(concerned[mine] & in_order)
    yield News(mine[told], drained.times[told], values[told], drained.arrived[told])
