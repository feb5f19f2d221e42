"""What an evaluation of 1,000 rules of a Prometheus rule file costs, beside Prometheus itself."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cramjam import snappy

from benchmarks.support import cpu, peers, report
from benchmarks.support.bodies import template
from benchmarks.support.langyan import TOKEN, WRITE, cpu_seconds
from benchmarks.support.ruled import (
    GROUPS,
    INTERVAL,
    METRICS,
    SERIES,
    counters,
    first_values,
    langyan_with_rules,
    prometheus_with_rules,
)
from kit.clock import milliseconds, system_clock
from metrics.ports.encode import varint
from tests.support.site import bearer

HISTORY, WARM = 21, 2
OFF_EDGE = 7_123
"""Samples lie so many ms behind the evaluations: Prometheus 2.42 counts a left edge, we do not."""
PER_BODY = 2_000
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
    moments: list[int] = field(default_factory=list)
    alerts: set[tuple[str, str]] = field(default_factory=set)


class Fleet:
    """100,000 counters; every tenth metric has one series that is over the limit."""

    def __init__(self) -> None:
        labels = counters()
        self._pace = 1.0 + np.arange(len(labels)) * 7 % 1013
        self._base = first_values()
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


async def sent(http: httpx.AsyncClient, write: str, fleet: Fleet, moment: int) -> None:
    """Send one scrape of all."""
    for body in fleet.at(moment):
        (await http.post(write, content=body, headers=HEADERS)).raise_for_status()


async def measured(peer: Peer, write: str, rounds: int, cost: Cost) -> None:
    """Fill the window, then send a scrape each interval and count what it costs."""
    fleet, step = Fleet(), INTERVAL * 1000
    last = milliseconds(system_clock()) // step * step + OFF_EDGE - step
    cost.moments = [last - back * step for back in range(HISTORY - 1, -1, -1)]
    for moment in cost.moments:
        await sent(peer.http, write, fleet, moment)
    loop, began, before = asyncio.get_running_loop(), 0.0, 0.0
    for number in range(-WARM, rounds):
        now = milliseconds(system_clock())
        at = max((now - OFF_EDGE) // step * step + OFF_EDGE + step, cost.moments[-1] + step)
        await asyncio.sleep((at - now) / 1000)
        if not number:
            began, before = loop.time(), peer.used()
        await sent(peer.http, write, fleet, at)
        cost.moments.append(at)
    await asyncio.sleep(max(0.0, (at + step - milliseconds(system_clock())) / 1000))
    cost.seconds, cost.cpu = loop.time() - began, peer.used() - before
    cost.evaluations = rounds


async def told(peer: Peer, cost: Cost) -> None:
    """Read what was recorded last, and when."""
    found = await peer.ask('max(timestamp({__name__=~"zone:.*"}))')
    cost.at = max(float(one["value"][1]) for one in found)
    for one in await peer.ask('{__name__=~"zone:.*"}', cost.at):
        cost.recorded[one["metric"]["__name__"], one["metric"]["zone"]] = float(one["value"][1])


async def alerts(peer: Peer, cost: Cost) -> None:
    """Read who waits."""
    answer = (await peer.http.get(f"{peer.prefix}/api/v1/alerts")).json()
    for alert in answer["data"]["alerts"]:
        cost.alerts.add((alert["labels"]["alertname"], alert["labels"]["instance"]))


async def wanted(folder: Path, ours: Cost) -> dict[tuple[str, str], float]:
    """Return what a Prometheus that is given our very samples says at our moment."""
    fleet, found = Fleet(), {}
    server = peers.prometheus(folder)
    async with server, _open(server.url) as http:
        peer = Peer(http, "", lambda: 0.0)
        for moment in ours.moments:
            await sent(http, "/api/v1/write", fleet, moment)
        for n in range(METRICS):
            for one in await peer.ask(f"sum by (zone) (rate(c{n}_total[5m]))", ours.at):
                found[f"zone:c{n}:rate5m", one["metric"]["zone"]] = float(one["value"][1])
    return found


async def of_langyan(folder: Path, rounds: int, *, ruled: bool) -> Cost:
    """Measure Langyan."""
    cost = Cost("Langyan")
    program = langyan_with_rules(folder, ruled=ruled)
    async with program, _open(program.url) as http:
        peer = Peer(http, "/prometheus", lambda: cpu_seconds(program))
        await measured(peer, WRITE, rounds, cost)
        if ruled:
            await told(peer, cost)
            await alerts(peer, cost)
    return cost


async def of_prometheus(folder: Path, rounds: int, *, ruled: bool) -> Cost:
    """Measure Prometheus."""
    cost = Cost("Prometheus")
    server = prometheus_with_rules(folder, ruled=ruled)
    async with server, _open(server.url) as http:
        assert server.process is not None
        roots = [server.process.pid]
        peer = Peer(http, "", lambda: cpu.seconds(roots))
        await measured(peer, "/api/v1/write", rounds, cost)
        if ruled:
            await alerts(peer, cost)
    return cost


def _open(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=120, headers=bearer(TOKEN))


def differing(found: Mapping[Any, float], wanted: Mapping[Any, float]) -> int:
    """Return how many results are not the same in both."""
    keys = found.keys() | wanted.keys()
    return sum(
        not np.isclose(found.get(key, np.inf), wanted.get(key, -np.inf), rtol=CLOSE, atol=0)
        for key in keys
    )


@dataclass
class Outcome:
    """All four costs, and how many results differ."""

    costs: dict[str, Cost]
    results: int = 0
    different: int = 0
    alerts: int = 0
    others: int = 0

    def each(self, name: str) -> float:
        """Return the CPU seconds of one evaluation: what the rules add."""
        without, ruled = self.costs[f"{name} without"], self.costs[f"{name} with"]
        return (ruled.cpu - without.cpu) / ruled.evaluations


async def run(rounds: int, only: str | None) -> Outcome:
    """Measure each program without the rules and with them, then compare what they gave."""
    found = Outcome({})
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        for name, measure in (("Langyan", of_langyan), ("Prometheus", of_prometheus)):
            if only and only != name:
                continue
            for ruled in (False, True):
                key = f"{name} {'with' if ruled else 'without'}"
                place = Path(folder) / key.replace(" ", "-")
                cost = found.costs[key] = await measure(place, rounds, ruled=ruled)
                print(f"{key}: {cost.cpu:.2f} CPU s in {cost.seconds:.0f} s", flush=True)
            print(f"{name}: {found.each(name):.3f} CPU s for each evaluation", flush=True)
        if not only or only == "Langyan":
            ours = found.costs["Langyan with"]
            expected = await wanted(Path(folder) / "judge", ours)
            found.results = len(expected)
            found.different = differing(ours.recorded, expected)
            print(f"{found.different} of {found.results} results differ", flush=True)
    if not only:
        ours, theirs = found.costs["Langyan with"].alerts, found.costs["Prometheus with"].alerts
        found.alerts, found.others = len(theirs), len(ours ^ theirs)
        print(f"{found.others} of {found.alerts} alerts differ", flush=True)
    return found


def written(found: Outcome) -> str:
    """Return the section of the page."""
    theirs = found.each("Prometheus")
    rows = [
        (
            name,
            f"{found.costs[f'{name} without'].cpu:.2f}",
            f"{found.costs[f'{name} with'].cpu:.2f}",
            f"{found.each(name):.3f}",
            f"1/{theirs / found.each(name):.0f}" if name != "Prometheus" else "1",
        )
        for name in ("Langyan", "Prometheus")
    ]
    head = ("", "CPU s without rules", "CPU s with rules", "CPU s an evaluation", "of Prometheus")
    rounds = found.costs["Langyan with"].evaluations
    return (
        f"{METRICS} thresholds (`counter > limit`, for 10m) and {METRICS} recording rules "
        f"(`sum by (zone) (rate(counter[5m]))`) in {GROUPS} groups, each rule over {SERIES} of "
        f"{METRICS * SERIES:,} series, interval {INTERVAL}s. A sample of every series comes by "
        f"remote write each {INTERVAL} s, to both alike; the window is full from the start. CPU is "
        f"that of all processes over {rounds} intervals, once without the rule file and once with "
        "it; the difference is what evaluating everything and writing what came of it costs. "
        "Samples lie off every edge. Checked at the end: a Prometheus that was given the same "
        f"samples has the same answer for {found.results - found.different:,} of "
        f"{found.results:,} recorded results (to 1e-9), and the alerts are those of Prometheus but "
        f"for {found.others} of {found.alerts}. `python benchmarks/rules.py`\n\n"
        f"{report.table(head, rows)}\n\n"
        f"{report.machine('prometheus ' + peers.version('prometheus'))}"
    )


def main() -> None:
    """Measure, show, and write the page if all were measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=4, help="evaluations that are counted")
    asked.add_argument("--only", choices=("Langyan", "Prometheus"))
    given = asked.parse_args()
    found = asyncio.run(run(given.rounds, given.only))
    if not given.only:
        report.write("rules", "Rules: an evaluation of everything", written(found))


if __name__ == "__main__":
    main()
