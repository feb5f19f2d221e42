"""What travels between the journal, the head and those who read: columns, never sample objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.columns import Columns, Labels

Refs: TypeAlias = npt.NDArray[np.int32]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]


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
class Pieces:
    """Samples as they were found: `owner` says whose each is; the later of two equals counts."""

    owner: Ints
    times: Ints
    values: Floats

    def placed(self, places: Ints) -> "Pieces":
        """Return the same with the owners found at these places."""
        return Pieces(places[self.owner], self.times, self.values)


def merged(pieces: Sequence[Pieces], labels: Sequence[Labels]) -> Columns:
    """Sort pieces into columns; of samples with equal owner and time the last given wins."""
    starts, times, values = _woven(pieces, len(labels))
    if _rising(starts, times):
        return Columns(labels, starts, times, values)
    # owner and time as one number, of which runs that are in order already are sorted fastest;
    # there is room for all: times since 1970 leave it to four million owners
    begin = int(times.min())
    span = int(times.max()) - begin + 1
    key = np.repeat(np.arange(len(labels)), np.diff(starts)) * span + (times - begin)
    order = np.argsort(key, kind="stable")  # what was given later stands later
    key = key[order]
    last = np.append(key[1:] != key[:-1], True)
    if not last.all():
        key, order = key[last], order[last]
    starts = np.searchsorted(key, np.arange(len(labels) + 1) * span).astype(np.int64)
    return Columns(labels, starts, times[order], values[order])


def _rising(starts: Ints, times: Ints) -> bool:
    """Tell whether the times of each owner rise."""
    later = times[1:] > times[:-1]
    ends = starts[1:-1]
    later[ends[(ends > 0) & (ends < len(times))] - 1] = True
    return bool(later.all())


def _woven(pieces: Sequence[Pieces], owners: int) -> tuple[Ints, Ints, Floats]:
    """Return where each owner's samples begin, and the pieces as one: what came first, first."""
    counts = [np.bincount(p.owner, minlength=owners) for p in pieces]
    all_ = sum(counts, np.zeros(owners, np.int64))
    starts = np.append(0, np.cumsum(all_)).astype(np.int64)
    if len(pieces) == 1 and _in_order(pieces[0].owner):
        return starts, pieces[0].times, pieces[0].values
    size, free = int(starts[-1]), starts[:-1].copy()
    times, values = np.empty(size, np.int64), np.empty(size, np.float64)
    for piece, count in zip(pieces, counts, strict=True):
        at = np.repeat(free - (np.cumsum(count) - count), count)
        at += np.arange(len(at))
        if not _in_order(piece.owner):
            by_owner = np.empty(len(at), np.int64)
            by_owner[np.argsort(piece.owner, kind="stable")] = at
            at = by_owner
        times[at], values[at] = piece.times, piece.values
        free += count
    return starts, times, values


def _in_order(owner: Ints) -> bool:
    return bool((owner[1:] >= owner[:-1]).all())


def without_empty(columns: Columns) -> Columns:
    """Return the columns of those series that have samples; the same object if all have."""
    lengths = np.diff(columns.starts)
    if (lengths > 0).all():
        return columns
    kept = np.flatnonzero(lengths > 0)
    starts = np.append(columns.starts[kept], len(columns.times)).astype(np.int64)
    return Columns(
        [columns.labels[i] for i in kept.tolist()], starts, columns.times, columns.values
    )
