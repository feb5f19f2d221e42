"""The way to an engine that refuses, puts off, hangs, breaks off or forgets: nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Overloaded
from metrics.columns import NAME, Enough
from metrics.engine import client, forwarding
from metrics.engine.client import Engine
from metrics.engine.store import EngineStore
from metrics.matchers import Matcher, Op
from metrics.ports.encode import write_request
from tests.support.clock import NOON, FakeClock
from tests.support.samples import series
from tests.support.scripted_engine import Point, Said, ScriptedEngine, takes
from tests.support.trouble import until

MS = milliseconds(NOON)
SERIES = 200
BAD = 666.0


@dataclass
class Way:
    """A store, and the engine that it forwards to."""

    store: EngineStore
    engine: ScriptedEngine

    async def sends(self, values: dict[str, float], at: int) -> None:
        """Have samples of one moment taken, `at` ms after noon."""
        labels = [series("steps", n=name) for name in values]
        body = write_request(labels, [MS + at] * len(values), list(values.values()))
        await self.store.append(body, port="remote_write", client="acme", now=NOON)

    async def fleet(self, value: float, at: int) -> None:
        """Have one sample of each of many series taken: those bodies have a form."""
        await self.sends({f"f{n}": value for n in range(SERIES)}, at)

    async def has(self, name: str, *values: float, within: float = 10) -> None:
        """Wait until the engine has these values of a series, each of them once."""
        await until(lambda: self.engine.values().get(name, []) == list(values), within=within)


@pytest.fixture
async def way(tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Way]:
    monkeypatch.setattr(forwarding, "SETTLES", 0.05)
    monkeypatch.setattr(forwarding, "LONGEST_DELAY", 0.2)
    monkeypatch.setattr(client, "WRITES_WITHIN", 0.5)
    async with ScriptedEngine() as engine:
        store = EngineStore(
            tmp_path,
            db,
            Engine(engine.url),
            clock=FakeClock(),
            known_clients=lambda: {"house", "acme"},
            buffer=100_000,
        )
        await store.open(NOON)
        forwards = asyncio.create_task(store.forwarder.run())
        yield Way(store, engine)
        forwards.cancel()
        await asyncio.wait([forwards])
        await store.close()


@dataclass
class Once:
    """Answers in one way the first time, and then takes everything."""

    first: Said
    asked: int = 0

    def __call__(self, _: list[Point]) -> Said:
        self.asked += 1
        return self.first if self.asked == 1 else Said()


def refuses_bad(points: list[Point]) -> Said:
    """Refuse all of a request for one sample."""
    bad = any(value == BAD for _, _, value in points)
    return Said(400, keeps=False) if bad else Said()


async def test_what_comes_again_and_again_arrives_in_order(way: Way) -> None:
    for step in range(5):
        await way.fleet(step, at=step * 100)

    await way.has("f0", 0, 1, 2, 3, 4)
    await way.has(f"f{SERIES - 1}", 0, 1, 2, 3, 4)


@pytest.mark.parametrize("many", [False, True], ids=["a few", "a fleet"])
async def test_a_sample_that_is_refused_stops_no_other(way: Way, many: bool) -> None:
    way.engine.does = refuses_bad
    rest = {f"f{n}": 1.0 for n in range(SERIES if many else 3)}
    await way.sends({**rest, "bad": BAD}, at=0)
    await way.sends({**rest, "bad": 2.0}, at=100)

    await way.has("bad", 2.0)
    await way.has("f0", 1.0, 1.0)
    assert len(way.engine.values()) == len(rest) + 1
    assert way.store.forwarder.counts["refused"] == 1
    assert way.store.forwarder.trouble is None


async def test_samples_out_of_order_are_refused_alone(way: Way) -> None:
    def rising(points: list[Point]) -> Said:
        newest = {name: at for name, at, _ in sorted(way.engine.kept)}
        late = any(at <= newest.get(name, 0) for name, at, _ in points)
        return Said(400, keeps=False) if late else Said()

    way.engine.does = rising
    await way.fleet(1, at=1000)
    await way.fleet(2, at=2000)
    await way.has("f0", 1, 2)
    await way.sends({"f0": 0.5}, at=500)
    await way.sends({"f1": -1.0}, at=-240_000)  # too old
    await way.fleet(3, at=3000)

    await way.has("f0", 1, 2, 3)
    await way.has("f1", 1, 2, 3)
    await until(lambda: way.store.forwarder.counts["refused"] == 2)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_engine_that_puts_us_off_is_left_alone_for_as_long_as_it_says(
    way: Way, status: int
) -> None:
    way.engine.does = Once(Said(status, keeps=False, headers={"Retry-After": "1"}))
    loop = asyncio.get_running_loop()
    await way.fleet(1, at=0)
    await until(lambda: len(way.engine.writes) == 1)
    began = loop.time()
    await way.has("f0", 1)

    assert loop.time() - began > 0.8
    assert way.store.forwarder.counts["failed"] == 1
    assert way.store.forwarder.counts["refused"] == 0


async def test_an_engine_that_hangs_is_given_up_and_asked_again(way: Way) -> None:
    way.engine.does = Once(Said(keeps=False, after=3600))
    await way.fleet(1, at=0)
    await until(lambda: way.store.forwarder.trouble is not None)
    await way.fleet(2, at=100)

    await way.has("f0", 1, 2)
    await until(lambda: way.store.forwarder.trouble is None)


async def test_what_an_engine_takes_but_says_too_late_is_not_sent_twice(way: Way) -> None:
    way.engine.does = Once(Said(after=3600))
    await way.fleet(1, at=0)
    await until(lambda: way.store.forwarder.trouble is not None)
    await way.fleet(2, at=100)

    await way.has("f0", 1, 2)
    await way.has("f199", 1, 2)
    assert way.engine.queries > 0


async def test_an_engine_that_breaks_off_in_the_middle_of_a_body_gets_it_again(way: Way) -> None:
    way.engine.breaks_off = 2
    await way.fleet(1, at=0)
    await way.fleet(2, at=100)

    await way.has("f0", 1, 2)


async def test_an_engine_that_forgot_what_it_took_last_gets_it_again(way: Way) -> None:
    await way.fleet(1, at=0)
    await way.has("f0", 1)
    await way.engine.__aexit__(None, None, None)
    way.engine.kept.clear()
    await way.fleet(2, at=100)
    await way.engine.__aenter__()

    await way.has("f0", 1, 2)


async def test_senders_are_put_off_before_the_journal_outgrows_its_bound(way: Way) -> None:
    way.engine.does = lambda _: Said(500, keeps=False)
    with pytest.raises(Overloaded) as refused:
        for step in range(1000):
            await way.fleet(step, at=step)
    assert refused.value.retry_after == 30
    assert way.store.journal.bytes_kept < 200_000

    way.engine.does = takes
    await until(lambda: not way.store.forwarder.bytes_behind)
    await way.fleet(-1, at=5000)
    await until(lambda: way.engine.values().get("f0", [])[-1:] == [-1.0])
    assert way.engine.values()["f0"] == [*range(step), -1.0]


@pytest.mark.parametrize(("enough", "samples"), [(Enough.ENDS, 4), (Enough.NEWEST, 1)])
async def test_of_a_series_just_met_rules_are_given_what_the_engine_alone_has(
    way: Way, enough: Enough, samples: int
) -> None:
    for step in range(3):
        await way.sends({"a": step, "b": step}, at=step * 1000)
    await way.has("a", 0, 1, 2)
    way.engine.kept += [(name, MS - 1000, -1.0) for name in ("a", "b")]

    refs = way.store.select([Matcher(NAME, Op.EQUAL, "steps")])
    found = await way.store.read_enough(refs, MS - 5000, MS + 5000, enough)
    assert np.diff(found.starts).tolist() == [samples] * 2
    assert found.times[[0, -1]].tolist() == [MS - 1000 if samples == 4 else MS + 2000, MS + 2000]
