"""Samples rolled up in columns: what is known of each step of each series. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from metrics.columns import Columns


@dataclass(frozen=True, slots=True)
class Rolled(Columns):
    """`times` says when each step ends that has samples; `known` has a column for what is known.

    A step holds what came after its beginning and up to its end. `firsts_at` and `lasts_at` are
    times in ms, every other column is of values; `values` itself says nothing.
    """

    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)
