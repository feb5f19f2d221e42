"""Ten queries of dashboards: Langyan, Prometheus and VictoriaMetrics over the same samples."""

import argparse
import asyncio
import math
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import cpu, peers, report
from benchmarks.support.langyan import TOKEN, WRITE, drained, figures, langyan, quantile
from benchmarks.support.past import Group, load
from kit.clock import milliseconds, system_clock
from metrics.columns import Labels, labels_of
from tests.support.embedded import url_of
from tests.support.peers import Peer
from tests.support.program import Program

HOSTS = 20
MINUTE_MS = 60_000
HOUR, DAY = 3_600, 86_400
ROUNDS = 15
LIMITS = ("0.01", "0.05", "0.1", "0.5", "1", "5", "+Inf")


@dataclass(frozen=True)
class Panel:
    """One query as a panel of a dashboard asks it: over how many seconds, in which steps."""

    query: str
    span: int
    step: int


PANELS = (
    Panel('rate(cpu_seconds_total{instance="host3"}[5m])', HOUR, 15),
    Panel('sum by (instance) (rate(cpu_seconds_total{mode!="idle"}[5m]))', HOUR, 15),
    Panel("topk(5, sum by (instance) (rate(network_receive_bytes_total[5m])))", 6 * HOUR, 60),
    Panel(
        'sum by (job) (rate(requests_total{code=~"5.."}[5m]))'
        " / sum by (job) (rate(requests_total[5m]))",
        6 * HOUR,
        60,
    ),
    Panel("histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[10m])))", DAY, 5 * 60),
    Panel("100 * (1 - disk_free_bytes / disk_size_bytes)", DAY, 5 * 60),
    Panel("max by (instance) (max_over_time(load1[1h]))", 7 * DAY, 30 * 60),
    Panel("avg_over_time(memory_free_bytes[1h])", 7 * DAY, HOUR),
    Panel("sum(rate(request_seconds_count[1h]))", 30 * DAY, 2 * HOUR),
    Panel("quantile_over_time(0.95, load1[1d])", 30 * DAY, DAY),
)


def groups() -> list[Group]:
    """Return what was sampled: some series for 30 days, many more for the last hours."""
    random = np.random.default_rng(1)

    def group(
        name: str, labels: Sequence[Labels], noise: float, step: int, span: int, *, pace: float = 0
    ) -> Group:
        first = np.ceil(1e9 + random.random(len(labels)) * 1e9)
        paces = np.ceil(random.random(len(labels)) * pace)
        return Group(name, labels, first, paces, noise, step * 1000, span * 1000)

    buckets = _named("request_seconds_bucket", le=LIMITS)
    made = group("latencies", buckets, 0, 60, 30 * DAY)
    made.pace = np.tile(np.arange(1.0, len(LIMITS) + 1), HOSTS) * 10
    made.first = 1e6 + made.pace * 100
    cores = tuple(str(core) for core in range(8))
    modes = ("user", "system", "idle", "iowait")
    cards = tuple(f"eth{card}" for card in range(10))
    codes = ("200", "204", "404", "500", "503")
    gauges = ("load1", "memory_free_bytes", "disk_free_bytes", "disk_size_bytes")
    return [
        made,
        group("gauges", [one for name in gauges for one in _named(name)], 0.1, 60, 30 * DAY),
        group("counts", _named("request_seconds_count"), 0, 60, 30 * DAY, pace=500),
        group("cpu", _named("cpu_seconds_total", cpu=cores, mode=modes), 0, 15, 6 * HOUR, pace=15),
        group(
            "network",
            _named("network_receive_bytes_total", device=cards),
            0,
            15,
            7 * HOUR,
            pace=1e6,
        ),
        group("requests", _named("requests_total", code=codes), 0, 15, 7 * HOUR, pace=200),
    ]


def _named(name: str, **more: Sequence[str]) -> list[Labels]:
    found: list[dict[str, str]] = [
        {"__name__": name, "instance": f"host{number}", "job": f"job{number % 4}"}
        for number in range(HOSTS)
    ]
    for label, values in more.items():
        found = [{**one, label: value} for one in found for value in values]
    return [labels_of(one) for one in found]


@dataclass(frozen=True)
class Asked:
    """Somebody who can be asked: where, and with which parameters and token besides."""

    name: str
    url: str
    more: Mapping[str, str]
    token: str = ""

    async def answers(self, client: httpx.AsyncClient, panel: Panel, end: int) -> Any:
        """Return what a panel is answered, and in how many milliseconds."""
        asked = {
            "query": panel.query,
            "start": str(end - panel.span),
            "end": str(end),
            "step": str(panel.step),
            **self.more,
        }
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        began = time.perf_counter()
        answer = await client.get(f"{self.url}/api/v1/query_range", params=asked, headers=headers)
        took = 1000 * (time.perf_counter() - began)
        return answer.raise_for_status().json()["data"]["result"], took

    async def source(self, panel: Panel, end: int) -> str:
        """Return what an answer says that it was computed from."""
        said: dict[str, str | int] = {
            "query": panel.query,
            "start": end - panel.span,
            "end": end,
            "step": panel.step,
        }
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(timeout=120, headers=headers) as client:
            answer = await client.get(
                f"{self.url}/api/v1/query_range", params={**said, **self.more}
            )
        told = [info for info in answer.json().get("infos", []) if "rollups" in info]
        return told[0].removeprefix("PromQL info: computed from ") if told else "raw samples"


