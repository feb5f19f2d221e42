"""Samples rolled up: what is kept of each step of a series, and many of them in columns. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from metrics.columns import Columns


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
