"""Deltas of OTLP become totals that go on over restarts, and count nothing twice."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.clock import milliseconds
from kit.db import Database
from metrics.batch import Appended
from metrics.matchers import Matcher, Op
from metrics.ports.otlp.messages import from_json
from metrics.store import Store
from tests.support.clock import FakeClock

DELTA = 1


def body(*metrics: dict[str, Any]) -> bytes:
    sent = {"resourceMetrics": [{"scopeMetrics": [{"metrics": list(metrics)}]}]}
    return from_json(json.dumps(sent).encode())


class Shop:
    """A store, and a sender of deltas that moves on by ten seconds with each request."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder, self.db = folder, db
        self.clock = FakeClock()
        self.store = self._store()

    def _store(self) -> Store:
        return Store(self.folder, self.db, known_clients=lambda: {"acme"})

    async def restart(self) -> None:
        await self.store.close()
        self.store = self._store()
        await self.store.open(self.clock())

    async def sends(self, *metrics: dict[str, Any]) -> Appended:
        now = self.clock()
        return await self.store.append(body(*metrics), port="otlp", client="acme", now=now)

    def hits(self, *counts: float, ago: Sequence[int] = (), monotonic: bool = True) -> Any:
        """Return deltas of one counter: now, or so many seconds ago each."""
        points = [
            {"timeUnixNano": self._at(seconds), "asDouble": count}
            for count, seconds in zip(counts, ago or [0] * len(counts), strict=True)
        ]
        held = {"aggregationTemporality": DELTA, "isMonotonic": monotonic}
        return {"name": "hits", "sum": {"dataPoints": points, **held}}

    def took(self, *counts: int, total: float) -> Any:
        """Return the delta of a histogram with one bound."""
        point = {
            "timeUnixNano": self._at(0),
            "count": str(sum(counts)),
            "sum": total,
            "bucketCounts": [str(count) for count in counts],
            "explicitBounds": [1],
        }
        held = {"aggregationTemporality": DELTA}
        return {"name": "took", "histogram": {"dataPoints": [point], **held}}

    def _at(self, seconds_ago: int) -> str:
        moment = self.clock() - timedelta(seconds=seconds_ago)
        return str(milliseconds(moment) * 1_000_000)

    async def reads(self, name: str, **labels: str) -> list[float]:
        wanted = {"__name__": name, **labels}
        matchers = [Matcher(label, Op.EQUAL, value) for label, value in wanted.items()]
        values: list[float] = (await self.store.read(matchers, 0, 2**52)).values.tolist()
        return values


@pytest.fixture
async def shop(tmp_path: Path, db: Database) -> AsyncIterator[Shop]:
    found = Shop(tmp_path, db)
    await found.store.open(found.clock())
    yield found
    await found.store.close()


async def test_deltas_are_added_up(shop: Shop) -> None:
    for count in (3, 0, 4):
        assert await shop.sends(shop.hits(count)) == Appended(1)
        shop.clock.advance(seconds=10)

    assert await shop.reads("hits_total") == [3, 3, 7]


async def test_what_goes_up_and_down_is_added_up_too(shop: Shop) -> None:
    await shop.sends(shop.hits(5, -2, ago=(10, 0), monotonic=False))

    assert await shop.reads("hits") == [5, 3]


async def test_every_part_of_a_histogram_is_added_up(shop: Shop) -> None:
    await shop.sends(shop.took(2, 1, total=4.5))
    shop.clock.advance(seconds=10)
    await shop.sends(shop.took(1, 0, total=0.5))

    assert await shop.reads("took_bucket", le="1") == [2, 3]
    assert await shop.reads("took_bucket", le="+Inf") == [3, 4]
    assert await shop.reads("took_count") == [3, 4]
    assert await shop.reads("took_sum") == [4.5, 5]


async def test_a_total_goes_on_after_a_restart(shop: Shop) -> None:
    await shop.sends(shop.hits(3))
    await shop.restart()
    assert await shop.reads("hits_total") == [3]
    shop.clock.advance(seconds=10)
    await shop.sends(shop.hits(4))
    await shop.store.flush(shop.clock())
    await shop.restart()

    assert await shop.reads("hits_total") == [3, 7]


async def test_a_total_goes_on_after_memory_has_let_go_of_it(shop: Shop) -> None:
    await shop.sends(shop.hits(3))
    shop.clock.advance(hours=5)
    await shop.store.flush(shop.clock())
    await shop.restart()
    assert shop.store.series == 0
    await shop.sends(shop.hits(4))

    assert await shop.reads("hits_total") == [3, 7]


async def test_a_request_that_comes_again_counts_once(shop: Shop) -> None:
    sent = shop.hits(3)
    await shop.sends(sent)

    again = await shop.sends(sent)

    assert (again.samples, again.refused) == (0, 1)
    assert "added up already" in (again.reason or "")
    assert await shop.reads("hits_total") == [3]


async def test_deltas_of_one_request_are_taken_in_the_order_of_their_times(shop: Shop) -> None:
    kept = await shop.sends(shop.hits(4, 1, 2, ago=(0, 20, 10)))

    assert kept == Appended(3)
    assert await shop.reads("hits_total") == [1, 3, 7]


async def test_a_late_histogram_is_refused_as_one_point(shop: Shop) -> None:
    sent = shop.took(2, 1, total=4.5)
    await shop.sends(sent)

    kept = await shop.sends(sent, shop.hits(1))

    assert (kept.samples, kept.refused) == (1, 1)
