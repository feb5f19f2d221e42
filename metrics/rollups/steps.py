"""The steps to which samples are rolled up. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from metrics.partitions import Parted
from metrics.rolled import Part


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
