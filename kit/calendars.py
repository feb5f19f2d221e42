"""Working time: how much of it lies between two moments, and when a length of it will be over.

Pure: no clock, no database.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

FURTHEST = timedelta(days=3660)


class Hours(StrEnum):
    """Which hours of a week count."""

    ALWAYS = "always"
    BUSINESS = "business"


@dataclass(frozen=True)
class Calendar:
    """The hours that count, in a zone. `business` is Monday to Friday, 09:00 to 18:00."""

    hours: Hours = Hours.ALWAYS
    zone: str = "UTC"

    def opens_and_closes(self, day: date) -> tuple[datetime, datetime] | None:
        """Return the working span of a local day in UTC, or None on a day off."""
        if day.weekday() >= 5:
            return None
        zone = ZoneInfo(self.zone)
        opens = datetime.combine(day, time(9), zone)
        closes = datetime.combine(day, time(18), zone)
        return opens.astimezone(UTC), closes.astimezone(UTC)


def _spans(
    calendar: Calendar, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    day = start.astimezone(ZoneInfo(calendar.zone)).date()
    while True:
        span = calendar.opens_and_closes(day)
        day += timedelta(days=1)
        if span and span[0] >= end:
            return
        if span and span[1] > start:
            yield max(span[0], start), min(span[1], end)
        if datetime.combine(day, time(0), UTC) - timedelta(days=2) > end:
            return


def elapsed(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Return how much counted time lies in [start, end); nothing if end comes first."""
    if end <= start:
        return timedelta()
    if calendar.hours is Hours.ALWAYS:
        return end - start
    return sum((closes - opens for opens, closes in _spans(calendar, start, end)), timedelta())


def after(calendar: Calendar, start: datetime, length: timedelta) -> datetime:
    """Return the moment at which `length` of counted time has gone by since `start`."""
    if calendar.hours is Hours.ALWAYS:
        return start + length
    left = length
    for opens, closes in _spans(calendar, start, start + FURTHEST):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise ValueError(f"{length} of working time do not fit into ten years")
