"""Samples rolled up: what is kept of each step of a series, and many of them in columns. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.columns import Columns, Labels
from metrics.growing import spread


class Part(StrEnum):
    """What is kept of a step of a series; each is a column of its own."""

    FIRSTS = "firsts"
    """The first sample, at its time."""
    LASTS = "lasts"
    """The last sample, at its time, and the marker of an ended series that came after it."""
    COUNTS = "counts"
    SUMS = "sums"
    LOWS = "lows"
    HIGHS = "highs"
    LOST = "lost"
    """What a counter had counted before it began again, inside the step; where it did."""


@dataclass(frozen=True, slots=True)
class Rolled(Columns):
    """`times` says when each step ends that has samples; `known` has a column for what is known.

    A step holds what came after its beginning and up to its end. `firsts_at` and `lasts_at` are
    times in ms, every other column is of values; `values` itself says nothing.
    """

    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def only(
        self, labels: Sequence[Labels], starts: NDArray[np.int64], places: NDArray[np.intp]
    ) -> "Rolled":
        """Return the steps at these places, as those of other series."""
        known = {name: column[places] for name, column in self.known.items()}
        return Rolled(labels, starts, self.times[places], self.values[places], known)


def beside(parts: Sequence[Columns], labels: Sequence[Labels]) -> Columns:
    """Return columns of different series as one; all of them are rolled up, or none."""
    ends = np.cumsum([len(part.times) for part in parts])
    offsets = [0, *ends[:-1].tolist()]
    starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets, strict=True)]
    found = Columns(
        labels,
        np.concatenate([*starts, ends[-1:]]).astype(np.int64),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
    )
    known = [part.known for part in parts if isinstance(part, Rolled)]
    if not known:
        return found
    together = {name: np.concatenate([each[name] for each in known]) for name in known[0]}
    return Rolled(labels, found.starts, found.times, found.values, together)


def repeated(columns: Columns, rows: NDArray[np.intp], labels: Sequence[Labels]) -> Columns:
    """Return these rows of columns, under other labels; a row may come more than once."""
    counts = np.diff(columns.starts)[rows]
    places = spread(columns.starts[rows], counts)
    return columns.only(labels, np.append(0, np.cumsum(counts)), places)
