"""A clock that tests turn by hand."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Called, it tells the time; it moves only when it is advanced."""

    def __init__(self, start: datetime = NOON) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **length: float) -> datetime:
        """Move on by `timedelta(**length)`; return the new moment."""
        self.now += timedelta(**length)
        return self.now
