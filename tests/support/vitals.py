"""How the running program feels: its memory, and how late its event loop wakes."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psutil

from tests.support.program import Program

MEBI = 1024 * 1024
EVERY = 0.02


@dataclass
class Vitals:
    """What was seen between two moments: megabytes, and seconds by share of all wakings."""

    memory_before: float
    memory_most: float = 0.0
    wakings: dict[float, float] = field(default_factory=dict)

    @property
    def grown(self) -> float:
        """Megabytes that the program took at the most above what it had."""
        return self.memory_most - self.memory_before

    def lag(self, share: float) -> float:
        """Return within how many seconds this share of wakings was: the bound of its bucket."""
        whole = self.wakings[float("inf")]
        return min(bound for bound, count in self.wakings.items() if count >= share * whole)


@contextmanager
def watched(program: Program) -> Iterator[Vitals]:
    """Watch the program; what was seen is complete when this ends."""
    assert program.process is not None
    process, done = psutil.Process(program.process.pid), threading.Event()
    seen, before = Vitals(process.memory_info().rss / MEBI), _wakings(program)

    def watch() -> None:
        while not done.wait(EVERY):
            seen.memory_most = max(seen.memory_most, process.memory_info().rss / MEBI)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        done.set()
        watching.join()
        seen.wakings = {b: count - before[b] for b, count in _wakings(program).items()}


def _wakings(program: Program) -> dict[float, float]:
    text = httpx.get(f"{program.url}/metrics", timeout=30).raise_for_status().text
    found = re.findall(r'langyan_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    return {float(bound): float(count) for bound, count in found}
