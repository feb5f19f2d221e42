"""What is enough to know of a range of samples, read without looking at each of them.

A counter that never began again in a range grew by its last value less its first. What cannot be
told so is named in `others`: of these series every sample is to be read, and `joined`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats, Ints, Refs
from metrics.columns import Columns, Labels, is_stale
from metrics.head import NONE, Head
from metrics.rolled import Part, Rolled
from metrics.slabs import UNNUMBERED, Firsts

Steps = Mapping[str, NDArray[Any]]
"""What is known of steps, a column for each part, and the times of their first and last samples."""

Flags = NDArray[np.bool_]

FIRSTS_AT, LASTS_AT = f"{Part.FIRSTS}_at", f"{Part.LASTS}_at"


@dataclass(frozen=True)
class Newest:
    """The newest samples of some series, by place, and the places of the others."""

    owner: Ints
    times: Ints
    values: Floats
    others: Ints

    def joined(self, raw: Columns, labels: Sequence[Labels]) -> Columns:
        """Return one sample of each series that has any."""
        some = np.flatnonzero(np.diff(raw.starts))
        last = raw.starts[some + 1] - 1
        owner = np.append(self.owner, self.others[some])
        order = np.argsort(owner, kind="stable")
        times = np.append(self.times, raw.times[last])[order]
        values = np.append(self.values, raw.values[last])[order]
        return Columns(labels, _starts(owner, len(labels)), times, values)


@dataclass(frozen=True)
class Ends:
    """Series that are one step from their first sample to their last, and the others."""

    owner: Ints
    steps: Steps
    others: Ints

    def joined(self, raw: Columns, labels: Sequence[Labels]) -> Rolled:
        """Return the steps of all series; of the others each sample is one, but for end markers."""
        owner, steps = self.owner, self.steps
        if not len(owner):
            more, steps = _samples(raw)
            owner = self.others[more]
        elif len(raw.times):
            more, each = _samples(raw)
            owner = np.append(owner, self.others[more])
            order = np.argsort(owner, kind="stable")
            steps = {name: np.append(column, each[name])[order] for name, column in steps.items()}
        nothing = np.zeros(len(owner))
        known = {**steps, Part.LOST: nothing}
        return Rolled(labels, _starts(owner, len(labels)), steps[LASTS_AT], nothing, known)


def newest(head: Head, refs: Refs, start: int, end: int) -> Newest:
    """Return the newest sample from `start` to `end` ms of each series."""
    place, rows, told = _rows(head, refs, start)
    number = head.first[rows] + head.first_from(rows, end + 1) - 1
    at = head.lines.cells(rows, number)
    times, values = head.lines.times[at], head.lines.values[at]
    known = number >= head.first[rows]
    known &= (head.broken[rows] <= number) | ~head.late.has[rows]  # none that is late is newer
    known &= head.bare[refs[place]] <= times
    told[place] = known
    some = known & (times >= start)
    return Newest(place[some], times[some], values[some], np.flatnonzero(~told))


def ends(head: Head, refs: Refs, start: int, end: int, deep: Firsts) -> Ends:
    """Return series of which nothing fell or came late from `start` to `end` ms, as steps.

    `deep` has the first samples of those of which slabs hold more than memory has at hand.
    """
    place, rows, told = _rows(head, refs, start)
    high = head.first_from(rows, end + 1)
    last = head.first[rows] + high - 1
    sure, first, firsts_at, firsts = _firsts(head, refs[place], start, deep.of(place))
    counts = last - first + 1
    known = sure & (high > 0) & (head.broken[rows] <= first)
    known &= (firsts == firsts) | (counts == 0)
    told[place] = known
    some = np.flatnonzero(known & (counts > 0))
    at = head.lines.cells(rows[some], last[some])
    steps = {
        Part.COUNTS: counts[some].astype(np.float64),
        Part.FIRSTS: firsts[some],
        FIRSTS_AT: firsts_at[some],
        Part.LASTS: head.lines.values[at],
        LASTS_AT: head.lines.times[at],
    }
    return Ends(place[some], steps, np.flatnonzero(~told))


def _rows(head: Head, refs: Refs, start: int) -> tuple[Ints, Ints, Flags]:
    """Return the places of series that have a row, their rows, and who is known to have nothing."""
    rows = head.row_of[refs]
    place = np.flatnonzero(rows != NONE)
    return place, rows[place], (rows == NONE) & (head.bare[refs] <= start)


def _firsts(head: Head, refs: Refs, start: int, deep: Firsts) -> tuple[Flags, Ints, Ints, Floats]:
    """Return number, time and value of each first sample from `start` on, and who is sure of it.

    Where there is none, the number is that of the next sample to come.
    """
    rows = head.row_of[refs]
    low = head.first_from(rows, start)
    number = head.first[rows] + low
    at = head.lines.cells(rows, number)
    times, values = head.lines.times[at], head.lines.values[at]
    below = np.flatnonzero((low == 0) & (number > 0))
    if len(below):
        found = head.sealed.since(rows[below], start)
        to = below[found.place]
        number[to], times[to], values[to] = found.number, found.times, found.values
    sure = head.bare[refs] <= start
    sure[deep.asked] |= (head.covered[refs] <= start)[deep.asked]
    sure &= head.begun[rows] <= start
    sure[deep.places] &= deep.numbers != UNNUMBERED
    before = deep.numbers < number[deep.places]  # memory may have older ones that no slab has
    to = deep.places[before]
    number[to], times[to], values[to] = (
        column[before] for column in (deep.numbers, deep.times, deep.values)
    )
    return sure, number, times, values


def _samples(raw: Columns) -> tuple[Ints, Steps]:
    """Return whose each sample is, and each sample as a step."""
    owner = np.repeat(np.arange(len(raw.labels)), np.diff(raw.starts))
    times, values = raw.times, raw.values
    if (stale := is_stale(values)).any():
        owner, times, values = owner[~stale], times[~stale], values[~stale]
    return owner, {
        Part.COUNTS: np.ones(len(times)),
        Part.FIRSTS: values,
        FIRSTS_AT: times,
        Part.LASTS: values,
        LASTS_AT: times,
    }


def _starts(owner: Ints, series: int) -> Ints:
    return np.append(0, np.cumsum(np.bincount(owner, minlength=series)))
