"""How fast one core takes remote-write requests of known series: samples a second, by stage."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from cramjam import snappy

from metrics.columns import Labels, labels_of
from metrics.head import Head
from metrics.journal import Journal, Record
from metrics.labels import Limits
from metrics.ports.decode import Decoded
from metrics.ports.decoders import decoders
from metrics.ports.encode import request_2, write_request
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


def packed_2(labels: Sequence[Labels], times: Sequence[int], values: Sequence[float]) -> bytes:
    """Return a body of remote write 2.0."""
    return bytes(snappy.compress_raw(request_2(labels, times, values)))


WRITERS = {"remote_write": write_request, "remote_write_2": packed_2}


def bodies(port: str, series: int, zeros: float, rounds: int, slip: int) -> list[bytes]:
    """Return rounds of requests for a fleet; a part of the values is zero.

    Each round begins `slip` series further on, so that no request has the series of another.
    """
    labels = fleet(series)
    random = np.random.default_rng(1)
    made = []
    for number in range(rounds):
        turned = labels[number * slip :] + labels[: number * slip]
        for first in range(0, series, PER_BODY):
            values = random.random(PER_BODY) * 100 * (random.random(PER_BODY) >= zeros)
            times = [START + number * STEP] * PER_BODY
            made.append(WRITERS[port](turned[first : first + PER_BODY], times, values.tolist()))
    return made


class Line:
    """Decoder, journal and head in a row, as the store has them."""

    def __init__(self, folder: Path, port: str) -> None:
        self.port = port
        self.head = Head()
        registry = Registry(Limits(), reserve=self.head.reserve)
        self.decoder = decoders(registry, lambda: {"acme"})[port]
        self.journal = Journal(folder)
        self.spent = {"decode": 0.0, "journal": 0.0, "head": 0.0}

    async def take(self, body: bytes) -> None:
        """Take one request."""
        begun = time.perf_counter()
        got = await self.decoder.decode(body, client="acme", arrived=START, breathe=_at_once)
        decoded = time.perf_counter()
        self.journal.append(Record(self.port, "acme", START, body))
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


async def measure(
    name: str, series: int, zeros: float, *, slip: int = 0, port: str = "remote_write"
) -> None:
    """Measure requests over so many series, after each of them is known."""
    rounds = 20 if slip else 2
    made = bodies(port, series, zeros, rounds, slip)
    with tempfile.TemporaryDirectory() as folder:
        line = Line(Path(folder), port)
        line.journal.load()
        line.journal.begin(START)
        for body in made[: -(len(made) // 2) if slip else None]:
            await line.take(body)
        if port == "remote_write_2" and not slip:  # it remembers what comes again
            for body in made:
                await line.take(body)
        line.spent = dict.fromkeys(line.spent, 0.0)
        measured = made[len(made) // 2 :] if slip else list(islice(cycle(made), ROUNDS))
        for body in measured:
            await line.take(body)
        await line.journal.close()
    count = len(measured)
    samples = PER_BODY * count
    alone = samples / line.spent["decode"]
    both = samples / (line.spent["decode"] + line.spent["head"])
    stages = ", ".join(f"{of} {1e6 * s / count:.0f} µs" for of, s in line.spent.items())
    print(f"{port}, {name}: {alone / 1e6:.2f} M samples/s decode, {both / 1e6:.2f} with the head")
    print(f"    for a request of {PER_BODY:,}: {stages}")


async def main() -> None:
    """Print one measurement after another."""
    for port in WRITERS:
        await measure("2,000 series", 2_000, 0.0, port=port)
        await measure("2,000 series, a third of the values zero", 2_000, 0.33, port=port)
        await measure("100,000 series", 100_000, 0.0, port=port)
        await measure("20,000 series, cut elsewhere each time", 20_000, 0.33, slip=37, port=port)


if __name__ == "__main__":
    asyncio.run(main())
