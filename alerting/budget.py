"""A bounded share of one core: who has used it up waits. Pure: time is passed in."""

SHARE = 0.25
"""Of one core."""
MOST = 1.0
"""Seconds that may be saved up for a burst."""


class Budget:
    """Seconds of computing that may be spent now."""

    def __init__(self) -> None:
        self._left, self._counted = MOST, 0.0

    def left(self, at: float) -> float:
        """Return what may be spent at this moment; below zero: nothing before `wait`."""
        self._left = min(MOST, self._left + SHARE * (at - self._counted))
        self._counted = at
        return self._left

    def spend(self, seconds: float) -> None:
        """Take what an evaluation has cost."""
        self._left -= seconds

    def wait(self) -> float:
        """Return in how many seconds there is something to spend."""
        return 0.0 if self._left > 0 else -self._left / SHARE + 0.01
