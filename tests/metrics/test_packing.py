"""Packing: an hour of a series becomes one chunk, then a window of hours; late samples join in."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from kit.clock import milliseconds
from kit.db import Database, lock
from metrics import chunks
from metrics.chunks import HOUR, WINDOW
from metrics.columns import Labels
from metrics.matchers import Matcher, Op
from metrics.ports.encode import write_request
from metrics.store import Store
from metrics.tables import Chunk
from tests.support.clock import NOON, FakeClock
from tests.support.samples import points, series

MS = milliseconds(NOON)
"""The beginning of a window."""
STEP = 15_000
HOSTS = [series("load", host=host) for host in "abc"]


class Yard:
    """A store, what was sent to it, and the chunks it has made of that."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.db, self.clock = db, FakeClock()
        self.store = Store(folder, db, known_clients=lambda: {"acme"})
        self.sent: dict[Labels, dict[int, float]] = {}

    async def feeds(
        self, begin: int, end: int, *hosts: Labels, value: float = 0, step: int = STEP
    ) -> None:
        """Send a sample each `step` ms, of all hosts or of these, and flush."""
        for host in hosts or HOSTS:
            times = list(range(begin, end, step))
            values = [value or float(at % 977) for at in times]
            body = write_request([host] * len(times), times, values)
            await self.store.append(body, port="remote_write", client="acme", now=self.clock())
            self.sent.setdefault(host, {}).update(zip(times, values, strict=True))
        await self.store.flush(self.clock())

    async def packs(self, at: int) -> list[tuple[int, int]]:
        """Pack at this time (ms); return when each chunk begins, and how much is in it."""
        self.clock.advance(seconds=(at - milliseconds(self.clock())) / 1000)
        await self.store.upkeep.pack(self.clock())
        stmt = select(Chunk.start_at, Chunk.count).order_by(Chunk.series, Chunk.start_at)
        async with self.db.snapshot() as session:
            return [(start, count) for start, count in await session.execute(stmt)]

    async def numbers(self) -> list[int]:
        """Return the number of each chunk, in the order of their beginnings."""
        stmt = select(Chunk.id).order_by(Chunk.series, Chunk.start_at)
        async with self.db.snapshot() as session:
            return list(await session.scalars(stmt))

    async def reads(self) -> dict[Labels, dict[int, float]]:
        """Return everything, without the label that says whose it is."""
        columns = await self.store.read([Matcher("client", Op.EQUAL, "acme")], 0, 2 * MS)
        return {
            tuple(pair for pair in labels if pair[0] != "client"): dict(found)
            for labels, found in points(columns).items()
        }


@pytest.fixture
async def yard(tmp_path: Path, db: Database) -> AsyncIterator[Yard]:
    yard = Yard(tmp_path, db)
    await yard.store.open(yard.clock())
    yield yard
    await yard.store.close()


async def test_an_hour_that_is_over_is_one_chunk_and_a_window_that_is_over_is_one(
    yard: Yard,
) -> None:
    for minute in range(0, 60, 10):
        begin = MS + minute * 60_000
        yard.clock.advance(minutes=10)
        await yard.feeds(begin, begin + 600_000)
    assert await yard.packs(MS + HOUR + 15 * 60_000) == [(MS, 240)] * 3

    for number in range(1, 4):
        yard.clock.advance(hours=1)
        await yard.feeds(MS + number * HOUR, MS + (number + 1) * HOUR)
    before = await yard.packs(MS + WINDOW + 14 * 60_000)
    assert before == [(MS + number * HOUR, 240) for number in range(4)] * 3
    assert await yard.packs(MS + WINDOW + 15 * 60_000) == [(MS, 960)] * 3
    assert await yard.reads() == yard.sent