@dataclass
class Heard:
    """What somebody was asked: of each panel how long each answer took, and the last answer."""

    took: list[list[float]]
    found: list[Any]


async def asked(all_: Sequence[Asked], end: int, panels: Sequence[Panel] = PANELS) -> list[Heard]:
    """Ask every panel again and again, each time a step later, as a dashboard that refreshes.

    One after the other is asked the same, so that the machine's moods are alike for all.
    """
    heard = [Heard([[] for _ in panels], [None] * len(panels)) for _ in all_]
    async with httpx.AsyncClient(timeout=120) as client:
        for turn in range(ROUNDS + 1):
            for number, panel in enumerate(panels):
                last = end - (ROUNDS - turn) * panel.step
                for who, his in zip(all_, heard, strict=True):
                    his.found[number], took = await who.answers(client, panel, last)
                    if turn:  # the first warms up
                        his.took[number].append(took)
    return heard


def compared(
    ours: Sequence[Any],
    theirs: Sequence[Any],
    *,
    panels: Sequence[Panel] = PANELS,
    who: str = "Prometheus",
) -> None:
    """Refuse to go on if somebody else says anything else."""
    for panel, one, other in zip(panels, ours, theirs, strict=True):
        mine, peers_ = _by_series(one), _by_series(other)
        if mine.keys() != peers_.keys() or not mine:
            raise SystemExit(f"{panel.query}: {len(mine)} series, {who} has {len(peers_)}")
        for series, values in mine.items():
            same = len(values) == len(peers_[series]) and all(
                at == when and math.isclose(float(value), float(told), rel_tol=1e-9)
                for (at, value), (when, told) in zip(values, peers_[series], strict=True)
            )
            if not same:
                raise SystemExit(f"{panel.query}: {series} differs from {who}")


def _by_series(result: Any) -> dict[str, Any]:
    found = {}
    for one in result:
        labels = {name: value for name, value in one["metric"].items() if name != "client"}
        found[str(sorted(labels.items()))] = one["values"]
    return found


async def rested(root: Sequence[int]) -> None:
    """Wait until a peer has compacted what it was given."""
    quiet = 0
    while quiet < 3:
        before = cpu.seconds(root)
        await asyncio.sleep(2)
        quiet = quiet + 1 if cpu.seconds(root) - before < 0.1 else 0


LOOSE = "SELECT count(*) FROM chunks WHERE NOT packed AND start_at < $1::bigint - 4500000"
UNMADE = (
    "SELECT count(*) FROM rollup_days "
    "WHERE made <> touched AND (day + 1) * 86400000 < $1::bigint - 7200000"
)
SIZE = (
    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
    "WHERE relkind = 'r' AND relname LIKE $1 || '%'"
)
LONG = tuple(panel for panel in PANELS if panel.span > DAY)


@dataclass(frozen=True)
class Rolled:
    """What was measured of long ranges, and what they were computed from; sizes in bytes."""

    before: list[list[float]]
    took: list[list[float]]
    sources: list[str]
    seconds: float
    size: int
    raw: int


@asynccontextmanager
async def database(program: Program) -> AsyncIterator[Any]:
    """Connect to the database of a program."""
    url = url_of(program.folder).replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def packed(program: Program) -> None:
    """Wait until what is older than an hour is packed: the tick comes each minute."""
    async with database(program) as connection:
        left = 1
        while left:
            await asyncio.sleep(1)
            left = await connection.fetchval(LOOSE, milliseconds(system_clock()))


async def of_rollups(program: Program, who: Asked, end_ms: int) -> Rolled:
    """Ask the panels over long ranges once more, from rollups where these can answer."""
    async with database(program) as connection:
        # nobody waits here until a day has been quiet for a quarter of an hour
        await connection.execute("UPDATE rollup_days SET touched_at = touched_at - interval '1h'")
        began = time.perf_counter()
        left = 1
        while left:
            await asyncio.sleep(1)
            left = await connection.fetchval(UNMADE, milliseconds(system_clock()))
        seconds = time.perf_counter() - began
        size, raw = [int(await connection.fetchval(SIZE, name)) for name in ("rollups", "chunks")]
    print(f"rolled up in {seconds:.0f} s: {size:,} bytes beside {raw:,}", flush=True)
    end = end_ms // 1000 // HOUR * HOUR  # as dashboards do, that begin and end with a step
    plain, auto = (replace(who, more={"resolution": name}) for name in ("raw", "auto"))
    raw_, rolled = await asked([plain, auto], end, LONG)
    compared(rolled.found, raw_.found, panels=LONG, who="the answer from raw samples")
    sources = [await auto.source(panel, end) for panel in LONG]
    return Rolled(raw_.took, rolled.took, sources, seconds, size, raw)


