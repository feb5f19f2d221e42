"""What an evaluation of 1,000 rules of a Prometheus rule file costs, beside Prometheus itself."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import cpu, peers, report
from benchmarks.support.bodies import template
from benchmarks.support.langyan import TOKEN, WRITE, cpu_seconds, langyan
from cramjam import snappy
from kit.clock import milliseconds, system_clock
from metrics.columns import labels_of
from metrics.ports.encode import varint
from tests.support.site import bearer

METRICS, SERIES, ZONES, GROUPS = 500, 200, 10, 10
INTERVAL, HISTORY = 15, 21
OFF_EDGE = 7_123
"""Samples lie so many ms behind the evaluations: Prometheus 2.42 counts a left edge, we do not."""
PER_BODY, LIMIT, OVER = 2_000, 1e9, 2e9
CLOSE = 1e-9
HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
} | bearer(TOKEN)


@dataclass
class Cost:
    """One program with or without the rules."""

    name: str
    seconds: float = 0.0
    cpu: float = 0.0
    evaluations: int = 0
    recorded: dict[tuple[str, str], float] = field(default_factory=dict)
    at: float = 0.0
    wanted: dict[tuple[str, str], float] = field(default_factory=dict)
    alerts: set[tuple[str, str]] = field(default_factory=set)


def rules() -> dict[str, Any]:
    """Return 500 thresholds and 500 sums of rates, in groups."""
    written: list[dict[str, Any]] = []
    for n in range(METRICS):
        written.append({"alert": f"over{n}", "expr": f"c{n}_total > {LIMIT:g}", "for": "10m"})
        expr = f"sum by (zone) (rate(c{n}_total[5m]))"
        written.append({"record": f"zone:c{n}:rate5m", "expr": expr})
    groups = [
        {"name": f"g{g}", "interval": f"{INTERVAL}s", "rules": written[g::GROUPS]}
        for g in range(GROUPS)
    ]
    return {"groups": groups}


class Fleet:
    """100,000 counters; every tenth metric has one series that is over the limit."""

    def __init__(self) -> None:
        labels = [
            labels_of({"__name__": f"c{n}_total", "instance": f"i{s}", "zone": f"z{s % ZONES}"})
            for n in range(METRICS)
            for s in range(SERIES)
        ]
        count = np.arange(len(labels))
        self._pace = 1.0 + count * 7 % 1013
        self._base = np.where(count % (SERIES * 10) == 17, OVER, count % 5_000.0)
        self._bodies = [
            template(labels[first : first + PER_BODY]) for first in range(0, len(labels), PER_BODY)
        ]

    def at(self, moment: int) -> Iterator[bytes]:
        """Yield the requests of one scrape."""
        for number, (message, times, values) in enumerate(self._bodies):
            own = slice(number * PER_BODY, (number + 1) * PER_BODY)
            rounds = moment // (INTERVAL * 1000)
            now = self._base[own] + self._pace[own] * (rounds % 100_000)
            message[times[:, np.newaxis] + np.arange(6)] = np.frombuffer(varint(moment), np.uint8)
            octets = now.astype("<f8").view(np.uint8).reshape(-1, 8)
            message[values[:, np.newaxis] + np.arange(8)] = octets
            yield bytes(snappy.compress_raw(message.data))


class Peer:
    """A program that takes samples and tells of rules, at its own paths."""

    def __init__(self, http: httpx.AsyncClient, prefix: str, used: Callable[[], float]) -> None:
        self.http, self.prefix, self.used = http, prefix, used

    async def ask(self, text: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return what a query gives."""
        asked = {"query": text} | ({"time": f"{at:.3f}"} if at else {})
        answer = await self.http.get(f"{self.prefix}/api/v1/query", params=asked)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return found


async def measured(peer: Peer, write: str, rounds: int, cost: Cost) -> None:
    """Fill the window, then send a scrape each interval and count what it costs."""
    fleet, step = Fleet(), INTERVAL * 1000
    last = milliseconds(system_clock()) // step * step + OFF_EDGE - step
    for back in range(HISTORY - 1, -1, -1):
        for body in fleet.at(last - back * step):
            (await peer.http.post(write, content=body, headers=HEADERS)).raise_for_status()
    loop = asyncio.get_running_loop()
    for number in range(rounds + 2):
        now = milliseconds(system_clock())
        at = (now - OFF_EDGE) // step * step + OFF_EDGE + step
        await asyncio.sleep((at - now) / 1000)
        if number == 2:  # what is compiled, learnt or swept up once is behind it
            began, before = loop.time(), peer.used()
        for body in fleet.at(at):
            (await peer.http.post(write, content=body, headers=HEADERS)).raise_for_status()
    await asyncio.sleep(step / 1000 - (milliseconds(system_clock()) - at) / 1000)
    cost.seconds, cost.cpu = loop.time() - began, peer.used() - before
    cost.evaluations = rounds


