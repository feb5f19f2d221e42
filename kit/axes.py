"""The time below a chart: round hours or days of a zone. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from kit.clock import from_milliseconds, milliseconds

MOST = 6
"""So many moments are written at most."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 43_200)  # minutes


def hours(start: int, end: int, zone: ZoneInfo) -> Iterator[tuple[float, str]]:
    """Yield round moments from `start` to `end` ms: as a share of that time, and in words."""
    minutes = (end - start) / 60_000
    step = next((s for s in _STEPS if minutes / s <= MOST), _STEPS[-1])
    local = from_milliseconds(start).astimezone(zone)
    at = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (local - at) // timedelta(minutes=step)
    at += passed * timedelta(minutes=step)
    while milliseconds(at) <= end:
        place = (milliseconds(at) - start) / (end - start)
        if 0.04 <= place <= 0.96:
            midnight = step >= 1440 or (at.hour, at.minute) == (0, 0)
            yield place, f"{at:%m-%d}" if midnight else f"{at:%H:%M}"
        at += timedelta(minutes=step)
