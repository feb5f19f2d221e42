"""Forwarding to VictoriaMetrics: Langyan in engine mode, and the agents that others put there.

First as fast as they take samples; then at a steady rate, and the engine is killed for a while.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import bodies, cpu, forwarders, peers, report
from benchmarks.support.langyan import TOKEN, WRITE, cpu_seconds, langyan
from benchmarks.support.receiving import Receiver
from benchmarks.support.sender import CONNECTIONS, Sender
from kit.clock import milliseconds, system_clock
from tests.support.peers import Peer

SERIES, PER_BODY = 100_000, 2_000
WARM_ROUNDS = 3
BEFORE, AWAY, AFTER = 10.0, 20.0, 25.0
"""Seconds of the steady rate before the engine is killed, while it is away, and from then on."""
STRAIGHT, OURS = "straight to VictoriaMetrics", "Langyan"
AGENTS = {"Prometheus, agent mode": forwarders.prometheus_agent, "vmagent": forwarders.vmagent}
NAMES = (STRAIGHT, OURS, *AGENTS)


@dataclass
class Between:
    """What stands between the sender and the engine; `folder` is where samples wait."""

    port: int
    path: str
    used: Callable[[], float]
    folder: Path | None = None


@dataclass(frozen=True)
class Result:
    """What came through, and what it cost until all of it stood in the engine."""

    name: str
    samples: int
    lost: int
    sending: float
    seconds: float
    cpu: float
    engine_cpu: float

    @property
    def speed(self) -> float:
        """Samples for each second of the forwarder's CPU."""
        return self.samples / self.cpu if self.cpu else 0.0


@dataclass(frozen=True)
class Return:
    """What became of a steady stream whose engine was killed for a while."""

    name: str
    samples: int
    lost: int
    caught_up: float | None
    waited: int
    meanwhile: int


def _engine(folder: Path) -> Peer:
    words = (
        "-search.latencyOffset=1ms",
        "-search.maxQueryDuration=120s",
        "-dedup.minScrapeInterval=1ms",
    )
    return peers.victoria_metrics(folder, words=words)


@asynccontextmanager
async def _standing(name: str, folder: Path, engine: Peer) -> AsyncIterator[Between]:
    """Have what is measured stand before the engine."""
    if name == STRAIGHT:
        yield Between(engine.port, "/api/v1/write", lambda: 0.0)
    elif name == OURS:
        more = {"LANGYAN_METRICS_URL": engine.url}
        async with langyan(folder / "ours", more=more) as program:
            yield Between(program.port, WRITE, lambda: cpu_seconds(program), program.folder)
    else:
        async with AGENTS[name](folder / "agent", engine) as agent:
            pid = agent.process.pid if agent.process else 0
            used = lambda: cpu.seconds([pid])  # noqa: E731
            yield Between(agent.port, "/api/v1/write", used, agent.folder)


def _sender(to: Between, *, rate: float | None = None) -> Sender:
    return Sender(
        to.port,
        to.path,
        bodies.fleet(SERIES, PER_BODY),
        milliseconds(system_clock()),
        token=TOKEN,
        rate=rate,
        live=rate is not None,
    )


async def full_speed(name: str, seconds: float) -> Result:
    """Send as fast as samples are taken, and wait until the engine has all of them."""
    with tempfile.TemporaryDirectory(prefix="forwarding-") as place:
        folder = Path(place)
        async with _engine(folder / "engine") as engine, _standing(name, folder, engine) as to:
            kept, sender = Receiver(engine), _sender(to)
            await sender.send(rounds=WARM_ROUNDS)
            await kept.comes_to_rest()
            warm, began = sender.accepted, asyncio.get_running_loop().time()
            before, engine_before = to.used(), kept.cpu()
            sending = await sender.send(seconds=seconds)
            last = await kept.comes_to_rest()
            found = await kept.count(sender.start_ms, sender.rounds * sender.step_ms)
            return Result(
                name,
                sender.accepted - warm,
                sender.accepted - found,
                sending,
                max(last - began, sending),
                to.used() - before,
                kept.cpu() - engine_before,
            )


async def killed(name: str, rate: float) -> Return:
    """Send at a steady rate; kill the engine, and start it again after a while."""
    with tempfile.TemporaryDirectory(prefix="forwarding-") as place:
        folder = Path(place)
        async with _engine(folder / "engine") as engine, _standing(name, folder, engine) as to:
            kept, sender = Receiver(engine), _sender(to, rate=rate)
            await sender.send(rounds=WARM_ROUNDS)
            sending = asyncio.create_task(sender.send(seconds=BEFORE + AWAY + AFTER))
            await asyncio.sleep(BEFORE)
            began_with, before = _bytes_in(to), sender.accepted
            engine.end()
            await asyncio.sleep(AWAY)
            waited, meanwhile = _bytes_in(to) - began_with, sender.accepted - before
            await engine.start()
            caught_up = await kept.keeps_up(within=AFTER + 60)
            await sending
            await kept.comes_to_rest(quiet=12.0)
            length = milliseconds(system_clock()) - sender.start_ms
            lost = sender.accepted - await kept.count(sender.start_ms, length)
            return Return(name, sender.accepted, lost, caught_up, waited, meanwhile)


