"""The load under which the program is killed, and the ledger of what it acknowledged."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from metrics.columns import Labels
from metrics.ports.encode import write_request

SERIES = 1_500
EVERY = 0.25
CROSSINGS = 2
GROUP = 50
SYSTEMS = 3_000
STEP_MS = round(EVERY * 1000)

RULES = """
clients: [{name: acme, title: Acme, timezone: Asia/Shanghai}]
people: [{name: li, title: Li Lei, contacts: [{channel: webhook, url: "PHONE"}]}]
escalations: [{name: default, steps: [{notify: ["person:li"], wait: 24h}], repeat: 1}]
tokens: [{name: load, client: acme, scopes: [ingest], secret_env: CRASH_TOKEN}]
thresholds:
  - {name: crossing, title: Crossing, expr: crash_crossing, P2: {above: 0}}
systems:
"""
TOKEN = "ly_load-token-of-the-crash-test-0123456789"
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
}


def configuration(phone: str) -> str:
    """Return the YAML: each crossing finds a system, and so an incident, of its own."""
    systems = (f"  - {{name: s{i}, client: acme, title: S{i}}}" for i in range(SYSTEMS))
    return RULES.replace("PHONE", phone) + "\n".join(systems) + "\n"


def value_of(tick: int, index: int) -> float:
    """Return the value that only this series has at only this moment."""
    return float(tick % 2**30 * 2048 + index)


def _labels(name: str, **labels: str) -> Labels:
    return tuple(sorted({"__name__": name, **labels}.items()))


@dataclass
class Ledger:
    """What got a 2xx: ticks (each stands for every steady series) and when each crossing was."""

    ticks: list[int] = field(default_factory=list)
    crossings: dict[int, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    retried: int = 0

    @property
    def samples(self) -> int:
        """How many samples were acknowledged."""
        return len(self.ticks) * SERIES + len(self.crossings)


@dataclass
class Load:
    """Writes a body each quarter of a second; one that got no answer is sent again, unchanged."""

    url: str
    ledger: Ledger = field(default_factory=Ledger)
    stopping: bool = False
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _crossing: int = 0
    _steady: Sequence[Labels] = field(
        default_factory=lambda: [
            _labels("crash_load", index=str(i), group=str(i // GROUP)) for i in range(SERIES)
        ]
    )

    async def run(self) -> None:
        """Write until `stopping`."""
        tick = 0
        async with httpx.AsyncClient(timeout=5, headers=HEADERS) as client:
            while not self.stopping:
                tick = max(tick + 1, int(time.time() / EVERY))
                await asyncio.sleep(max(0.0, tick * EVERY - time.time()))
                await self._write(client, tick)
        self._stopped.set()

    async def stop(self) -> None:
        """Return once the last body was acknowledged."""
        self.stopping = True
        await self._stopped.wait()

    async def _write(self, client: httpx.AsyncClient, tick: int) -> None:
        crossings = range(self._crossing, self._crossing + CROSSINGS)
        self._crossing += CROSSINGS
        new = [_labels("crash_crossing", n=str(n), system=f"s{n % SYSTEMS}") for n in crossings]
        labels = [*self._steady, *new]
        values = [
            *(value_of(tick, i) for i in range(SERIES)),
            *(value_of(tick, n) for n in crossings),
        ]
        body = write_request(labels, [tick * STEP_MS] * len(labels), values)
        while not await self._acknowledged(client, body):
            self.ledger.retried += 1
            await asyncio.sleep(0.1)
        self.ledger.ticks.append(tick)
        self.ledger.crossings |= dict.fromkeys(crossings, tick)

    async def _acknowledged(self, client: httpx.AsyncClient, body: bytes) -> bool:
        try:
            answer = await client.post(f"{self.url}/prometheus/api/v1/write", content=body)
        except httpx.HTTPError:
            return False
        if 400 <= answer.status_code < 500:
            self.ledger.refused.append(f"{answer.status_code}: {answer.text}")
        return answer.is_success
