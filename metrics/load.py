"""How much is under way, and when senders are told to come again: before anything is in danger."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kit.errors import Overloaded
from metrics.labels import Limits

SAMPLE_BYTES = 16
PUT_OFF_FOR = timedelta(minutes=1)
"""So long after a 503 it is still said that senders are put off."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Behind:
    """What is to be worked off: samples that no chunk holds, and the age of the oldest of them.

    `put_off` says why senders have been told to come again of late, None if they were not.
    """

    samples: int
    oldest: timedelta
    put_off: str | None


def memory_there() -> int:
    """Return the bytes of memory that this process may use at most."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        ours = _CGROUP.read_text().strip()
    except OSError:
        return machine
    return min(machine, int(ours)) if ours.isdigit() else machine


def limits_here(series: int = Limits.series) -> Limits:
    """Return limits for this machine: what memory holds takes at most a quarter of it.

    `series` is how many a client may write to.
    """
    usual, room = Limits(), max(memory_there() // 4, 1_000_000 * SAMPLE_BYTES)
    pressed = min(usual.pressed, room // 4)
    most = (room - pressed) // SAMPLE_BYTES
    return Limits(
        series=series,
        held=min(usual.held, most),
        pressed=pressed,
        pending=min(usual.pending, most),
        flush_at=min(usual.flush_at, most // 4),
    )


class Load:
    """Counts what is under way; `crowded` is asked whether the rules have too much to look at."""

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self.bytes = 0
        self.put_off: Counter[str] = Counter()
        self._limits = limits
        self._crowded: Callable[[], bool] = lambda: False
        self._last: tuple[str, datetime] | None = None

    def ask(self, crowded: Callable[[], bool]) -> None:
        """Have `crowded` asked before anything more is taken."""
        self._crowded = crowded

    @contextmanager
    def body(self, now: datetime) -> Iterator[Callable[[int], None]]:
        """Give what counts the bytes of a body as they come; they are gone at the end."""
        mine = 0

        def came(size: int) -> None:
            nonlocal mine
            if self.bytes + size > self._limits().reading:
                raise self._refusal("bodies", "too many bodies are being read", now, 1)
            mine += size
            self.bytes += size

        try:
            yield came
        finally:
            self.bytes -= mine

    def admit(self, pending: int, now: datetime) -> None:
        """Refuse to take samples while the database or the rules are too far behind."""
        if pending > self._limits().pending:
            raise self._refusal("database", "the database takes no samples", now, 30)
        self.admit_to_rules(now)

    def admit_to_rules(self, now: datetime) -> None:
        """Refuse to take samples while the rules are too far behind."""
        if self._crowded():
            raise self._refusal("rules", "the rules have too many samples to look at", now, 1)

    def away(self, detail: str, now: datetime) -> Overloaded:
        """Count a refusal because the engine has not taken what waits for it."""
        return self._refusal("engine", detail, now, 30)

    def full(self, why: Overloaded, now: datetime) -> Overloaded:
        """Count a refusal of the journal."""
        return self._refusal("journal", why.detail, now, why.retry_after)

    def said(self, now: datetime) -> str | None:
        """Return why senders were put off of late."""
        if self._last is None or now - self._last[1] > PUT_OFF_FOR:
            return None
        return self._last[0]

    def _refusal(self, kind: str, detail: str, now: datetime, again: int) -> Overloaded:
        self.put_off[kind] += 1
        self._last = kind, now
        return Overloaded(detail, retry_after=again)
