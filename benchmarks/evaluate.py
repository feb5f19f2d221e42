"""How many samples a second the rules look at while nothing happens: 10,000 at a time."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from access.directory import ClientFacts, Directory
from alerting.evaluator import Evaluator
from alerting.rules_index import RulesIndex
from alerting.schemas import Observation, Observed, ThresholdSpec
from alerting.thresholds import CompiledRule
from kit.clock import milliseconds
from kit.db import Database
from metrics.batch import Batch, Floats, Ints, Position, Refs
from metrics.columns import Columns, Labels

SERIES, BATCH, ROUNDS, CLIENTS = 100_000, 10_000, 200, 10
START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class Series:
    """A store that only knows labels: what is measured is the look at the samples."""

    def listen(self, callback: Callable[[Batch], None], /) -> None:
        """Batches are handed over by hand."""

    def on_series(self, callback: Callable[[list[int]], None], /) -> None:
        """All series are known from the start."""

    def release(self, position: Position, /) -> None:
        """There is no journal."""

    def labels(self, ref: int, /) -> Labels:
        """Return labels as a host's disks have them."""
        client = f"c{ref % CLIENTS}"
        return (("__name__", "disk_used"), ("client", client), ("host", f"h{ref}"), ("mount", "/"))

    def newest(self, refs: Refs, /) -> tuple[Ints, Floats]:
        """Return nothing: no series has samples yet."""
        return np.full(len(refs), -1, np.int64), np.full(len(refs), np.nan)

    def before(self, refs: Refs, /) -> tuple[Ints, Floats]:
        """Return nothing, as `newest`."""
        return self.newest(refs)

    def window(self, refs: Refs, start: int, end: int, /) -> Columns:
        """Return nothing: no expression is measured."""
        return Columns([], np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))

    def covers(self, refs: Refs, start: int, /) -> bool:
        """There is nothing else."""
        return True

    async def read_refs(self, refs: Refs, start: int, end: int, /) -> Columns:
        """Return nothing, as `window`."""
        return self.window(refs, start, end)


async def refuse(
    client: str, seen: Sequence[Observation], /, *, position: Position | None, now: datetime
) -> Observed:
    """Stop: no sample crosses a limit here."""
    raise SystemExit(f"{client}: {len(seen)} observations where none were expected")


def rules(count: int) -> list[CompiledRule]:
    """Return rules with the whole ladder."""
    ladder = {
        "P1": {"above": 95, "for": "5m"},
        "P2": {"above": 90, "for": "10m"},
        "P3": {"above": 80, "for": "30m"},
        "recover": {"below": 75, "for": "5m"},
        "absent": {"for": "10m", "priority": "P2"},
    }
    given = [{"name": f"disk-{n}", "expr": "disk_used", **ladder} for n in range(count)]
    return [CompiledRule(ThresholdSpec.model_validate(one)) for one in given]


async def measured(count: int) -> tuple[float, float]:
    """Return seconds to learn the series, then samples a second, with `count` rules on each."""
    db = Database("postgresql+asyncpg://nowhere/none")
    evaluator = Evaluator(Series(), db, refuse, clock=lambda: START)
    evaluator.on_series(list(range(SERIES)))
    directory = Directory({f"c{n}": ClientFacts(f"c{n}", "") for n in range(CLIENTS)}, ())
    began = time.perf_counter()
    await evaluator.watch(RulesIndex(rules(count), directory), (), now=START)
    learned = time.perf_counter() - began
    random = np.random.default_rng(1)
    batches = []
    for number in range(ROUNDS):
        refs = random.permutation(SERIES)[:BATCH].astype(np.int32)
        arrived = START + timedelta(milliseconds=number)
        times = np.full(BATCH, milliseconds(arrived))
        batch = Batch(refs, times, random.uniform(0, 79, BATCH), arrived, Position(1, number))
        batches.append(batch)
    evaluator.drain()
    began = time.perf_counter()
    for batch in batches:
        evaluator.on_batch(batch)
        evaluator.drain()
    return learned, ROUNDS * BATCH / (time.perf_counter() - began)


if __name__ == "__main__":
    for number in (1, 3):
        learned, speed = asyncio.run(measured(number))
        print(
            f"{number} rule(s) on each of {SERIES:,} series: {speed / 1e6:.1f} million samples/s, "
            f"learned in {learned:.1f} s"
        )
