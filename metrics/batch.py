"""What travels between the journal, the head and those who read: columns, never sample objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
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
    """Samples as they were found, in runs; the later of two equals counts.

    The next `counts[i]` samples belong to `owners[i]`.
    """

    owners: Ints
    counts: Ints
    times: Ints
    values: Floats

    @classmethod
    def of_each(cls, owner: Ints, times: Ints, values: Floats) -> "Pieces":
        """Return samples of which each says whose it is."""
        begins = _changes(owner)
        return cls(owner[begins], np.diff(np.append(begins, len(owner))), times, values)

    @classmethod
    def of_runs(cls, owners: Ints, counts: Ints, times: Ints, values: Floats) -> "Pieces":
        """Return samples in runs; those of one owner that follow each other become one."""
        begins = _changes(owners)
        sums = np.add.reduceat(counts, begins) if len(begins) else counts
        return cls(owners[begins], sums, times, values)

    @cached_property
    def owner(self) -> Ints:
        """Whose each sample is."""
        owner: Ints = np.repeat(self.owners, self.counts)
        return owner

    def only(self, which: npt.NDArray[np.bool_]) -> "Pieces":
        """Return some of the samples."""
        return Pieces.of_each(self.owner[which], self.times[which], self.values[which])

    def placed(self, places: Ints) -> "Pieces":
        """Return the same with the owners found at these places."""
        return Pieces(places[self.owners], self.counts, self.times, self.values)


def _changes(owners: Ints) -> npt.NDArray[np.intp]:
    """Return the places at which another owner begins."""
    if not len(owners):
        return np.empty(0, np.intp)
    return np.append(0, np.flatnonzero(owners[1:] != owners[:-1]) + 1)


def merged(pieces: Sequence[Pieces], labels: Sequence[Labels]) -> Columns:
    """Sort pieces into columns; of samples with equal owner and time the last given wins."""
    some = [piece for piece in pieces if len(piece.times)]
    starts, times, values = _woven(some, len(labels))
    falls = _falls(times, starts)
    if not len(falls):
        return Columns(labels, starts, times, values)
    # most overlaps are short and at the end: what comes before all of them is in order already
    begin = int(times[falls].min())
    late = np.flatnonzero(times >= begin)
    owner = np.searchsorted(starts, late, side="right") - 1
    # owner and time as one number, of which runs that are in order already are sorted fastest;
    # there is room for all: times since 1970 leave it to four million owners
    span = int(times[late].max()) - begin + 1
    key = owner * span + (times[late] - begin)
    order = np.argsort(key, kind="stable")  # what was given later stands later
    key = key[order]
    times, values = times.copy(), values.copy()
    times[late], values[late] = times[late[order]], values[late[order]]
    again = np.append(key[1:] == key[:-1], False)
    if again.any():
        kept = np.ones(len(times), np.bool_)
        kept[late[again]] = False
        times, values = times[kept], values[kept]
        fewer = np.bincount(owner[again], minlength=len(labels))
        starts = starts - np.append(0, np.cumsum(fewer))
    return Columns(labels, starts, times, values)


def rising(times: Ints, starts: Ints) -> bool:
    """Tell whether times rise, but where the samples of an owner start."""
    return not len(_falls(times, starts))


def _falls(times: Ints, starts: Ints) -> Ints:
    """Return the places whose time is not later than that of the sample before, of one owner."""
    later = times[1:] > times[:-1]
    later[starts[(starts > 0) & (starts < len(times))] - 1] = True
    falls: Ints = np.flatnonzero(~later) + 1
    return falls


def _woven(pieces: Sequence[Pieces], owners: int) -> tuple[Ints, Ints, Floats]:
    """Return where each owner's samples begin, and the pieces as one: what came first, first."""
    counts = np.zeros((len(pieces), owners), np.int64)
    for line, piece in zip(counts, pieces, strict=True):
        np.add.at(line, piece.owners, piece.counts)
    starts = np.append(0, np.cumsum(counts.sum(axis=0)))
    if len(pieces) == 1 and _in_order(pieces[0].owners):
        return starts, pieces[0].times, pieces[0].values
    times, values = np.empty(starts[-1], np.int64), np.empty(starts[-1], np.float64)
    begins = starts[:-1] + np.cumsum(counts, axis=0) - counts
    for piece, begin, count in zip(pieces, begins, counts, strict=True):
        to, froms = _targets(piece, begin, count), np.cumsum(piece.counts) - piece.counts
        if len(piece.times) > LONG * len(to):
            each = (column.tolist() for column in (to, froms, piece.counts))
            for at, first, many in zip(*each, strict=True):
                times[at : at + many] = piece.times[first : first + many]
                values[at : at + many] = piece.values[first : first + many]
        else:
            places = np.repeat(to - froms, piece.counts)
            places += np.arange(len(places))
            times[places], values[places] = piece.times, piece.values
    return starts, times, values


def _targets(piece: Pieces, begin: Ints, count: Ints) -> Ints:
    """Return where the samples of each run go: behind those of the same owner's earlier runs.

    `begin` and `count` say of each owner where his begin, and how many he has in this piece.
    """
    order = np.argsort(piece.owners, kind="stable")
    sizes = piece.counts[order]
    found = np.empty_like(sizes)
    shift = begin - (np.cumsum(count) - count)
    found[order] = np.cumsum(sizes) - sizes + shift[piece.owners[order]]
    return found


def _in_order(owners: Ints) -> bool:
    return bool((owners[1:] >= owners[:-1]).all())


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
