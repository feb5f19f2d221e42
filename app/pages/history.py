"""A strip of time: in each part of it the gravest that fired. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from incidents.queries.history import Firing

HOUR = timedelta(hours=1)


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
        """Whether the cell stands for a day."""
        return self.until - self.since > timedelta(hours=12)


def hours(now: datetime, count: int = 24) -> list[datetime]:
    """Return the edges of the last whole hours, the present one included."""
    end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return [end - number * HOUR for number in range(count, -1, -1)]


def days(now: datetime, zone: str, count: int = 30) -> list[datetime]:
    """Return the midnights between the last days of a zone, today included."""
    here = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return [here + timedelta(days=number) for number in range(1 - count, 2)]


def cells(firings: Sequence[Firing], edges: Sequence[datetime], *, now: datetime) -> list[Cell]:
    """Return what fired between each two neighbours of `edges`."""
    return [_cell(firings, since, until, now) for since, until in pairwise(edges)]


def _cell(firings: Sequence[Firing], since: datetime, until: datetime, now: datetime) -> Cell:
    inside = [one for one in firings if one.fired_at < until and (one.ended_at or now) > since]
    spans = sorted((max(one.fired_at, since), min(one.ended_at or now, until)) for one in inside)
    burnt = sum((end - begin for begin, end in _joined(spans)), timedelta())
    gravest = min((one.priority.value for one in inside), default=None)
    return Cell(since, until, gravest, burnt, len(inside))


def _joined(
    spans: Sequence[tuple[datetime, datetime]],
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans that overlap as one."""
    open_: tuple[datetime, datetime] | None = None
    for begin, end in spans:
        if open_ is None or begin > open_[1]:
            if open_:
                yield open_
            open_ = begin, end
        else:
            open_ = open_[0], max(open_[1], end)
    if open_:
        yield open_
