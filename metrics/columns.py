"""Samples of many series in columns, as the store hands them out and PromQL takes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

Labels = tuple[tuple[str, str], ...]
"""Sorted by name, no empty values; with `__name__` and `client` where the series has them."""

NAME = "__name__"

STALE_BITS = 0x7FF0000000000002
"""The NaN with which Prometheus says that a series has ended; other NaNs are values."""

STALE = float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])


class Enough(Enum):
    """What has to be known of the samples in a range of time, at least."""

    EVERY = auto()
    """Each of them."""
    ENDS = auto()
    """The first, the last and how many; whatever lies between in a series that never fell."""
    NEWEST = auto()
    """The last, were it the marker of an end."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Series i owns `times[starts[i]:starts[i+1]]` (ms, rising) and the values beside them.

    `labels` is never changed in place: who sees the same list again may trust what was
    worked out from it before.
    """

    labels: Sequence[Labels]
    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def only(
        self, labels: Sequence[Labels], starts: NDArray[np.int64], places: NDArray[np.intp]
    ) -> "Columns":
        """Return the samples at these places, as those of other series."""
        return Columns(labels, starts, self.times[places], self.values[places])


def labels_of(named: Mapping[str, str]) -> Labels:
    """Return `named` in the one form that labels have here."""
    return tuple(sorted((name, value) for name, value in named.items() if value))


def columns_of(series: Iterable[tuple[Labels, Sequence[tuple[int, float]]]]) -> Columns:
    """Return series given as (labels, [(ms, value), ...]) as columns."""
    listed = list(series)
    counts = [len(points) for _, points in listed]
    flat = [point for _, points in listed for point in points]
    return Columns(
        labels=[labels for labels, _ in listed],
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        times=np.array([at for at, _ in flat], np.int64),
        values=np.array([value for _, value in flat], np.float64),
    )


def is_stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values are the marker of an ended series."""
    stale: NDArray[np.bool_] = np.ascontiguousarray(values).view(np.int64) == STALE_BITS
    return stale
