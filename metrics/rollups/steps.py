"""The steps to which samples are rolled up, and what is kept of each. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from metrics.partitions import Parted


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


@dataclass(frozen=True)
class Step:
    """A step of so many ms, under the name by which people ask for it."""

    name: str
    ms: int
    table: Parted


_COLUMNS = ", ".join(("series", "day", *Part))
FIVE_MINUTES = Step("5m", 300_000, Parted("rollups_5m", _COLUMNS, "day", 1, days=7, own=1_200))
HOUR = Step("1h", 3_600_000, Parted("rollups_1h", _COLUMNS, "day", 1, days=28, own=4_000))
STEPS = (FIVE_MINUTES, HOUR)
"""From the finest to the coarsest; each is a part of a day."""
RAW = "raw"

Retentions = dict[str, timedelta]
"""How long each step is kept, by its name; nothing is for ever."""
