"""Overload: a sender is told to come again before anything is in danger; nothing kept is lost."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Overloaded
from metrics.labels import Limits
from metrics.load import PUT_OFF_FOR, Load, limits_here, memory_there
from metrics.matchers import Matcher, Op
from metrics.ports.encode import write_request
from metrics.store import Store
from tests.support.clock import NOON
from tests.support.samples import series

MS = milliseconds(NOON)
ALL = [Matcher("client", Op.EQUAL, "acme")]


@pytest.fixture
async def store(tmp_path: Path, db: Database) -> AsyncIterator[Store]:
    limits = Limits(pending=300, flush_at=100, held=200)
    store = Store(tmp_path, db, known_clients=lambda: {"acme"}, limits=limits)
    store.journal.spare_bytes = 0
    await store.open(NOON)
    yield store
    await store.close()


async def sends(store: Store, first: int, count: int, *, seconds: int = 0) -> None:
    of = [series("disk", host="a")] * count
    body = write_request(of, range(MS + first, MS + first + count), [1.5] * count)
    now = NOON + timedelta(seconds=seconds)
    await store.append(body, port="remote_write", client="acme", now=now)


def test_bodies_count_while_they_are_read_and_too_many_are_put_off() -> None:
    load = Load(lambda: Limits(reading=100))
    with load.body(NOON) as came:
        came(60)
        with pytest.raises(Overloaded) as refused, load.body(NOON) as another:
            another(30)
            another(30)
        assert refused.value.retry_after == 1
        assert load.bytes == 60
    assert load.bytes == 0
    assert load.put_off["bodies"] == 1


def test_for_a_minute_it_is_said_why_senders_were_put_off() -> None:
    load = Load(Limits)
    load.ask(lambda: True)
    with pytest.raises(Overloaded, match="the rules"):
        load.admit(0, NOON)
    assert load.said(NOON) == "rules"
    assert load.said(NOON + 2 * PUT_OFF_FOR) is None


def test_limits_fit_the_machine() -> None:
    limits = limits_here()
    assert limits.flush_at < limits.pending
    assert max(limits.pending, limits.held) * 16 + limits.pressed <= memory_there() / 4


async def test_samples_are_refused_while_the_rules_have_too_much_to_look_at(store: Store) -> None:
    crowded = True
    store.load.ask(lambda: crowded)
    with pytest.raises(Overloaded):
        await sends(store, 0, 10)
    crowded = False
    await sends(store, 0, 10)
    assert store.pending == 10


async def test_what_is_pending_is_told_with_its_age(store: Store) -> None:
    await sends(store, 0, 10)
    await sends(store, 10, 10, seconds=5)
    told = store.behind(NOON + timedelta(seconds=30))
    assert (told.samples, told.oldest, told.put_off) == (20, timedelta(seconds=30), None)
    await store.flush(NOON + timedelta(seconds=31))
    assert store.behind(NOON + timedelta(seconds=60)).samples == 0


async def test_a_full_memory_asks_for_a_flush_and_then_takes_more(store: Store) -> None:
    for start in range(0, 301, 43):
        await sends(store, start, 43)
    assert store.full
    with pytest.raises(Overloaded):
        await sends(store, 900, 1)
    assert store.load.put_off["database"] == 1
    await store.flush(NOON)
    assert not store.full
    await sends(store, 900, 1)


async def test_memory_keeps_no_more_than_its_measure_and_reads_find_the_rest(store: Store) -> None:
    for start in range(0, 1200, 100):
        await sends(store, start, 100)
        await store.flush(NOON)
    assert store._head.sealed.blocks * store._head.sealed.width <= 200
    found = await store.read(ALL, MS, MS + 2000)
    assert len(found.times) == 1200


async def test_the_journal_keeps_no_more_than_memory_holds(store: Store) -> None:
    for second in range(20):
        await sends(store, 1000 * second, 100, seconds=second)
        await store.flush(NOON + timedelta(seconds=second))
    assert store.journal.segments <= 5
    found = await store.read(ALL, MS, MS + 60_000)
    assert len(found.times) == 2000
