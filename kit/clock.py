"""The only read of the wall clock; everything below the edges is given the time."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - here, and nowhere else


def milliseconds(moment: datetime) -> int:
    """Return `moment` as milliseconds since 1970, rounded to the nearest."""
    return round(moment.timestamp() * 1000)


def from_milliseconds(at: int) -> datetime:
    """Return the UTC moment `at` milliseconds after 1970."""
    return datetime.fromtimestamp(at / 1000, UTC)