def of_long_ranges(own: Rolled) -> str:
    """Return the paragraph and the table of what was computed from rollups."""
    measured = zip(LONG, own.before, own.took, own.sources, strict=True)
    rows = [
        (
            f"`{panel.query}`",
            f"{panel.span // DAY} d",
            panel.span // panel.step + 1,
            f"{median(before):.1f}",
            f"{median(took):.1f}",
            source,
        )
        for panel, before, took, source in measured
    ]
    for row in rows:
        print(*row)
    head = ("query", "over", "steps", "raw ms", "`resolution=auto` ms", "computed from")
    return (
        "The panels over long ranges once more, ending at a full hour, with `resolution=auto`, "
        "after the days that are over were rolled up in the background "
        f"({own.seconds:.0f} s, with up to 60 of waiting for the tick). The answers are "
        "those from raw samples (to 9 digits); what cannot be answered from rollups is "
        f"read raw. Rollups take {own.size / 2**20:.0f} MiB beside "
        f"{own.raw / 2**20:.0f} MiB of chunks.\n\n{report.table(head, rows)}"
    )


@asynccontextmanager
async def peer(name: str, peer: Peer, more: Mapping[str, str], end_ms: int) -> AsyncIterator[Asked]:
    """Start a peer that has all samples, and has come to rest."""
    async with peer:
        assert peer.process is not None
        await load(f"{peer.url}/api/v1/write", TOKEN, groups(), end_ms)
        await rested([peer.process.pid])
        yield Asked(name, peer.url, more)


async def run() -> str:
    """Measure all of them side by side; return the section of the page."""
    end_ms = milliseconds(system_clock()) // MINUTE_MS * MINUTE_MS
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="query-")))
        server = peers.prometheus(
            folder / "prometheus", words=("--storage.tsdb.retention.time=60d",)
        )
        prometheus = await stack.enter_async_context(peer("Prometheus", server, {}, end_ms))
        store = peers.victoria_metrics(folder / "victoria")
        victoria = await stack.enter_async_context(
            peer("VictoriaMetrics", store, {"nocache": "1"}, end_ms)
        )
        program: Program = await stack.enter_async_context(
            langyan(folder / "langyan", more={"LANGYAN_FLUSH_EVERY": "5s"})
        )
        began = time.perf_counter()
        written = await load(f"{program.url}{WRITE}", TOKEN, groups(), end_ms)
        print(f"Langyan took {written:,} in {time.perf_counter() - began:.0f} s", flush=True)
        await drained(program)
        await packed(program)
        own = Asked("Langyan", f"{program.url}/prometheus", {}, TOKEN)
        before = await figures(program)
        heard = await asked([own, prometheus, victoria], end_ms // 1000)
        lag = quantile("loop_lag_seconds", 0.99, before, await figures(program))
        for one in heard:
            print([round(median(each), 1) for each in one.took], flush=True)
        mine, theirs, others = (one.found for one in heard)
        compared(mine, theirs)
        rolled = await of_rollups(program, own, end_ms)
    for panel, one, other in zip(PANELS, mine, others, strict=True):
        if len(one) != len(other):
            print(f"VictoriaMetrics has {len(other)} series for {panel.query}, we {len(one)}")
    rows = [
        (
            f"`{panel.query}`",
            f"{panel.span // HOUR} h" if panel.span < 2 * DAY else f"{panel.span // DAY} d",
            panel.span // panel.step + 1,
            *(f"{median(one.took[number]):.1f}" for one in heard),
        )
        for number, panel in enumerate(PANELS)
    ]
    head = ("query", "over", "steps", "Langyan ms", "Prometheus ms", "VictoriaMetrics ms")
    versions = [f"{name} {peers.version(name)}" for name in ("prometheus", "victoria-metrics")]
    for row in rows:
        print(*row)
    return (
        f"{HOSTS} hosts, {written:,} samples: some series each minute for 30 days, more each 15 s "
        "for the last hours. Written by remote write, oldest first; all of it but the last hour "
        "stands in PostgreSQL, packed, in Prometheus compacted. All three run at the same time and "
        f"are asked one after the other, each panel {ROUNDS} times, each time a step later; "
        "medians in milliseconds until the answer was there. The answers of Prometheus are the "
        "same; VictoriaMetrics is asked without its cache, and its `rate` is another. Loop lag of "
        f"Langyan meanwhile: p99 ≤ {lag * 1000:g} "
        f"ms. `python benchmarks/query.py`\n\n{report.table(head, rows)}\n\n"
        f"{of_long_ranges(rolled)}\n\n"
        f"{report.machine(*versions)}"
    )


def main() -> None:
    """Measure, and write the page."""
    asked_for = argparse.ArgumentParser(description=__doc__)
    asked_for.add_argument("--dry", action="store_true", help="the page is not written")
    given = asked_for.parse_args()
    text = asyncio.run(run())
    if not given.dry:
        report.write("query", "Queries of dashboards", text)


if __name__ == "__main__":
    main()
