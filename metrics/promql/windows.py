"""Ranges of samples: which ones lie in the window of each series at each step.

A window is two places in the columns, and all windows are computed at once: by ufuncs over
slices, or sample by sample through all of them together where one depends on the last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from metrics.columns import Columns, Labels, is_stale
from metrics.promql.frames import Flags, Floats, Matrix, Rows
from metrics.promql.selection import AT_HAND, Times, few
from metrics.promql.terms import Terms
from metrics.rolled import Rolled

Ints = NDArray[np.int64]
N = TypeVar("N", bound=np.generic)
BLOCK = 2_000_000
"""So many values are laid out in one block, or reduced at one go."""
LANES = 100_000
"""So many windows are walked through together."""
SPARSE = 8
"""With more samples than this for each window, to look its edges up costs less than to count."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The window of a series at a step has the samples from `first` up to before `last`.

    Series i owns `times[starts[i]:starts[i+1]]`, as in `Columns`. `first` and `last` are of shape
    (series, steps), or (series, 1) where all steps look at the same moment. `ends` is that
    moment; the window begins `range_ms` before it and does not hold its beginning. Of samples that
    are rolled up, `known` has more columns, and each time is the end of a step (see `Rolled`).
    """

    labels: Sequence[Labels]
    starts: Ints
    times: Ints
    values: Floats
    first: Ints
    last: Ints
    ends: Times
    range_ms: int
    nameless: Flags | None = None
    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def of(self, column: str, *, times: str | None = None) -> "Windows":
        """Return the same windows over what is known of whole steps, if they are of such."""
        moments = self.times if times is None else self.known[times]
        return replace(self, values=self.known[column], times=moments)

    @property
    def sizes(self) -> Ints:
        """How many samples each window has."""
        return self.last - self.first

    def spread(self, steps: int) -> "Windows":
        """Return the same windows, one for each step even if they are all the same."""
        if self.first.shape[1] == steps:
            return self
        shape = (len(self.labels), steps)
        return replace(
            self,
            first=np.broadcast_to(self.first, shape),
            last=np.broadcast_to(self.last, shape),
            ends=np.broadcast_to(self.ends, steps),
        )

    def in_parts(self) -> Iterator[tuple[slice, "Windows"]]:
        """Yield runs of series whose windows are few enough to stay at hand while one computes."""
        size = max(AT_HAND // max(self.first.shape[1], 1), 1)
        for start in range(0, len(self.first), size):
            part = slice(start, start + size)
            yield part, replace(self, first=self.first[part], last=self.last[part])

    def at(self, places: Ints) -> Floats:
        """Return the values at places, anything where a place is of no window."""
        return _taken(self.values, places)

    def when(self, places: Ints) -> Ints:
        """Return the times at places, anything where a place is of no window."""
        return _taken(self.times, places)

    def reduced(
        self, by: np.ufunc, terms: Terms, *, values: Floats | None = None, skip: int = 0
    ) -> Floats:
        """Return one value for each window, without its first `skip` samples; 0 where none is."""
        found, sizes = np.zeros(self.first.shape), self.sizes.ravel()
        filled = np.flatnonzero(sizes > skip)
        padded = _padded(self.values if values is None else values)
        first, last = self.first.ravel(), self.last.ravel()
        for part in _parts(sizes[filled]):
            terms.go_on()
            places = filled[part]
            edges = np.column_stack([first[places] + skip, last[places]])
            found.ravel()[places] = by.reduceat(padded, edges.ravel())[::2]
        return found

    def in_lanes(
        self,
        compute: Callable[["Lanes"], Floats],
        terms: Terms,
        *,
        chosen: Flags | None = None,
        onto: Floats | None = None,
    ) -> Floats:
        """Return what `compute` makes of the windows, of those `chosen`; elsewhere that of `onto`.

        It is given some at a time, the longest first.
        """
        found = np.zeros(self.first.shape) if onto is None else onto.copy()
        sizes = self.sizes.ravel()
        wanted = sizes > 0 if chosen is None else chosen.ravel() & (sizes > 0)
        order = np.flatnonzero(wanted)
        order = order[np.argsort(-sizes[order], kind="stable")]
        for start in range(0, len(order), LANES):
            lanes = Lanes(self, order[start : start + LANES], terms)
            found.ravel()[lanes.order] = compute(lanes)
        return found

    def matrix(self, values: Floats, steps: int, *, least: int = 1, named: bool = False) -> Matrix:
        """Return the values where a window has at least so many samples."""
        shape = (len(self.labels), steps)
        present = np.broadcast_to(self.sizes >= least, shape)
        found = Matrix(self.labels, np.broadcast_to(values, shape), present, self.nameless)
        return found if named else found.computed(found.values)


def _padded(column: NDArray[N]) -> NDArray[N]:
    return np.append(column, np.zeros(1, column.dtype))


def _taken(column: NDArray[N], places: Ints) -> NDArray[N]:
    if not len(column):
        return np.zeros(places.shape, column.dtype)
    return column.take(places, mode="clip")


def live(columns: Columns) -> Columns:
    """Return the samples without the markers of ended series, which no range holds."""
    stale = is_stale(columns.values)
    if not stale.any():
        return columns
    kept = np.concatenate([[0], np.cumsum(~stale)])
    return Columns(
        columns.labels, kept[columns.starts], columns.times[~stale], columns.values[~stale]
    )


def windows(
    columns: Columns, ends: Times, range_ms: int, *, nameless: Flags | None = None
) -> Windows:
    """Return the windows that end at these moments, which are evenly spaced and rise."""
    first, last = _bounds(columns, ends, range_ms)
    return cut(columns, first, last, ends=ends, range_ms=range_ms, nameless=nameless)


def _bounds(columns: Columns, ends: Times, range_ms: int) -> tuple[Ints, Ints]:
    """Return where windows begin and end, in one look if each begins where a former one ended."""
    width, step = len(ends), int(ends[1] - ends[0]) if len(ends) > 1 else 0
    back = range_ms // step if step and range_ms % step == 0 else width
    if back >= width:
        return after(columns, ends - range_ms), after(columns, ends)
    places = after(columns, np.arange(ends[0] - range_ms, ends[-1] + step, step))
    return places[:, :width], places[:, back:]


def cut(
    columns: Columns,
    first: Ints,
    last: Ints,
    *,
    ends: Times,
    range_ms: int,
    nameless: Flags | None = None,
) -> Windows:
    """Return windows of which is known where each begins and ends in the columns."""
    return Windows(
        columns.labels,
        columns.starts,
        columns.times,
        columns.values,
        first=first,
        last=last,
        ends=ends,
        range_ms=range_ms,
        nameless=nameless,
        known=columns.known if isinstance(columns, Rolled) else {},
    )


def after(columns: Columns, moments: Times) -> Ints:
    """Return for each (series, moment) the place of the first sample later than that."""
    series, width = len(columns.labels), len(moments)
    if width == 1:
        return _after_one(columns, moments[0])
    if len(columns.times) > SPARSE * series * width:
        return _after_each(columns, moments)
    found = np.empty((series, width), np.int64)
    for part, starts in few(columns.starts, width):
        _count(columns.times[starts[0] : starts[-1]], starts, moments, found[part])
    return found


def _count(times: Ints, starts: Ints, moments: Times, found: Ints) -> None:
    """Write the places of a few series: it is counted which moment sees each sample first."""
    series, width = found.shape
    step = moments[1] - moments[0]
    seen_at = (times - (moments[0] - step + 1)) // step  # rounded up, for what was added
    np.clip(seen_at, 0, width, out=seen_at)
    seen_at += np.repeat(np.arange(series) * (width + 1), np.diff(starts))
    counts = np.bincount(seen_at, minlength=series * (width + 1)).reshape(series, width + 1)
    counts[:, 0] += starts[:-1]
    np.cumsum(counts[:, :width], axis=1, out=found)


def _after_each(columns: Columns, moments: Times) -> Ints:
    """Return the same by looking each of them up, where samples are many more."""
    found = np.empty((len(columns.labels), len(moments)), np.int64)
    for row, (start, end) in enumerate(pairwise(columns.starts.tolist())):
        found[row] = np.searchsorted(columns.times[start:end], moments, side="right")
    return found + columns.starts[:-1, None]


def _after_one(columns: Columns, moment: np.int64) -> Ints:
    seen = columns.times <= moment
    if seen.all():  # as it is of the end of what was read
        return columns.starts[1:, None]
    if not seen.any():  # and of its beginning
        return columns.starts[:-1, None]
    known = np.concatenate([[0], np.cumsum(seen)])
    counts = known[columns.starts[1:]] - known[columns.starts[:-1]]
    places: Ints = columns.starts[:-1] + counts
    return places[:, None]


def _parts(sizes: Ints) -> Iterator[slice]:
    """Yield runs of windows that together have not many more samples than a block."""
    if not len(sizes):
        return
    total = np.cumsum(sizes)
    cuts = np.searchsorted(total, np.arange(BLOCK, total[-1], BLOCK), side="right")
    for start, end in pairwise([0, *sorted(set(cuts.tolist()) - {0}), len(sizes)]):
        yield slice(start, end)


class Lanes:
    """Windows beside each other, the longest first, through which one walks in step."""

    def __init__(self, windows: Windows, order: Rows, terms: Terms) -> None:
        self.windows, self.order = windows, order
        self.sizes = windows.sizes.ravel()[order]
        self.first = windows.first.ravel()[order]
        self._terms = terms

    def __len__(self) -> int:
        return len(self.order)

    def walk(self) -> Iterator[tuple[int, Ints]]:
        """Yield how many lanes still have a sample, and where it stands in each of them."""
        rising = self.sizes[::-1]
        turns = np.arange(int(self.sizes[0]))
        counts = len(self) - np.searchsorted(rising, turns, side="right")
        for turn, count in enumerate(counts.tolist()):
            self._terms.go_on()
            yield count, self.first[:count] + turn

    def blocks(self) -> Iterator[tuple[slice, Ints, Flags]]:
        """Yield lanes, the places of their samples side by side, and which of these are theirs."""
        start = 0
        while start < len(self):
            self._terms.go_on()
            width = int(self.sizes[start])
            lanes = slice(start, min(start + max(BLOCK // width, 1), len(self)))
            beside = np.arange(width)
            yield (
                lanes,
                self.first[lanes, None] + beside,
                beside < self.sizes[lanes, None],
            )
            start = lanes.stop

    def each(self, by_window: Floats) -> Floats:
        """Return of what is said of each window what is said of each lane."""
        return np.broadcast_to(by_window, self.windows.first.shape).ravel()[self.order]
