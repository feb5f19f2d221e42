"""Samples of the past for any program that takes remote write: oldest first, always the same."""

import asyncio
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import numpy as np
from cramjam import snappy
from numpy.typing import NDArray

from benchmarks.support.bodies import template
from metrics.columns import Labels
from metrics.ports.encode import varint

OFF_MS = 7_123
"""No sample lies on a round moment: Prometheus 2 counts the left edge of a range, 3 does not."""
TOGETHER_MS = 20 * 60_000
"""How far one request reaches at most: Prometheus takes nothing an hour behind its newest."""


@dataclass
class Group:
    """Series that are sampled together: each begins at `first` and moves by `pace` each time.

    `noise` is by how much of it a value strays.
    """

    name: str
    labels: Sequence[Labels]
    first: NDArray[np.float64]
    pace: NDArray[np.float64]
    noise: float
    step_ms: int
    span_ms: int
    per_body: int = 2_000
    _written: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]] = field(init=False)

    def __post_init__(self) -> None:
        message, times, values = template(self.labels)
        self._written = message, times[:, None] + np.arange(6), values[:, None] + np.arange(8)

    def bodies(self, end_ms: int) -> Iterator[tuple[int, str, bytes, int]]:
        """Yield for each request the time it begins, whose it is, its body and its samples."""
        random = np.random.default_rng(len(self.labels) + self.step_ms)
        moments = self.span_ms // self.step_ms
        together = max(1, min(self.per_body // len(self.labels), TOGETHER_MS // self.step_ms))
        for begin in range(0, moments, together):
            numbers = range(begin, min(begin + together, moments))
            at = [end_ms - (moments - number) * self.step_ms + OFF_MS for number in numbers]
            plain = b"".join(
                self._plain(number, when, random) for number, when in zip(numbers, at, strict=True)
            )
            samples = len(numbers) * len(self.labels)
            yield at[0], self.name, bytes(snappy.compress_raw(plain)), samples

    def _plain(self, number: int, at: int, random: np.random.Generator) -> bytes:
        message, times, values = self._written
        now = self.first + number * self.pace
        if self.noise:
            now = now * (1 + self.noise * random.random(len(now)))
        message[times] = np.frombuffer(varint(at), np.uint8)
        message[values] = now.astype("<f8").view(np.uint8).reshape(-1, 8)
        return message.tobytes()


async def load(url: str, token: str, groups: Sequence[Group], end_ms: int) -> int:
    """Write everything to `url`; return how many samples that was."""
    requests = heapq.merge(*(group.bodies(end_ms) for group in groups), key=lambda one: one[0])
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    total = 0
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        for _, _, body, samples in requests:
            await _post(client, url, body)
            total += samples
    return total


async def _post(client: httpx.AsyncClient, url: str, body: bytes) -> None:
    for _ in range(60):
        answer = await client.post(url, content=body)
        if answer.status_code != 503:
            answer.raise_for_status()
            return
        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
    raise TimeoutError(f"{url} takes nothing")
