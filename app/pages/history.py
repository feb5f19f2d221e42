"""A strip of time: in each part of it the gravest that fired. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from alerting.lifecycle import Priority
from incidents.health import joined

HOUR = timedelta(hours=1)


class Burning(Protocol):
    """Whatever lasted from one moment to another, or lasts."""

    @property
    def priority(self) -> Priority:
        """How grave it was."""
        ...

    @property
    def fired_at(self) -> datetime:
        """When it began."""
        ...

    @property
    def ended_at(self) -> datetime | None:
        """When it was over, None for not yet."""
        ...


@dataclass(frozen=True)
class Cell:
    """One part of a strip: what was gravest in it, and for how long anything fired."""

    since: datetime
    until: datetime
    priority: str | None
    burnt: timedelta
    times: int

    @property
    def whole_days(self) -> bool:
        """Whether the cell stands for a day or more."""
        return self.until - self.since > timedelta(hours=12)

    @property
    def month(self) -> bool:
        """Whether the cell stands for a month."""
        return self.until - self.since > timedelta(days=20)


def hours(now: datetime, count: int = 24) -> list[datetime]:
    """Return the edges of the last whole hours, the present one included."""
    end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return [end - number * HOUR for number in range(count, -1, -1)]


def days(now: datetime, zone: str, count: int = 30) -> list[datetime]:
    """Return the midnights between the last days of a zone, today included."""
    here = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return [here + timedelta(days=number) for number in range(1 - count, 2)]


def months(now: datetime, zone: str, count: int = 12) -> list[datetime]:
    """Return the beginnings of the last months of a zone, the present one included, and its end."""
    here = now.astimezone(ZoneInfo(zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    at = 12 * here.year + here.month - 1
    years = (divmod(at + number, 12) for number in range(1 - count, 2))
    return [here.replace(year=year, month=month + 1) for year, month in years]


def cells(firings: Sequence[Burning], edges: Sequence[datetime], *, now: datetime) -> list[Cell]:
    """Return what fired between each two neighbours of `edges`."""
    calm = not any(one.fired_at < edges[-1] and (one.ended_at or now) > edges[0] for one in firings)
    return [_cell(() if calm else firings, since, until, now) for since, until in pairwise(edges)]


def _cell(firings: Sequence[Burning], since: datetime, until: datetime, now: datetime) -> Cell:
    inside = [one for one in firings if one.fired_at < until and (one.ended_at or now) > since]
    if not inside:
        return Cell(since, until, None, timedelta(), 0)
    spans = sorted((max(one.fired_at, since), min(one.ended_at or now, until)) for one in inside)
    burnt = sum((end - begin for begin, end in joined(spans)), timedelta())
    gravest = min(one.priority.value for one in inside)
    return Cell(since, until, gravest, burnt, len(inside))
