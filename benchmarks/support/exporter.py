"""Hosts like this one: what node_exporter says here, moved on as it was seen to move."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from shutil import which

import httpx
import numpy as np
from cramjam import snappy
from numpy.typing import NDArray

from benchmarks.support.bodies import template
from metrics.columns import Labels, labels_of
from metrics.ports.encode import varint
from metrics.ports.exposition.text import parsed

EXPORTER = "prometheus-node-exporter"
LOOKS = 40
"""Scrapes a second apart, from which steps and levels are drawn."""
MONOTONE = frozenset(("counter", "histogram", "summary"))


@dataclass(frozen=True)
class Seen:
    """The series of this host, and their values in some scrapes, one in each line."""

    labels: Sequence[Labels]
    values: NDArray[np.float64]
    counters: NDArray[np.bool_]


async def seen() -> Seen:
    """Run node_exporter and look at it again and again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = which(EXPORTER)
    assert program, f"{EXPORTER} is not installed"
    process = await asyncio.create_subprocess_exec(
        program,
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient() as client:
            return _of([await _scraped(client, port) for _ in range(LOOKS)])
    finally:
        process.terminate()
        await process.wait()


async def _scraped(client: httpx.AsyncClient, port: int) -> dict[Labels, tuple[float, bool]]:
    await asyncio.sleep(1)
    answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    said = parsed(answer.raise_for_status().text)
    found = {}
    for sample in said.samples:
        name = sample.head.name
        rises = said.kinds.get(said.family(name)) in MONOTONE
        labels = labels_of({"__name__": name, "job": "node", **dict(sample.head.labels)})
        found[labels] = sample.value, rises
    return found


def _of(scrapes: Sequence[dict[Labels, tuple[float, bool]]]) -> Seen:
    everywhere = [labels for labels in scrapes[0] if all(labels in one for one in scrapes)]
    return Seen(
        everywhere,
        np.array([[one[labels][0] for labels in everywhere] for one in scrapes]),
        np.array([scrapes[0][labels][1] for labels in everywhere]),
    )


class Host:
    """One more host of that kind: counters take steps, gauges levels, that were really seen."""

    def __init__(self, seen_: Seen, number: int) -> None:
        name = f"host{number:05d}.example.com:9100"
        labels = [labels_of({**dict(one), "instance": name}) for one in seen_.labels]
        self.samples = len(labels)
        self._message, times, values = template(labels)
        self._times = times[:, np.newaxis] + np.arange(6)
        self._places = values[:, np.newaxis] + np.arange(8)
        self._random = np.random.default_rng(number)
        self._seen = seen_
        self._steps = np.maximum(np.diff(seen_.values, axis=0), 0)
        self._now = seen_.values[-1].copy()

    def body(self, at_ms: int) -> bytes:
        """Return the next scrape as a remote-write body; a target answers a little late."""
        counters, series = self._seen.counters, np.arange(self.samples)
        steps = self._random.integers(0, len(self._steps), self.samples)
        levels = self._random.integers(0, len(self._seen.values), self.samples)
        risen = np.round(self._now + self._steps[steps, series], 9)
        self._now = np.where(counters, risen, self._seen.values[levels, series])
        at = at_ms + int(self._random.integers(0, 4))
        self._message[self._times] = np.frombuffer(varint(at), np.uint8)
        self._message[self._places] = self._now.astype("<f8").view(np.uint8).reshape(-1, 8)
        return bytes(snappy.compress_raw(self._message.data))
