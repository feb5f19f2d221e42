"""Samples a CPU second: Langyan, Prometheus and VictoriaMetrics take the same bodies in turn."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import bodies, cpu, peers, report
from benchmarks.support.langyan import (
    TOKEN,
    WRITE,
    cpu_seconds,
    drained,
    figures,
    langyan,
    quantile,
)
from benchmarks.support.sender import CONNECTIONS, Sender
from kit.clock import milliseconds, system_clock
from tests.support.peers import Peer

SERIES, PER_BODY = 100_000, 2_000
WARM_ROUNDS = 3
VERSION_2 = "Langyan, remote write 2.0"
AGAINST = ("Prometheus", "VictoriaMetrics")


@dataclass(frozen=True)
class Result:
    """What one program took, and what it cost until everything was drained."""

    name: str
    samples: int
    seconds: float
    cpu: float
    more: str = ""

    @property
    def speed(self) -> float:
        """Samples for each second of CPU."""
        return self.samples / self.cpu


async def _measured(
    name: str,
    sender: Sender,
    seconds: float,
    used: Callable[[], float],
    settled: Callable[[], Awaitable[None]],
) -> Result:
    await sender.send(rounds=WARM_ROUNDS)
    await settled()
    began, before = used(), sender.accepted
    took = await sender.send(seconds=seconds)
    await settled()
    return Result(name, sender.accepted - before, took, used() - began)


def _sender(
    port: int, path: str, fleet: list[bodies.Body], connections: int, version: int = 1
) -> Sender:
    start = milliseconds(system_clock())
    return Sender(port, path, fleet, start, token=TOKEN, connections=connections, version=version)


async def of_langyan(name: str, seconds: float, connections: int) -> Result:
    """Measure Langyan with the shipped thresholds, and two flushes in the time."""
    version = 2 if name == VERSION_2 else 1
    fleet = bodies.fleet(SERIES, PER_BODY, version=version)
    with tempfile.TemporaryDirectory(prefix="langyan-") as folder:
        more = {"LANGYAN_FLUSH_EVERY": f"{max(2, round(seconds / 2.4))}s"}
        async with langyan(Path(folder), more=more) as program:
            sender = _sender(program.port, WRITE, fleet, connections, version)

            async def settled() -> None:
                await drained(program)

            before = await figures(program)
            got = await _measured(name, sender, seconds, lambda: cpu_seconds(program), settled)
            after = await figures(program)
            lag = quantile("loop_lag_seconds", 0.99, before, after)
            said = f"loop lag p99 ≤ {lag * 1000:g} ms, {sender.busy} times 503"
            if after["samples_kept"] - before["samples_kept"] != sender.accepted:
                raise SystemExit("what was acknowledged is not what was kept")
            return Result(got.name, got.samples, got.seconds, got.cpu, said)


async def of_peer(
    name: str, peer: Peer, fleet: list[bodies.Body], seconds: float, connections: int
) -> Result:
    """Measure a peer until it has come to rest."""
    async with peer:
        assert peer.process is not None
        root = [peer.process.pid]

        async def settled() -> None:
            for _ in range(20):
                before = cpu.seconds(root)
                await asyncio.sleep(2)
                if cpu.seconds(root) - before < 0.06:
                    return

        sender = _sender(peer.port, "/api/v1/write", fleet, connections)
        return await _measured(name, sender, seconds, lambda: cpu.seconds(root), settled)


async def run(seconds: float, connections: int, only: str | None) -> list[Result]:
    """Measure one after the other."""
    fleet, results = bodies.fleet(SERIES, PER_BODY), []
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        for name in ("Langyan", VERSION_2, *AGAINST):
            if only and only.lower() != name.lower():
                continue
            if name not in AGAINST:
                results.append(await of_langyan(name, seconds, connections))
            else:
                make = peers.prometheus if name == "Prometheus" else peers.victoria_metrics
                peer = make(Path(folder) / name)
                results.append(await of_peer(name, peer, fleet, seconds, connections))
            one = results[-1]
            print(
                f"{one.name}: {one.samples / 1e6:.1f} M samples in {one.seconds:.1f} s, "
                f"{one.cpu:.1f} s of CPU: {one.speed / 1e6:.3f} M samples/CPU-s {one.more}",
                flush=True,
            )
    return results


def written(results: list[Result], seconds: float, connections: int) -> str:
    """Return the section of the page."""
    ours = results[0]
    rows = [
        (
            one.name,
            f"{one.samples / 1e6:.1f} M",
            f"{one.samples / one.seconds / 1e6:.2f} M",
            f"{one.cpu:.1f}",
            f"{one.speed / 1e6:.2f} M",
            f"{ours.speed / one.speed:.1f}",
        )
        for one in results
    ]
    head = ("", "samples", "samples/s", "CPU s", "samples/CPU-s", "Langyan against it")
    versions = [f"{name} {peers.version(name)}" for name in ("prometheus", "victoria-metrics")]
    return (
        f"{SERIES:,} series as node_exporter has them, {PER_BODY:,} samples a remote-write "
        f"request, {connections} connections as fast as they are answered, {seconds:.0f} s after "
        "every series was known. Langyan runs with the shipped thresholds and the default "
        f"`JOURNAL_SYNC`, and writes chunks to PostgreSQL meanwhile ({ours.more}). CPU is that of "
        "all processes, until rules and chunks have caught up; a peer's until it has come to "
        f"rest. `python benchmarks/ingest.py`\n\n{report.table(head, rows)}\n\n"
        f"{report.machine(*versions)}"
    )


def main() -> None:
    """Measure, show, and write the page if all were measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--connections", type=int, default=CONNECTIONS)
    asked.add_argument("--only", help="one program; the page is not written")
    given = asked.parse_args()
    results = asyncio.run(run(given.seconds, given.connections, given.only))
    if not given.only:
        text = written(results, given.seconds, given.connections)
        report.write("ingest", "Ingest: samples for a second of CPU", text)


if __name__ == "__main__":
    main()
