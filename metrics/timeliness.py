"""Samples from the future, and from before anything is kept, are refused. Pure."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import numpy as np

from metrics.ports.decode import Decoded

AHEAD_MS = 600_000


def in_time(
    decoded: Decoded, arrived: int, retention: timedelta, shown: Callable[[int], str]
) -> tuple[Decoded, Counter[str]]:
    """Return what is in time when it arrives at `arrived` ms, and how many are not, by reason.

    `shown` says which series a ref is; a retention of nothing is for ever.
    """
    latest = arrived + AHEAD_MS
    kept = retention // timedelta(milliseconds=1)
    oldest = max(arrived - kept, 0) if kept else 0
    times = decoded.times
    if not len(times) or (times.max() <= latest and times.min() >= oldest):
        return decoded, Counter()
    ahead, old = times > latest, times < oldest
    why = Counter(ahead=int(ahead.sum()), old=int(old.sum()))
    said = "is more than 10 minutes ahead" if ahead.any() else "is older than samples are kept"
    first = int(np.flatnonzero(ahead if ahead.any() else old)[0])
    reason = f"{shown(decoded.refs[first])}: a sample at {decoded.times[first]} ms {said}"
    return decoded.without(ahead | old, reason), why