def _bytes_in(to: Between) -> int:
    """Return what lies on the disk of what waits: the journal, a log, a queue."""
    if to.folder is None:
        return 0
    folder = to.folder / "samples" if (to.folder / "samples").is_dir() else to.folder / "kept"
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


async def all_at_full_speed(names: Sequence[str], seconds: float) -> list[Result]:
    """Measure one after the other."""
    results = []
    for name in names:
        one = await full_speed(name, seconds)
        results.append(one)
        print(one, f"{one.speed / 1e6:.3f} M samples/CPU-s", flush=True)
    return results


async def all_killed(names: Sequence[str], rate: float) -> list[Return]:
    """Measure one after the other."""
    returns = []
    for name in names:
        if name != STRAIGHT:
            one = await killed(name, rate)
            returns.append(one)
            print(one, flush=True)
    return returns


def _table(results: Sequence[Result]) -> str:
    ours = next(one for one in results if one.name == OURS)
    head = (
        "",
        "samples",
        "lost",
        "in the engine/s",
        "its CPU s",
        "the engine's CPU s",
        "samples/CPU-s",
        "Langyan against it",
    )
    rows = [
        (
            one.name,
            f"{one.samples / 1e6:.1f} M",
            f"{one.lost:,}",
            f"{one.samples / one.seconds / 1e6:.2f} M",
            f"{one.cpu:.1f}" if one.cpu else "–",
            f"{one.engine_cpu:.1f}",
            f"{one.speed / 1e6:.2f} M" if one.cpu else "–",
            f"{ours.speed / one.speed:.1f}" if one.cpu else "–",
        )
        for one in results
    ]
    return report.table(head, rows)


def _table_of_returns(returns: Sequence[Return]) -> str:
    head = ("", "samples", "lost", "caught up after s", "MB on disk meanwhile", "bytes a sample")
    rows = [
        (
            one.name,
            f"{one.samples / 1e6:.1f} M",
            f"{one.lost:,}",
            f"{one.caught_up:.1f}" if one.caught_up is not None else "not in time",
            f"{one.waited / 1e6:.0f}",
            f"{one.waited / one.meanwhile:.1f}",
        )
        for one in returns
    ]
    return report.table(head, rows)


def written(results: Sequence[Result], seconds: float) -> str:
    """Return the section of the page about speed."""
    return (
        f"{SERIES:,} series as node_exporter has them, {PER_BODY:,} samples a remote-write "
        f"request, {CONNECTIONS} connections as fast as they are answered, {seconds:.0f} s after "
        "every series was known; all of it is forwarded to a VictoriaMetrics. Langyan runs in "
        "engine mode with the shipped thresholds and the default `JOURNAL_SYNC`; the agents "
        f"take the same requests and send up to {forwarders.AT_ONCE:,} samples at once. CPU is "
        "that of all processes of what forwards, its database included, until the engine has all "
        "samples and nothing came for 3 s; the sender shares the machine. Lost is what was "
        "acknowledged and is not found in the engine by a query. `python benchmarks/forwarding.py`"
        f"\n\n{_table(results)}\n\n{report.machine(*_versions())}"
    )


def written_of_returns(returns: Sequence[Return], rate: float) -> str:
    """Return the section of the page about an engine that is killed."""
    return (
        f"The same, {rate:,.0f} samples/s asked for; after {BEFORE:.0f} s VictoriaMetrics is "
        f"killed (`kill -9`) and started again {AWAY:.0f} s later. Caught up counts from when it "
        "answers again until it shows all hosts as of the last 3 s; the sender goes on for "
        f"{AFTER:.0f} s. On disk is what the journal, log or queue has grown by meanwhile. "
        "VictoriaMetrics forgets the last seconds that it acknowledged before it was killed: who "
        f"does not ask what it still has loses them. `python benchmarks/forwarding.py --killed`"
        f"\n\n{_table_of_returns(returns)}\n\n{report.machine(*_versions())}"
    )


def _versions() -> list[str]:
    return [f"{name} {peers.version(name)}" for name in ("prometheus", "victoria-metrics")]


def main() -> None:
    """Measure, show, and write the page if all were measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100_000)
    parser.add_argument("--killed", action="store_true", help="kill the engine meanwhile")
    parser.add_argument("--only", help="one of them; the page is not written")
    given = parser.parse_args()
    names = [name for name in NAMES if not given.only or name.lower() == given.only.lower()]
    if given.killed:
        returns = asyncio.run(all_killed(names, given.rate))
        if not given.only:
            text = written_of_returns(returns, given.rate)
            report.write("forwarding-killed", "Forwarding to an engine that is killed", text)
    else:
        results = asyncio.run(all_at_full_speed(names, given.seconds))
        if not given.only:
            text = written(results, given.seconds)
            report.write("forwarding", "Forwarding: samples to an engine", text)


if __name__ == "__main__":
    main()
