"""Samples a CPU second: Langyan, Prometheus and VictoriaMetrics take the same bodies in turn.

With `--rules` each of them has the 1,000 rules of `benchmarks/rules.py` to evaluate meanwhile.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import bodies, cpu, peers, report, ruled
from benchmarks.support.langyan import (
    TOKEN,
    WRITE,
    cpu_seconds,
    drained,
    figures,
    langyan,
    quantile,
    said,
)
from benchmarks.support.sender import CONNECTIONS, Sender
from kit.clock import milliseconds, system_clock
from tests.support.peers import Peer

SERIES, PER_BODY = 100_000, 2_000
WARM_ROUNDS = 3
VERSION_2 = "Langyan, remote write 2.0"
VMALERT = "VictoriaMetrics with vmalert"
AGAINST = ("Prometheus", "VictoriaMetrics")
FLUSHED = 5
"""Seconds between flushes beside rules, which go on while a benchmark waits for the last one."""
WITH_RULES = ("Langyan", "Prometheus", VMALERT, "VictoriaMetrics")
"""VictoriaMetrics alone has no rules: it is there for comparison."""
EVALUATED = {
    "Langyan": "langyan_rules_evaluated_total",
    "Prometheus": "prometheus_rule_evaluations_total",
    VMALERT: "vmalert_execution_total",
}


@dataclass(frozen=True)
class Result:
    """What one program took, and what it cost until everything was drained."""

    name: str
    samples: int
    seconds: float
    cpu: float
    more: str = ""
    evaluations: float = 0.0

    @property
    def speed(self) -> float:
        """Samples for each second of CPU."""
        return self.samples / self.cpu


@dataclass(frozen=True)
class Asked:
    """How to measure: for how long, over how many connections, with or without the rules."""

    seconds: float
    connections: int
    rules: bool

    @property
    def names(self) -> Sequence[str]:
        """Return whom to measure."""
        return WITH_RULES if self.rules else ("Langyan", VERSION_2, *AGAINST)

    def sender(self, port: int, path: str, version: int = 1) -> Sender:
        """Return who sends; with rules the samples are of the moment, which rules look at."""
        fleet = bodies.fleet(SERIES, PER_BODY, version=version)
        return Sender(
            port,
            path,
            ruled.fleet(PER_BODY) if self.rules else fleet,
            milliseconds(system_clock()),
            token=TOKEN,
            connections=self.connections,
            version=version,
            live=self.rules,
        )


async def _measured(
    name: str,
    sender: Sender,
    seconds: float,
    used: Callable[[], float],
    settled: Callable[[], Awaitable[None]],
    evaluated: Callable[[], Awaitable[float]],
) -> Result:
    await sender.send(rounds=WARM_ROUNDS)
    await settled()
    began, before, rules = used(), sender.accepted, await evaluated()
    took = await sender.send(seconds=seconds)
    rules = await evaluated() - rules
    await settled()
    return Result(name, sender.accepted - before, took, used() - began, evaluations=rules)


async def _evaluations(name: str, url: str) -> float:
    """Return how many rules the program at `url` has evaluated."""
    if name not in EVALUATED:
        return 0.0
    found = (await said(url)).items()
    return sum(value for key, value in found if key.partition("{")[0] == EVALUATED[name])


async def of_langyan(name: str, asked: Asked) -> Result:
    """Measure Langyan with the shipped thresholds, and two flushes or more in the time."""
    version = 2 if name == VERSION_2 else 1
    with tempfile.TemporaryDirectory(prefix="langyan-") as folder:
        flushed = FLUSHED if asked.rules else max(2, round(asked.seconds / 2.4))
        more = {"LANGYAN_FLUSH_EVERY": f"{flushed}s"}
        start = ruled.langyan_with_rules if asked.rules else langyan
        async with start(Path(folder), more=more) as program:
            sender = asked.sender(program.port, WRITE, version)

            async def settled() -> None:
                await drained(program)

            before = await figures(program)
            got = await _measured(
                name,
                sender,
                asked.seconds,
                lambda: cpu_seconds(program),
                settled,
                lambda: _evaluations(name, program.url),
            )
            after = await figures(program)
            lag = quantile("loop_lag_seconds", 0.99, before, after)
            told = f"loop lag p99 ≤ {lag * 1000:g} ms, {sender.busy} times 503"
            recorded = after["samples_kept"] - before["samples_kept"] - sender.accepted
            if recorded < 0 or (recorded and not asked.rules):
                raise SystemExit("what was acknowledged is not what was kept")
            return replace(got, more=told)


async def of_peer(name: str, folder: Path, asked: Asked) -> Result:
    """Measure a peer until it has come to rest; one that has rules never does."""
    async with AsyncExitStack() as running:
        made = _peers(name, folder, rules=asked.rules)
        for each in made:
            await running.enter_async_context(each)
        roots = [each.process.pid for each in made if each.process]

        async def settled() -> None:
            for _ in range(1 if asked.rules else 20):
                before = cpu.seconds(roots)
                await asyncio.sleep(2)
                if cpu.seconds(roots) - before < 0.06:
                    return

        return await _measured(
            name,
            asked.sender(made[0].port, "/api/v1/write"),
            asked.seconds,
            lambda: cpu.seconds(roots),
            settled,
            lambda: _evaluations(name, made[-1].url),
        )


def _peers(name: str, folder: Path, *, rules: bool) -> list[Peer]:
    if name == "Prometheus":
        return [ruled.prometheus_with_rules(folder) if rules else peers.prometheus(folder)]
    metrics = peers.victoria_metrics(folder)
    beside = [ruled.vmalert_with_rules(folder / "vmalert", metrics)] if name == VMALERT else []
    return [metrics, *beside]


async def run(asked: Asked, only: str | None) -> list[Result]:
    """Measure one after the other."""
    results = []
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        for name in asked.names:
            if only and only.lower() != name.lower():
                continue
            if name.startswith("Langyan"):
                one = await of_langyan(name, asked)
            else:
                one = await of_peer(name, Path(folder) / name.replace(" ", "-"), asked)
            results.append(one)
            print(
                f"{one.name}: {one.samples / 1e6:.1f} M samples in {one.seconds:.1f} s, "
                f"{one.cpu:.1f} s of CPU: {one.speed / 1e6:.3f} M samples/CPU-s, "
                f"{one.evaluations:,.0f} evaluations {one.more}",
                flush=True,
            )
    return results


def _table(results: list[Result], *, rules: bool) -> str:
    ours = results[0]
    rows = [
        (
            one.name,
            f"{one.samples / 1e6:.1f} M",
            f"{one.samples / one.seconds / 1e6:.2f} M",
            f"{one.cpu:.1f}",
            *((f"{one.evaluations:,.0f}",) if rules else ()),
            f"{one.speed / 1e6:.2f} M",
            f"{ours.speed / one.speed:.1f}",
        )
        for one in results
    ]
    evaluated = ("rules evaluated",) if rules else ()
    head = ("", "samples", "samples/s", "CPU s", *evaluated, "samples/CPU-s")
    return report.table((*head, "Langyan against it"), rows)


def written(results: list[Result], asked: Asked) -> str:
    """Return the section of the page."""
    versions = [f"{name} {peers.version(name)}" for name in ("prometheus", "victoria-metrics")]
    return (
        f"{SERIES:,} series as node_exporter has them, {PER_BODY:,} samples a remote-write "
        f"request, {asked.connections} connections as fast as they are answered, "
        f"{asked.seconds:.0f} s after every series was known. Langyan runs with the shipped "
        "thresholds and the default `JOURNAL_SYNC`, and writes chunks to PostgreSQL meanwhile "
        f"({results[0].more}). CPU is that of all processes, until rules and chunks have caught "
        "up; a peer's until it has come to rest. `python benchmarks/ingest.py`\n\n"
        f"{_table(results, rules=False)}\n\n{report.machine(*versions)}"
    )


def written_with_rules(results: list[Result], asked: Asked) -> str:
    """Return the section of the page about ingest beside rules."""
    versions = [f"{name} {peers.version(name)}" for name in ("prometheus", "victoria-metrics")]
    return (
        f"The {2 * ruled.METRICS:,} rules of the section on rules: {ruled.METRICS} thresholds "
        f"and {ruled.METRICS} `sum by (zone) (rate(counter[5m]))`, each over {ruled.SERIES} of "
        f"{SERIES:,} counters, interval {ruled.INTERVAL}s. {PER_BODY:,} samples a request, "
        f"{asked.connections} connections as fast as they are answered, {asked.seconds:.0f} s; "
        "every sample has the moment at which it is sent, so that the rules find, of each "
        "counter, all that the program has taken: who takes more has more to read. Langyan looks "
        "at thresholds as soon as samples come, not at the interval alone. VictoriaMetrics has no "
        "rules; its vmalert evaluates them from outside. CPU is that of all processes, Langyan's "
        f"until rules and chunks have caught up ({results[0].more}), the others' until 2 s after "
        f"the last sample. `python benchmarks/ingest.py --rules`\n\n"
        f"{_table(results, rules=True)}\n\n{report.machine(*versions)}"
    )


def main() -> None:
    """Measure, show, and write the page if all were measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--rules", action="store_true", help="with 1,000 rules in each program")
    parser.add_argument("--only", help="one program; the page is not written")
    given = parser.parse_args()
    asked = Asked(given.seconds, given.connections, given.rules)
    results = asyncio.run(run(asked, given.only))
    if given.only:
        return
    if asked.rules:
        text = written_with_rules(results, asked)
        report.write("ingest-rules", "Ingest with 1,000 rules", text)
    else:
        report.write("ingest", "Ingest: samples for a second of CPU", written(results, asked))


if __name__ == "__main__":
    main()
