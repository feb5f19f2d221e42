"""Deltas as totals: what came since the last time is added to what the series itself shows.

The total stands nowhere else. After a restart, or with the replica that takes over, it is there
where every sample is; and the journal keeps totals, so that a replay adds nothing twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from metrics.batch import Floats, Ints, Refs
from metrics.columns import STALE, Labels, is_stale
from metrics.ports.decode import Decoded, Gathering, Latest
from metrics.ports.encode import write_request

PORT = "remote_write"
LATE = "a delta that is older than what is added up already"


class Deltas:
    """Which samples of a request in the making are deltas, and with which a point begins."""

    def __init__(self) -> None:
        self._places: list[int] = []
        self._leads: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._places)

    def point(self, first: int, count: int) -> None:
        """Note that the samples of one data point are deltas."""
        self._places += range(first, first + count)
        self._leads.append(first)

    async def added_up(
        self, given: tuple[Refs, Ints, Floats], latest: Latest, said: Gathering
    ) -> tuple[Refs, Ints, Floats]:
        """Return the columns with totals; deltas that come late are refused, and counted."""
        refs, times, values = given
        at = np.array(self._places)
        known, whose = np.unique(refs[at], return_inverse=True)
        totals, late = _totals(whose, times[at], values[at], await latest(known))
        values[at] = totals
        kept = np.ones(len(refs), np.bool_)
        kept[at[late]] = False
        refused = int((~kept[np.array(self._leads)]).sum())
        if refused:
            said.refuse_for(LATE, refused)
        return refs[kept], times[kept], values[kept]


async def as_totals(decoded: Decoded, labels: Sequence[Labels]) -> Decoded:
    """Return what was decoded with what the journal has to keep: the labels name the client."""
    columns = labels, decoded.times.tolist(), decoded.values.tolist()
    body = await asyncio.to_thread(write_request, *columns)
    return replace(decoded, record=(PORT, None, body))


def _totals(
    whose: Ints, times: Ints, values: Floats, base: tuple[Ints, Floats]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the totals, and which of the deltas come too late to be added."""
    newest, running = base[0].copy(), np.where(np.isnan(base[1]), 0.0, base[1])
    order = np.lexsort((times, whose))
    group = whose[order]
    begins = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    rank = np.arange(len(group)) - np.repeat(begins, np.diff(np.append(begins, len(group))))
    totals, late = np.empty(len(values)), np.zeros(len(values), np.bool_)
    for nth in range(int(rank.max()) + 1):  # few: a series has one delta in a request, as a rule
        at = order[rank == nth]
        of = whose[at]
        late[at] = times[at] <= newest[of]
        good = at[~late[at]]
        of = whose[good]
        ended = is_stale(values[good])
        running[of] = np.where(ended, 0.0, running[of] + values[good])
        newest[of] = times[good]
        totals[good] = np.where(ended, STALE, running[of])
    return totals, late
