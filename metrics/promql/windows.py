"""Ranges of samples: which ones lie in the window of each series at each step.

A window is two places in the columns, and all windows are computed at once: by ufuncs over
slices, or sample by sample through all of them together where one depends on the last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from metrics.columns import Columns, Labels, is_stale
from metrics.promql.frames import Flags, Floats, Matrix, Rows
from metrics.promql.selection import Times
from metrics.promql.terms import Terms

Ints = NDArray[np.int64]
N = TypeVar("N", bound=np.generic)
BLOCK = 2_000_000
"""So many values are laid out in one block at most."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The window of a series at a step has the samples from `first` up to before `last`.

    Both are of shape (series, steps), or (series, 1) where all steps look at the same moment.
    `ends` is that moment; the window begins `range_ms` before it and does not hold its beginning.
    """

    labels: Sequence[Labels]
    times: Ints
    values: Floats
    first: Ints
    last: Ints
    ends: Times
    range_ms: int
    nameless: Flags | None = None

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

    def at(self, places: Ints) -> Floats:
        """Return the values at places, anything where a place is of no window."""
        return _padded(self.values)[np.clip(places, 0, len(self.values))]

    def when(self, places: Ints) -> Ints:
        """Return the times at places, anything where a place is of no window."""
        return _padded(self.times)[np.clip(places, 0, len(self.times))]

    def reduced(self, by: np.ufunc, values: Floats | None = None, skip: int = 0) -> Floats:
        """Return one value for each window, without its first `skip` samples; 0 where none is."""
        found = np.zeros(self.first.shape)
        filled = np.flatnonzero(self.sizes > skip)
        if len(filled):
            padded = _padded(self.values if values is None else values)
            edges = np.column_stack([self.first.ravel()[filled] + skip, self.last.ravel()[filled]])
            found.ravel()[filled] = by.reduceat(padded, edges.ravel())[::2]
        return found

    def matrix(self, values: Floats, steps: int, *, least: int = 1, named: bool = False) -> Matrix:
        """Return the values where a window has at least so many samples."""
        shape = (len(self.labels), steps)
        present = np.broadcast_to(self.sizes >= least, shape)
        found = Matrix(self.labels, np.broadcast_to(values, shape), present, self.nameless)
        return found if named else found.computed(found.values)


def _padded(column: NDArray[N]) -> NDArray[N]:
    return np.append(column, np.zeros(1, column.dtype))


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
    return Windows(
        columns.labels,
        columns.times,
        columns.values,
        first=_after(columns, ends - range_ms),
        last=_after(columns, ends),
        ends=ends,
        range_ms=range_ms,
        nameless=nameless,
    )


def _after(columns: Columns, moments: Times) -> Ints:
    """Return for each (series, moment) the place of the first sample later than that."""
    series, width = len(columns.labels), len(moments)
    step = moments[1] - moments[0] if width > 1 else np.int64(1)
    seen_at = np.clip(-((moments[0] - columns.times) // step), 0, width)  # rounds up
    rows = np.repeat(np.arange(series), np.diff(columns.starts))
    counts = np.bincount(rows * (width + 1) + seen_at, minlength=series * (width + 1))
    seen = np.cumsum(counts.reshape(series, width + 1)[:, :width], axis=1)
    return seen + columns.starts[:-1, None]


class Lanes:
    """Windows beside each other, the longest first, through which one walks in step."""

    def __init__(self, windows: Windows, terms: Terms, chosen: Flags | None = None) -> None:
        sizes = windows.sizes.ravel()
        wanted = sizes > 0 if chosen is None else chosen.ravel() & (sizes > 0)
        lanes = np.flatnonzero(wanted)
        self.order: Rows = lanes[np.argsort(-sizes[lanes], kind="stable")]
        self.sizes = sizes[self.order]
        self.first = windows.first.ravel()[self.order]
        self._shape, self._terms = windows.first.shape, terms

    def __len__(self) -> int:
        return len(self.order)

    def walk(self) -> Iterator[tuple[int, Ints]]:
        """Yield how many lanes still have a sample, and where it stands in each of them."""
        if not len(self):
            return
        longest = int(self.sizes[0])
        rising = self.sizes[::-1]
        counts = len(self) - np.searchsorted(rising, np.arange(longest), side="right")
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

    def laid(self, values: Floats, onto: Floats | None = None) -> Floats:
        """Return one value for each window: the lanes' own, else those of `onto`, else 0."""
        found = np.zeros(self._shape) if onto is None else onto.copy()
        found.ravel()[self.order] = values
        return found

    def each(self, by_window: Floats) -> Floats:
        """Return of what is said of each window what is said of each lane."""
        return np.broadcast_to(by_window, self._shape).ravel()[self.order]
