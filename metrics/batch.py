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
LONG = 64
"""Runs longer than this are copied one by one."""


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
    owner, times, values = _woven([piece for piece in pieces if len(piece.owner)], len(labels))
    if not rising(owner, times):
        # owner and time as one number, of which runs that are in order already are sorted fastest;
        # there is room for all: times since 1970 leave it to four million owners
        begin = int(times.min())
        key = owner * (int(times.max()) - begin + 1) + (times - begin)
        order = np.argsort(key, kind="stable")  # what was given later stands later
        last = np.append(np.diff(key[order]) > 0, True)
        order = order[last]
        owner, times, values = owner[order], times[order], values[order]
    starts = np.searchsorted(owner, np.arange(len(labels) + 1)).astype(np.int64)
    return Columns(labels, starts, times, values)


def rising(owner: Ints, times: Ints) -> bool:
    """Tell whether samples stand by owner and time, no two of them at the same."""
    later = times[1:] > times[:-1]
    same = owner[1:] == owner[:-1]
    return bool((later & same | (owner[1:] > owner[:-1])).all())


def _woven(pieces: Sequence[Pieces], owners: int) -> tuple[Ints, Ints, Floats]:
    """Return the pieces as one: by owner, and what was given earlier first, if each is so."""
    if len(pieces) == 1:
        return pieces[0].owner, pieces[0].times, pieces[0].values
    size = sum(len(p.owner) for p in pieces)
    times, values = np.empty(size, np.int64), np.empty(size, np.float64)
    counts = np.zeros((len(pieces), owners), np.int64)
    for line, piece in zip(counts, pieces, strict=True):
        line[:] = np.bincount(piece.owner, minlength=owners)
    all_ = counts.sum(axis=0)
    begins = (np.cumsum(all_) - all_) + np.cumsum(counts, axis=0) - counts
    for piece, begin, count in zip(pieces, begins, counts, strict=True):
        if (piece.owner[1:] < piece.owner[:-1]).any():
            order = np.argsort(piece.owner, kind="stable")
            piece = Pieces(piece.owner[order], piece.times[order], piece.values[order])
        taken = np.cumsum(count) - count
        if len(piece.owner) > LONG * owners:
            for to, at, many in zip(begin.tolist(), taken.tolist(), count.tolist(), strict=True):
                times[to : to + many] = piece.times[at : at + many]
                values[to : to + many] = piece.values[at : at + many]
        else:
            places = np.repeat(begin - taken, count)
            places += np.arange(len(places))
            times[places], values[places] = piece.times, piece.values
    return np.repeat(np.arange(owners), all_), times, values


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
