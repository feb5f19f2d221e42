"""What is enough to know of a range of samples, read without looking at each of them.

A counter that never began again in a range grew by its last value less its first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats, Ints, Pieces, Refs, merged
from metrics.columns import Columns, Labels, is_stale
from metrics.head import NONE, Head
from metrics.rolled import Part, Rolled

Steps = Mapping[str, NDArray[Any]]
"""What is known of steps, a column for each part, and the times of their first and last samples."""

FIRSTS_AT, LASTS_AT = f"{Part.FIRSTS}_at", f"{Part.LASTS}_at"


def ends(head: Head, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Rolled:
    """Return what memory holds of series from `start` to `end` ms, slabs left out, in steps.

    A series that did not fall is one step from its first sample to its last; of any other each
    sample is a step, without the markers of an end.
    """
    owner, steps, others = _whole(head, refs, start, end)
    if len(others):
        pieces = head.between(refs[others], start, end)
        more, each = _samples(pieces, len(others))
        owner = np.append(owner, others[more])
        order = np.argsort(owner, kind="stable")
        owner = owner[order]
        steps = {name: np.append(column, each[name])[order] for name, column in steps.items()}
    starts = np.append(0, np.cumsum(np.bincount(owner, minlength=len(refs))))
    nothing = np.zeros(len(owner))
    return Rolled(labels, starts, steps[LASTS_AT], nothing, {**steps, Part.LOST: nothing})


def newest(head: Head, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Columns:
    """Return the newest sample of each series that memory holds from `start` to `end` ms."""
    rows = head.row_of[refs]
    place = np.flatnonzero(rows != NONE)
    rows = rows[place]
    number = head.first[rows] + head.first_from(rows, end + 1) - 1
    told = (number >= head.first[rows]) & ~head.late.has[rows]
    at = head.lines.cells(rows[told], number[told])
    others = place[~told]
    raw = merged(head.between(refs[others], start, end), [()] * len(others))
    some = np.flatnonzero(np.diff(raw.starts))
    last = raw.starts[some + 1] - 1
    owner = np.append(place[told], others[some])
    times = np.append(head.lines.times[at], raw.times[last])
    values = np.append(head.lines.values[at], raw.values[last])
    kept = np.argsort(owner, kind="stable")
    kept = kept[times[kept] >= start]
    starts = np.append(0, np.cumsum(np.bincount(owner[kept], minlength=len(refs))))
    return Columns(labels, starts, times[kept], values[kept])


def _whole(head: Head, refs: Refs, start: int, end: int) -> tuple[Ints, Steps, Ints]:
    """Return the series that are one step, their steps, and the series that have to be read."""
    rows = head.row_of[refs]
    place = np.flatnonzero(rows != NONE)
    rows = rows[place]
    high = head.first_from(rows, end + 1)
    last = head.first[rows] + high - 1
    first, firsts_at, firsts = _firsts(head, rows, start)
    counts = last - first + 1
    told = (head.fell[rows] <= first) & (firsts == firsts)
    told |= counts == 0
    told &= (high > 0) & ~head.late.has[rows]
    some = np.flatnonzero(told & (counts > 0))
    at = head.lines.cells(rows[some], last[some])
    steps = {
        Part.COUNTS: counts[some].astype(np.float64),
        Part.FIRSTS: firsts[some],
        FIRSTS_AT: firsts_at[some],
        Part.LASTS: head.lines.values[at],
        LASTS_AT: head.lines.times[at],
    }
    return place[some], steps, place[~told]


def _firsts(head: Head, rows: Ints, start: int) -> tuple[Ints, Ints, Floats]:
    """Return number, time and value of each row's first sample from `start` on.

    Where there is none, the number is that of the next sample to come.
    """
    low = head.first_from(rows, start)
    number = head.first[rows] + low
    at = head.lines.cells(rows, number)
    times, values = head.lines.times[at], head.lines.values[at]
    deep = np.flatnonzero((low == 0) & (number > 0))
    if len(deep):
        found = head.sealed.since(rows[deep], start)
        to = deep[found.place]
        number[to], times[to], values[to] = found.number, found.times, found.values
    return number, times, values


def _samples(pieces: Sequence[Pieces], series: int) -> tuple[Ints, Steps]:
    """Return whose each sample is, and each sample as a step."""
    raw = merged(pieces, [()] * series)
    live = ~is_stale(raw.values)
    owner = np.repeat(np.arange(series), np.diff(raw.starts))[live]
    times, values = raw.times[live], raw.values[live]
    return owner, {
        Part.COUNTS: np.ones(len(times)),
        Part.FIRSTS: values,
        FIRSTS_AT: times,
        Part.LASTS: values,
        LASTS_AT: times,
    }
