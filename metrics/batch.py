"""What travels between the journal, the head and those who read: columns, never sample objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.labels import Labels

Refs: TypeAlias = npt.NDArray[np.int32]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

STALE_BITS = 0x7FF0000000000002
"""The NaN by which Prometheus says that a series has ended; compare bits, never values."""

STALE = float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])


@dataclass(frozen=True, order=True)
class Position:
    """A place in the journal, just behind a record; later records have greater positions."""

    segment: int
    offset: int


START = Position(0, 0)


@dataclass(frozen=True)
class Batch:
    """The samples of one request that were kept, in the order in which they were sent."""

    refs: Refs
    times: Ints
    values: Floats
    arrived: datetime
    position: Position
    replayed: bool = False


@dataclass(frozen=True)
class Appended:
    """What became of a request: samples kept, samples refused, and why the first of those was."""

    samples: int
    refused: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Columns:
    """Samples of several series: series i owns `times[starts[i]:starts[i+1]]`, ascending, unique."""

    labels: list[Labels]
    starts: Ints
    times: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.labels)

    def series(self, number: int) -> tuple[Ints, Floats]:
        """Return times and values of one series."""
        owned = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return self.times[owned], self.values[owned]


@dataclass(frozen=True)
class Pieces:
    """Samples as they were found: `owner` says whose each is; the later of two equals counts."""

    owner: Ints
    times: Ints
    values: Floats


def is_stale(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell which values are stale markers, by their bits."""
    return np.ascontiguousarray(values).view(np.uint64) == STALE_BITS


def merged(pieces: Sequence[Pieces], labels: list[Labels]) -> Columns:
    """Sort pieces into columns; of samples with equal owner and time the last given wins."""
    owner = np.concatenate([p.owner for p in pieces]) if pieces else np.empty(0, np.int64)
    times = np.concatenate([p.times for p in pieces]) if pieces else np.empty(0, np.int64)
    values = np.concatenate([p.values for p in pieces]) if pieces else np.empty(0, np.float64)
    after = owner[1:] - owner[:-1]
    if not ((after > 0) | ((after == 0) & (times[1:] > times[:-1]))).all():
        order = np.lexsort((times, owner))  # stable: what was given later stands later
        owner, times, values = owner[order], times[order], values[order]
        last = np.ones(len(owner), np.bool_)
        last[:-1] = (owner[1:] != owner[:-1]) | (times[1:] != times[:-1])
        owner, times, values = owner[last], times[last], values[last]
    starts = np.searchsorted(owner, np.arange(len(labels) + 1)).astype(np.int64)
    return Columns(labels, starts, times, values)