async def compared(peer: Peer, cost: Cost, other: Cost | None) -> None:
    """Read what the rules gave; ask `peer` for what the other's gave, at the other's moment."""
    answer = (await peer.http.get(f"{peer.prefix}/api/v1/alerts")).json()
    for alert in answer["data"]["alerts"]:
        cost.alerts.add((alert["labels"]["alertname"], alert["labels"]["instance"]))
    found = await peer.ask('timestamp({__name__=~"zone:.*"})')
    cost.at = max(float(one["value"][1]) for one in found)
    for one in await peer.ask('{__name__=~"zone:.*"}', cost.at):
        cost.recorded[one["metric"]["__name__"], one["metric"]["zone"]] = float(one["value"][1])
    if other is not None:
        for n in range(METRICS):
            for one in await peer.ask(f"sum by (zone) (rate(c{n}_total[5m]))", other.at):
                other.wanted[f"zone:c{n}:rate5m", one["metric"]["zone"]] = float(one["value"][1])


async def of_langyan(folder: Path, rounds: int, *, ruled: bool) -> Cost:
    """Measure Langyan."""
    cost = Cost("Langyan")
    shelf = folder / "config"
    shelf.mkdir(parents=True)
    (shelf / "rules").mkdir()
    (shelf / "rules" / "bench.yml").write_text(yaml.safe_dump(rules()))
    program = langyan(folder, config="rule_files: [rules/*.yml]\n" if ruled else "")
    async with program, _open(program.url) as http:
        peer = Peer(http, "/prometheus", lambda: cpu_seconds(program))
        await measured(peer, WRITE, rounds, cost)
        if ruled:
            await compared(peer, cost, None)
    return cost


async def of_prometheus(
    folder: Path, rounds: int, *, ruled: bool, ours: Cost | None = None
) -> Cost:
    """Measure Prometheus; it also says what our rules should have given."""
    cost = Cost("Prometheus")
    config: Mapping[str, Any] = {
        "global": {"scrape_interval": "1h", "evaluation_interval": f"{INTERVAL}s"},
        "rule_files": ["rules.yml"] if ruled else [],
    }
    server = peers.prometheus(folder, config=yaml.safe_dump(dict(config)))
    (folder / "rules.yml").write_text(yaml.safe_dump(rules()))
    async with server, _open(server.url) as http:
        assert server.process is not None
        roots = [server.process.pid]
        peer = Peer(http, "", lambda: cpu.seconds(roots))
        await measured(peer, "/api/v1/write", rounds, cost)
        if ruled:
            await compared(peer, cost, None)
            fleet, step = Fleet(), INTERVAL * 1000
            if ours is not None:
                await _as_ours(peer, fleet, ours, step)
    return cost


async def _as_ours(peer: Peer, fleet: Fleet, ours: Cost, step: int) -> None:
    """Ask for what our rules gave: the samples of that moment are made again where they lack."""
    for n in range(METRICS):
        for one in await peer.ask(f"sum by (zone) (rate(c{n}_total[5m]))", ours.at):
            ours.wanted[f"zone:c{n}:rate5m", one["metric"]["zone"]] = float(one["value"][1])


def _open(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=120, headers=bearer(TOKEN))


def differing(found: Mapping[Any, float], wanted: Mapping[Any, float]) -> int:
    """Return how many results are not the same in both."""
    keys = found.keys() | wanted.keys()
    return sum(
        not np.isclose(found.get(key, np.inf), wanted.get(key, -np.inf), rtol=CLOSE, atol=0)
        for key in keys
    )


async def run(rounds: int, only: str | None) -> dict[str, Cost]:
    """Measure each program without the rules and with them."""
    found: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        for name, measure in (("langyan", of_langyan), ("prometheus", of_prometheus)):
            if only and only != name:
                continue
            for ruled in (False, True):
                key = f"{name} {'with' if ruled else 'without'}"
                found[key] = await measure(Path(folder) / key.replace(" ", "-"), rounds, ruled=ruled)
                cost = found[key]
                print(f"{key}: {cost.cpu:.2f} CPU s in {cost.seconds:.0f} s", flush=True)
    return found


def main() -> None:
    """Measure, show, and write the page if all were measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=4, help="evaluations that are counted")
    asked.add_argument("--only", choices=("langyan", "prometheus"))
    given = asked.parse_args()
    asyncio.run(run(given.rounds, given.only))


if __name__ == "__main__":
    main()
