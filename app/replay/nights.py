"""When it is night somewhere. Pure."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

NIGHT_FROM, NIGHT_UNTIL = 22, 7
"""Hours of the day: from the first, before the second."""


def at_night(at: datetime, zone: str) -> bool:
    """Tell whether it is night there."""
    hour = at.astimezone(ZoneInfo(zone)).hour
    return hour >= NIGHT_FROM or hour < NIGHT_UNTIL


def nights(since: datetime, until: datetime, zone: str) -> Iterator[tuple[datetime, datetime]]:
    """Yield the nights of a zone between two moments, cut off at these."""
    there = ZoneInfo(zone)
    evening = since.astimezone(there).date() - timedelta(days=1)
    while (begin := datetime.combine(evening, time(NIGHT_FROM), there)) < until:
        evening += timedelta(days=1)
        end = datetime.combine(evening, time(NIGHT_UNTIL), there)
        if end > since:
            yield max(begin, since), min(end, until)
