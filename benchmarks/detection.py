"""From a sample to the webhook: 1,000 rules over 10,000 samples/s, and crossings now and then."""

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

from benchmarks.support import cpu, crossings, peers, report
from benchmarks.support.crossings import HOSTS, PARTS, RULES, Crossing, Host
from benchmarks.support.langyan import WRITE, cpu_seconds, figures, quantile
from kit.clock import milliseconds, system_clock
from tests.support.phone import Call, Phone
from tests.support.program import Program
from tests.support.site import bearer

PACE = 3 * RULES / 10_000
"""Seconds from one host's scrape to the next one's: 10,000 samples a second in all."""
WARM, LATE = 2, 10.0
PROTOBUF = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
TOKEN = "ly_the-token-of-all-clients-0123456789abcdefghij"
SEED = 20261125

Key = tuple[str, str, str]
"""Rule, client, instance: what tells one crossing from another."""


@dataclass
class Seen:
    """What one program told of which crossing, in seconds after its request was begun."""

    name: str
    told: dict[Crossing, float] = field(default_factory=dict)
    planned: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    samples: int = 0
    lag: float = 0.0
    behind: float = 0.0
    more: int = 0

    def of(self, *, expression: bool) -> list[float]:
        """Return the times of one half."""
        return [s for crossing, s in self.told.items() if crossing.expression == expression]


class Load:
    """All hosts, one scrape after the other; notes when the request of each crossing was begun."""

    def __init__(self, url: str, path: str, scrapes: int) -> None:
        self.began: dict[Crossing, float] = {}
        self.samples = 0
        self.behind = 0.0
        self._url, self._path = url, path
        self._scrapes = scrapes
        self._hosts = [Host(number) for number in range(HOSTS)]
        self._plan = crossings.planned(scrapes, SEED)
        self._random = np.random.default_rng(SEED)

    async def run(self, warm: Callable[[], Any]) -> None:
        """Scrape for a while without a crossing, then with all of them."""
        loop = asyncio.get_running_loop()
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        async with (
            httpx.AsyncClient(base_url=self._url, timeout=60, limits=limits) as http,
            asyncio.TaskGroup() as all_,
        ):
            start = loop.time()
            for number in range(-WARM * HOSTS, self._scrapes * HOSTS):
                if not number:
                    warm()
                due = start + (number + WARM * HOSTS) * PACE + self._random.uniform(0, PACE / 2)
                await asyncio.sleep(due - loop.time())
                self.behind = max(self.behind, loop.time() - due)
                await self._scrape(http, self._hosts[number % HOSTS], number // HOSTS, all_)

    async def _scrape(
        self, http: httpx.AsyncClient, host: Host, scrape: int, all_: asyncio.TaskGroup
    ) -> None:
        new = [one for one in self._plan if (one.host, one.scrape) == (host.number, scrape)]
        host.crossed.update((id(one), one) for one in new)
        for body, places in host.scraped(milliseconds(system_clock())):
            here = [one for one in new if crossings.place_of(one) in places]
            all_.create_task(self._post(http, body, here))
            self.samples += len(places)

    async def _post(self, http: httpx.AsyncClient, body: bytes, here: Sequence[Crossing]) -> None:
        began = asyncio.get_running_loop().time()
        self.began.update(dict.fromkeys(here, began))
        headers = PROTOBUF | bearer(TOKEN)
        (await http.post(self._path, content=body, headers=headers)).raise_for_status()


def _key(crossing: Crossing) -> Key:
    return crossing.rule, crossings.client(crossing.host), crossings.instance(crossing.host)


async def _measured(
    name: str,
    load: Load,
    phone: Phone,
    used: Callable[[], float],
    named: Callable[[Call], Iterator[Key]],
) -> Seen:
    """Let the load run; hold what the phone was told against what was begun."""
    seen, began = Seen(name), [0.0, 0.0]
    loop = asyncio.get_running_loop()

    def warm() -> None:
        began[:] = loop.time(), used()
        seen.more = len(phone.calls)

    await load.run(warm)
    seen.seconds, seen.cpu = loop.time() - began[0], used() - began[1]
    told: dict[Key, float] = {}
    deadline = loop.time() + LATE
    while len(told) < len(load.began) and loop.time() < deadline:
        await asyncio.sleep(0.5)
        told = {key: call.at for call in reversed(phone.calls) for key in named(call)}
    crossed = {_key(one): one for one in load.began}
    seen.told = {one: told[key] - load.began[one] for key, one in crossed.items() if key in told}
    seen.planned, seen.samples, seen.behind = len(crossed), load.samples, load.behind
    seen.more += sum(1 for key in told if key not in crossed)
    return seen


async def of_langyan(folder: Path, scrapes: int) -> Seen:
    """Measure Langyan, with its shipped thresholds beside ours."""
    async with Phone() as phone:
        shelf = folder / "config"
        shelf.mkdir(parents=True)
        (shelf / "bench.yml").write_text(crossings.config(phone.url("p")))
        async with Program(folder / "data", shelf, {"ALL_TOKEN": TOKEN}) as program:
            before = await figures(program)
            load = Load(program.url, WRITE, scrapes)
            seen = await _measured("Langyan", load, phone, lambda: cpu_seconds(program), _ours)
            seen.lag = quantile("loop_lag_seconds", 0.99, before, await figures(program))
    return seen


def _ours(call: Call) -> Iterator[Key]:
    if call.json["event"] == "triggered":
        for alert in call.json["alerts"]:
            labels = alert["labels"]
            yield alert["rule"], labels["client"], labels["instance"]


async def of_peers(folder: Path, scrapes: int) -> Seen:
    """Measure Prometheus, evaluating each second, with an Alertmanager that does not wait."""
    async with Phone() as phone:
        told = {
            "route": {
                "receiver": "phone",
                "group_by": ["alertname", "client", "system", "instance"],
                "group_wait": "0s",
                "group_interval": "1s",
            },
            "receivers": [{"name": "phone", "webhook_configs": [{"url": phone.url("p")}]}],
        }
        manager = peers.alertmanager(folder / "am", config=yaml.safe_dump(told))
        server = peers.prometheus(folder / "p", config=_watching(manager.port))
        written = yaml.safe_dump(crossings.prometheus_rules())
        (folder / "p" / "rules.yml").write_text(written)
        async with manager, server:
            assert manager.process is not None
            assert server.process is not None
            roots = [manager.process.pid, server.process.pid]
            load = Load(server.url, "/api/v1/write", scrapes)
            name = "Prometheus + Alertmanager"
            return await _measured(name, load, phone, lambda: cpu.seconds(roots), _theirs)


def _watching(port: int) -> str:
    config: Mapping[str, Any] = {
        "global": {"scrape_interval": "1h", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]},
    }
    return yaml.safe_dump(dict(config))


