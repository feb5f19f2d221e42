"""How fast one core takes remote-write requests of known series: samples a second, by stage."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np

from metrics.columns import Labels, labels_of
from metrics.head import Head
from metrics.journal import Journal, Record
from metrics.labels import Limits
from metrics.ports.decode import Decoded, Naming
from metrics.ports.encode import write_request
from metrics.ports.remote_write import RemoteWriteDecoder
from metrics.series import Registry

PER_BODY = 2_000
ROUNDS = 400
START = 1_760_000_000_000
STEP = 15_000


def fleet(series: int) -> list[Labels]:
    """Return labels as node_exporter's CPU counters carry them."""
    return [
        labels_of(
            {
                "__name__": "node_cpu_seconds_total",
                "cpu": str(number % 64),
                "instance": f"host{number // 64}.example.com:9100",
                "job": "node",
                "mode": "idle",
            }
        )
        for number in range(series)
    ]


def bodies(series: int, zeros: float) -> list[bytes]:
    """Return two rounds of requests for a fleet; a part of the values is zero."""
    labels = fleet(series)
    random = np.random.default_rng(1)
    made = []
    for at in (START, START + STEP):
        for first in range(0, series, PER_BODY):
            values = random.random(PER_BODY) * 100 * (random.random(PER_BODY) >= zeros)
            made.append(write_request(labels[first : first + PER_BODY], [at] * PER_BODY, values))
    return made


class Line:
    """Decoder, journal and head in a row, as the store has them."""

    def __init__(self, folder: Path) -> None:
        self.head = Head()
        registry = Registry(Limits(), reserve=self.head.reserve)
        self.decoder = RemoteWriteDecoder(Naming(registry, lambda: {"acme"}, drills=False))
        self.journal = Journal(folder)
        self.spent = {"decode": 0.0, "journal": 0.0, "head": 0.0}

    async def take(self, body: bytes) -> None:
        """Take one request."""
        begun = time.perf_counter()
        got = await self.decoder.decode(body, client="acme", arrived=START, breathe=_at_once)
        decoded = time.perf_counter()
        self.journal.append(Record("remote_write", "acme", START, body))
        written = time.perf_counter()
        self.write(got)
        self.spent["decode"] += decoded - begun
        self.spent["journal"] += written - decoded
        self.spent["head"] += time.perf_counter() - written

    def write(self, got: Decoded) -> None:
        """Write to the head; times move on, so that no request repeats another."""
        rows = self.head.row_of[got.refs]
        if (rows < 0).any():
            self.head.open_rows(got.refs)
            rows = self.head.row_of[got.refs]
        self.head.append(rows, np.maximum(got.times, self.head.newest[rows] + STEP), got.values, 0)


async def _at_once() -> None:
    return


async def measure(name: str, series: int, zeros: float, show: Callable[[str], None]) -> None:
    """Measure requests over so many series, after each of them is known."""
    made = bodies(series, zeros)
    with tempfile.TemporaryDirectory() as folder:
        line = Line(Path(folder))
        line.journal.load()
        line.journal.begin(START)
        for body in made:
            await line.take(body)
        line.spent = dict.fromkeys(line.spent, 0.0)
        for body, _ in zip(cycle(made), range(ROUNDS), strict=False):
            await line.take(body)
        await line.journal.close()
    samples = PER_BODY * ROUNDS
    both = samples / (line.spent["decode"] + line.spent["head"])
    total = samples / sum(line.spent.values())
    stages = ", ".join(f"{of} {1e6 * s / ROUNDS:.0f} µs" for of, s in line.spent.items())
    show(f"{name}: {both / 1e6:.2f} M samples/s decode + head, {total / 1e6:.2f} with the journal")
    show(f"    for a request of {PER_BODY:,}: {stages}")


async def main() -> None:
    """Print one measurement after another."""
    await measure("2,000 series", 2_000, 0.0, print)
    await measure("2,000 series, a third of the values zero", 2_000, 0.33, print)
    await measure("100,000 series", 100_000, 0.0, print)


if __name__ == "__main__":
    asyncio.run(main())