async def test_a_run_ends_in_time_and_the_next_goes_on(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.packing.SLICE", WINDOW // HOUR)
    monkeypatch.setattr("metrics.packing.LONGEST", 0.0)
    await yard.feeds(MS - WINDOW, MS, step=60_000)
    for done in (1, 2, 3, 3):
        assert len(await yard.packs(MS + HOUR)) == done + 4 * (3 - done)
    assert await yard.reads() == yard.sent


async def test_it_rests_where_samples_come_in_meanwhile_and_nowhere_else(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.packing.SLICE", WINDOW // HOUR)
    monkeypatch.setattr("metrics.packing.REST", 1e6)
    monkeypatch.setattr("metrics.packing.RESTS_MOST", 3600.0)
    await yard.feeds(MS - 2 * WINDOW, MS - WINDOW, step=60_000)
    assert len(await asyncio.wait_for(yard.packs(MS + HOUR), 60)) == 3

    await yard.feeds(MS - WINDOW, MS, step=60_000)
    async with yard.db.transaction() as flush:
        await lock(flush, *chunks.WRITING)
        packing = asyncio.create_task(yard.store.upkeep.pack(yard.clock()))
        await asyncio.sleep(0.2)
        body = write_request([HOSTS[0]], [MS], [1.0])
        await yard.store.append(body, port="remote_write", client="acme", now=yard.clock())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(packing, 1)


async def test_late_samples_join_the_window_and_count_for_more(yard: Yard) -> None:
    begin = MS - WINDOW
    await yard.feeds(begin, MS)
    assert await yard.packs(MS + HOUR) == [(begin, 960)] * 3

    await yard.feeds(begin + 7 * STEP, begin + 9 * STEP, HOSTS[0], value=-1)
    await yard.feeds(begin + HOUR + 1, begin + HOUR + STEP, HOSTS[0], value=-2)
    assert await yard.packs(MS + 2 * HOUR) == [(begin, 961), (begin, 960), (begin, 960)]
    assert await yard.reads() == yard.sent


async def test_a_chunk_of_a_window_holds_no_more_than_any_other(yard: Yard) -> None:
    begin = MS - WINDOW
    await yard.feeds(begin, MS)
    await yard.feeds(begin + 5_000, MS, HOSTS[0])
    made = await yard.packs(MS + HOUR)
    assert [count for _, count in made] == [1024, 896, 960, 960]
    assert await yard.reads() == yard.sent


async def test_what_comes_by_the_hundred_is_left_as_it_came_until_something_late_joins(
    yard: Yard,
) -> None:
    for minute in (0, 10):
        begin = MS + minute * 60_000
        yard.clock.advance(minutes=10)
        await yard.feeds(begin, begin + 600_000, HOSTS[0], step=1_000)
    assert await yard.packs(MS + 2 * HOUR) == [(MS, 600), (MS + 600_000, 600)]

    await yard.feeds(MS + 300_500, MS + 300_501, HOSTS[0])
    assert [count for _, count in await yard.packs(MS + 2 * HOUR)] == [601, 600]
    assert await yard.reads() == yard.sent


async def test_small_ones_that_follow_each_other_become_one_and_the_large_ones_stay(
    yard: Yard,
) -> None:
    seconds = [0, 100, 200, 800, 900, 1500]
    for begin, end in pairwise(seconds):
        yard.clock.advance(minutes=10)
        await yard.feeds(MS + begin * 1000, MS + end * 1000, HOSTS[0], step=1_000)
    before = await yard.numbers()

    assert [count for _, count in await yard.packs(MS + 2 * HOUR)] == [200, 600, 100, 600]
    assert (await yard.numbers())[1:] == before[2:]
    assert await yard.reads() == yard.sent
    assert await yard.packs(MS + 3 * HOUR) == await yard.packs(MS + 2 * HOUR)


async def test_of_two_words_on_a_moment_the_later_counts_however_they_are_packed(
    yard: Yard,
) -> None:
    yard.clock.advance(minutes=20)
    await yard.feeds(MS, MS + 600_000, HOSTS[0], step=1_000)
    await yard.feeds(MS + 590_000, MS + 640_000, HOSTS[0], step=1_000, value=-1)
    await yard.feeds(MS + 630_000, MS + 650_000, HOSTS[0], step=1_000, value=-2)
    assert [count for _, count in await yard.packs(MS + 2 * HOUR)] == [650]
    assert await yard.reads() == yard.sent