def _theirs(call: Call) -> Iterator[Key]:
    for alert in call.json["alerts"]:
        labels = alert["labels"]
        yield labels["alertname"], labels["client"], labels["instance"]


def at(values: Sequence[float], share: float) -> str:
    """Return a quantile in milliseconds."""
    return f"{np.quantile(values, share) * 1000:.0f}" if len(values) else "–"


def rows(seen: Seen) -> Iterator[tuple[str, ...]]:
    """Yield the lines of one program: all crossings, then each half."""
    halves = {
        seen.name: list(seen.told.values()),
        "… by thresholds": seen.of(expression=False),
        "… by expressions": seen.of(expression=True),
    }
    for label, times in halves.items():
        whole = label == seen.name
        yield (
            label,
            f"{len(times)} of {seen.planned}" if whole else f"{len(times)}",
            *(at(times, share) for share in (0.5, 0.9, 0.99, 1.0)),
            f"{seen.lag * 1000:g}" if whole and seen.lag else "",
            f"{seen.cpu:.1f}" if whole else "",
        )


HEAD = (*("", "told", "median ms", "p90 ms", "p99 ms", "slowest ms", "loop lag p99 ≤ ms", "CPU s"),)


async def run(scrapes: int, only: str | None) -> list[Seen]:
    """Measure one after the other."""
    found = []
    with tempfile.TemporaryDirectory(prefix="detection-") as folder:
        for name, measure in (("langyan", of_langyan), ("peers", of_peers)):
            if only and only != name:
                continue
            seen = await measure(Path(folder) / name, scrapes)
            found.append(seen)
            print(
                f"{seen.samples} samples, the sender at most {seen.behind:.2f} s late, "
                f"{seen.more} more alerts than expected",
                flush=True,
            )
            for row in rows(seen):
                print(row, flush=True)
    return found


def written(results: Sequence[Seen]) -> str:
    """Return the section of the page."""
    table = report.table(HEAD, [row for seen in results for row in rows(seen)])
    versions = [
        f"{name} {peers.version(name)}" for name in ("prometheus", "prometheus-alertmanager")
    ]
    ours = results[0]
    return (
        f"{HOSTS} hosts send {3 * RULES:,} series each, every {PACE * HOSTS:.0f} s, a scrape in "
        f"{PARTS} requests at the same moment: 10,000 samples/s for {ours.seconds:.0f} s, after "
        f"two scrapes of every host. {RULES} thresholds watch {HOSTS} series each, {RULES} "
        "expressions (`100 * (1 - part / size)`, `100 * part / size`) two selectors of as many; of "
        "two thirds of them the halves come in different requests. At random moments a value "
        "crosses its rule's limit, of an expression by one half or by the other. There are 500 "
        "systems of 10 clients, and every crossing is in another system, so that it opens an "
        "incident of its own (Alertmanager: group_wait 0, group_interval 1s, a group for each "
        "alert; Prometheus: evaluation_interval 1s, the rules in 10 groups). The time counts from "
        "the start of the request that carries the sample to the webhook at a receiver on the same "
        "machine. CPU is that of all processes of a program in that time; the sender and the "
        "receiver share the machine with what is measured. `python benchmarks/detection.py`\n\n"
        f"{table}\n\n{report.machine(*versions)}"
    )


def main() -> None:
    """Measure, show, and write the page if all were measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scrapes", type=int, default=6, help="of each host, 15 s apart")
    asked.add_argument("--only", choices=("langyan", "peers"), help="the page is not written then")
    given = asked.parse_args()
    results = asyncio.run(run(given.scrapes, given.only))
    if not given.only:
        report.write("detection", "Detection: from a sample to the webhook", written(results))


if __name__ == "__main__":
    main()
