"""How far a long command has come, said now and then."""

import time
from collections.abc import Callable

from kit.i18n import Locale
from kit.wording import quantity

Tell = Callable[[str], None]

EVERY = 2.0


class Progress:
    """Counts bytes of about `total` and says how many, every two seconds."""

    def __init__(self, tell: Tell, what: str, total: int) -> None:
        self._tell, self._what, self._total = tell, what, max(total, 1)
        self._done = 0
        self._told = time.monotonic()

    def add(self, count: int) -> None:
        """Count what has gone by."""
        self._done += count
        if time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            share = min(99, self._done * 100 // self._total)
            self._tell(f"{self._what}: {share} % ({in_words(self._done)})")


def in_words(count: int) -> str:
    """Return a number of bytes as people read it."""
    return quantity(count, "bytes", Locale.EN)
