"""A sender that keeps what was acknowledged: counters of many series, a step at a time."""

import asyncio
from dataclasses import dataclass, field

import httpx

from kit.clock import milliseconds, system_clock
from metrics.columns import labels_of
from metrics.ports.encode import write_request

SERIES = 50


@dataclass
class Sender:
    """Writes one value to each series, and again until it is taken; then the next."""

    url: str
    token: str
    name: str = "steps"
    series: int = SERIES
    acknowledged: list[int] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)

    async def write(self, client: httpx.AsyncClient, number: int) -> bool:
        """Write step `number` once; tell whether it was acknowledged."""
        labels = [
            labels_of({"__name__": self.name, "n": str(n), "pad": "x" * 100})
            for n in range(self.series)
        ]
        times = [milliseconds(system_clock())] * self.series
        body = write_request(labels, times, [float(number)] * self.series)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Encoding": "snappy"}
        headers["Content-Type"] = "application/x-protobuf"
        try:
            answer = await client.post(
                f"{self.url}/prometheus/api/v1/write", content=body, headers=headers
            )
        except httpx.HTTPError:
            return False
        if answer.status_code == 503:
            self.put_off.append(answer.headers.get("retry-after", ""))
        if answer.is_success:
            self.acknowledged.append(number)
        return answer.is_success

    async def steps(self, count: int, *, every: float = 0.05) -> None:
        """Write so many further steps, each until it is acknowledged."""
        first = self.acknowledged[-1] + 1 if self.acknowledged else 0
        async with httpx.AsyncClient(timeout=10) as client:
            for number in range(first, first + count):
                while not await self.write(client, number):
                    await asyncio.sleep(0.1)
                await asyncio.sleep(every)
