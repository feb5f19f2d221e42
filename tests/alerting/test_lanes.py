"""A client's storm on its way: two transactions at a time, and how far is read goes last."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from alerting import lanes
from alerting.schemas import Observation, Observed
from kit.db import Database
from tests.support.alerts import add_clients, rule
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching

HOSTS = 9


class Slow(Watching):
    """Takes its time with every transaction, and notes which were under way together."""

    def __init__(self, db: Database, folder: Path, clock: FakeClock) -> None:
        super().__init__(db, folder, clock)
        self.under_way = self.most = 0
        self.begun: list[tuple[int, bool, int]] = []
        """How many observations, whether with how far is read, how many were under way."""
        self.broken = 0

    async def carry(self, client: str, seen: Sequence[Observation], /, **how: Any) -> Observed:
        """Carry slowly; the next `broken` times the database is away."""
        self.begun.append((len(seen), how["position"] is not None, self.under_way))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.02)
            if self.broken:
                self.broken -= 1
                raise OSError("away")
            return await super().carry(client, seen, **how)
        finally:
            self.under_way -= 1

    async def storms(self, *values: float) -> None:
        """Take these values of every host, a second apart, in one request."""
        moments = [self.clock() - timedelta(seconds=ago) for ago in range(len(values))][::-1]
        samples = [
            {"name": "disk_used", "labels": {"host": f"h{host}"}, "value": value, "at": at}
            for value, at in zip(values, moments, strict=True)
            for host in range(HOSTS)
        ]
        body = orjson.dumps({"samples": samples})
        await self.store.append(body, port="samples", client="acme", now=self.clock())
        await self.evaluator.settle()


@pytest.fixture
async def world(
    db: Database, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Slow]:
    await add_clients(db, *CLIENTS)
    slow = Slow(db, tmp_path, clock)
    await slow.open(rule())
    await slow.storms(20)
    monkeypatch.setattr(lanes, "MOST", 2)
    slow.begun.clear()
    clock.advance(seconds=15)
    yield slow
    await slow.close()


async def test_two_are_under_way_at_a_time_and_how_far_is_read_goes_last_and_alone(
    world: Slow,
) -> None:
    await world.storms(95)

    assert world.told == ["acme disk fired P2"] * HOSTS
    assert world.most == lanes.BESIDE
    assert [size for size, _, _ in world.begun] == [2, 2, 2, 2, 1]
    assert [read for _, read, _ in world.begun] == [False] * 4 + [True]
    assert world.begun[-1][2] == 0


async def test_what_an_alert_does_next_waits_for_what_it_did_first(world: Slow) -> None:
    await world.storms(95, 20)

    fired, resolved = world.told[:HOSTS], world.told[HOSTS:]
    assert fired == ["acme disk fired P2"] * HOSTS
    assert resolved == ["acme disk resolved -"] * HOSTS


async def test_after_trouble_all_is_carried_and_nothing_twice(world: Slow) -> None:
    world.broken = 3
    await world.storms(95)

    assert world.broken == 0
    assert world.told == ["acme disk fired P2"] * HOSTS
    assert world.under_way == 0
