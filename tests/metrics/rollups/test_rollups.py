"""Rollups in a store: made once, made again, read beside raw samples, kept when those are gone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from kit.clock import milliseconds
from kit.db import Database
from metrics import chunks
from metrics.asked import Resolution, Span
from metrics.columns import Labels
from metrics.partitions import DAY
from metrics.ports.encode import write_request
from metrics.promql.evaluation import evaluate
from metrics.promql.plan import compile
from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Terms
from metrics.resolution import gathered, picked
from metrics.rollups import making, rows
from metrics.rollups.steps import FIVE_MINUTES, HOUR, STEPS
from metrics.store import Store
from metrics.tables import Chunk, Rollup1h, Rollup5m, RollupDay
from tests.support import rolling
from tests.support.clock import FakeClock
from tests.support.rolling import MINUTE, alike
from tests.support.samples import series
from tests.support.shelf import Points
from tests.support.stores import killed

START = datetime(2026, 3, 2, tzinfo=UTC)
MS = milliseconds(START)
HITS, LOAD = series("hits_total", host="a"), series("load", host="a")
QUERIES = (
    *("increase(hits_total[2h])", "rate(hits_total[1h])", "avg_over_time(load[3h])"),
    *("max_over_time(load[1h])", "min_over_time(load[1h])", "count_over_time(load[1h])"),
    *("sum_over_time(load[1h])", "last_over_time(load[1h])", "load", "sum(hits_total)"),
)


class Yard:
    """A store of a client that is fed through days, and asked from raw samples and from steps."""

    def __init__(self, folder: Path, db: Database, **given: object) -> None:
        self.folder, self.db, self.given = folder, db, given
        self.clock = FakeClock(START)
        self.store = self._store()

    def _store(self) -> Store:
        known = {"acme"}
        made = Store(self.folder, self.db, known_clients=lambda: known, **self.given)  # type: ignore[arg-type]
        made.journal.spare_bytes = 0
        return made

    async def sends(self, labels: Labels, points: Points) -> int:
        times, values = zip(*points, strict=True)
        body = write_request([labels] * len(times), times, values)
        got = await self.store.append(body, port="remote_write", client="acme", now=self.clock())
        return got.samples

    async def flush(self) -> None:
        await self.store.flush(self.clock())

    async def roll(self) -> None:
        """Let all be written and rolled up that is to be."""
        await self.flush()
        self.clock.advance(minutes=30)
        await self.flush()
        await self.store.upkeep.roll(self.clock())

    async def restart(self) -> None:
        """End as kill -9 does, and start again."""
        await killed(self.store)
        self.store = self._store()
        await self.store.open(self.clock())

    async def asks(
        self,
        query: str,
        resolution: Resolution,
        *,
        start: int = MS,
        end: int | None = None,
        step: int = HOUR.ms,
    ) -> tuple[list[list[float | None]], list[str]]:
        """Return what a range query gives, and what is said beside it."""
        plan, terms = compile(query), Terms()
        span = Span(start, milliseconds(self.clock()) // step * step if end is None else end, step)
        rolled = picked(self.store, plan, span, resolution, terms=terms)
        data = await gathered(self.store, plan, span, rolled, terms=terms)
        found = evaluate(
            plan, data, start_ms=span.start_ms, end_ms=span.end_ms, step_ms=step, terms=terms
        )
        lines = [
            [float(v) if p else None for v, p in zip(values, present, strict=True)]
            for values, present in zip(found.values, found.present, strict=True)
        ]
        return [line for line in lines if line != [None] * len(line)], list(terms.notes.infos)

    async def agrees(self) -> None:
        """Say the same from steps as from raw samples, whatever is asked."""
        for query in QUERIES:
            raw, _ = await self.asks(query, Resolution.RAW)
            for one in (Resolution.FIVE_MINUTES, Resolution.HOUR, Resolution.AUTO):
                rolled, said = await self.asks(query, one)
                assert alike(rolled, raw, near=1e-9), (query, one, rolled, raw)
                assert any("rollups" in each for each in said)

    async def made(self) -> list[int]:
        """Return the days that can be read from rollups, as numbers from the first day on."""
        async with self.db.snapshot() as session:
            stmt = select(RollupDay.day).where(RollupDay.made == RollupDay.touched)
            return sorted(day - MS // DAY for day in (await session.scalars(stmt)).all())

    async def rows(self, table: type[Rollup5m | Rollup1h | Chunk]) -> int:
        async with self.db.snapshot() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0


def once_read(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Awaitable[None]]) -> None:
    """Have `work` done when chunks are read the next time, before anything is made of them."""
    real = chunks.read

    async def read(*given: Any) -> object:
        found = await real(*given)
        monkeypatch.setattr(chunks, "read", real)
        await work()
        return found

    monkeypatch.setattr(chunks, "read", read)


@pytest.fixture
async def yard(tmp_path: Path, db: Database) -> AsyncIterator[Yard]:
    yard = Yard(tmp_path, db)
    await yard.store.open(yard.clock())
    yield yard
    await yard.store.close()


def minutely(value: float, *, start: int, count: int, apart: int = 10 * MINUTE) -> Points:
    return [(start + at * apart, value + at % 7) for at in range(count)]


async def fed(yard: Yard, days: int = 2) -> None:
    """Let days pass with two series, a counter that begins again twice a day among them."""
    for half in range(2 * days):
        start = milliseconds(yard.clock())
        counted = [(start + at * 10 * MINUTE, float(at)) for at in range(72)]
        yard.clock.advance(hours=12)
        await yard.sends(HITS, counted)
        await yard.sends(LOAD, minutely(half, start=start, count=72))
        await yard.flush()
    yard.clock.advance(hours=3)
    await yard.flush()


async def test_days_that_are_over_are_rolled_up_once_and_say_the_same(yard: Yard) -> None:
    await fed(yard)
    await yard.sends(HITS, [(milliseconds(yard.clock()), 5.0)])  # in memory alone
    await yard.store.upkeep.pack(yard.clock())

    await yard.store.upkeep.roll(yard.clock())

    # what was sampled at the very midnight ends the day before
    assert await yard.made() == [-1, 0, 1]
    assert await yard.rows(Rollup5m) == await yard.rows(Rollup1h) == 6
    await yard.agrees()
    async with yard.db.snapshot() as session:
        for one in STEPS:
            assert not await session.scalar(text(f"SELECT count(*) FROM {one.table.rest}"))
    assert await yard.store.upkeep._making.run(yard.clock()) == 0


async def test_before_anything_is_rolled_up_steps_say_what_raw_samples_say(yard: Yard) -> None:
    await fed(yard, days=1)

    await yard.agrees()


@pytest.mark.parametrize("flushed", [False, True])
async def test_old_samples_that_come_late_are_in_every_answer_and_are_rolled_up(
    yard: Yard, flushed: bool
) -> None:
    await fed(yard)
    await yard.roll()
    made = await yard.made()
    await yard.sends(LOAD, [(MS + 90 * MINUTE + 1, 1000.0), (MS + DAY, 2000.0)])
    if flushed:
        await yard.flush()
        assert await yard.made() == [day for day in made if day != 0]

    await yard.agrees()

    await yard.roll()
    assert await yard.made() == made
    await yard.agrees()
    found, _ = await yard.asks("max_over_time(load[1h])", Resolution.HOUR)
    assert found[0][2] == 1000.0
    assert found[0][24] == 2000.0


async def test_a_day_that_is_still_written_to_waits(yard: Yard) -> None:
    await fed(yard)
    await yard.roll()
    await yard.sends(LOAD, [(MS + 90 * MINUTE, 1000.0)])
    await yard.flush()

    await yard.store.upkeep.roll(yard.clock())
    assert 0 not in await yard.made()
    yard.clock.advance(minutes=16)
    await yard.store.upkeep.roll(yard.clock())
    assert 0 in await yard.made()


async def test_where_there_is_much_to_do_some_is_left_for_the_next_time(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fed(yard, days=3)
    yard.clock.advance(minutes=30)
    monkeypatch.setattr(making, "AT_ONCE", 3)

    await yard.store.upkeep.roll(yard.clock())
    assert await yard.made() == [-1, 0]
    await yard.agrees()
    await yard.store.upkeep.roll(yard.clock())
    assert await yard.made() == [-1, 0, 1, 2]
    await yard.agrees()


async def test_cut_off_in_the_middle_it_is_done_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fed(yard)
    yard.clock.advance(minutes=30)
    monkeypatch.setattr(making, "SLICE", 1)
    real, calls = rows.write, 0

    async def cut(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise ConnectionError("the machine is gone")
        await real(*given)

    monkeypatch.setattr(rows, "write", cut)
    with pytest.raises(ConnectionError):
        await yard.store.upkeep.roll(yard.clock())
    await yard.restart()
    await yard.agrees()

    await yard.store.upkeep.roll(yard.clock())
    assert {0, 1} <= set(await yard.made())
    assert await yard.rows(Rollup5m) == 6
    await yard.agrees()


async def test_samples_that_come_while_a_day_is_made_make_it_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fed(yard)
    yard.clock.advance(minutes=30)

    async def late() -> None:
        await yard.sends(LOAD, [(MS + 90 * MINUTE, 1000.0)])
        await yard.flush()

    once_read(monkeypatch, late)
    await yard.store.upkeep.roll(yard.clock())

    assert 0 not in await yard.made()
    await yard.agrees()


async def test_what_was_taken_away_is_in_no_rollup(yard: Yard) -> None:
    await fed(yard)
    await yard.roll()
    await yard.store.delete("acme", by="li", now=yard.clock())

    found, _ = await yard.asks("sum(count_over_time(load[1h]))", Resolution.AUTO)
    assert found == []
    await yard.store.upkeep.clear(yard.clock())
    assert await yard.rows(Rollup5m) == await yard.rows(Rollup1h) == await yard.rows(Chunk) == 0
    await yard.sends(LOAD, [(MS + 90 * MINUTE, 7.0)])
    await yard.roll()
    found, _ = await yard.asks("max_over_time(load[1h])", Resolution.AUTO)
    assert found[0][2] == 7.0
    await yard.agrees()


async def test_a_series_cleared_while_it_is_rolled_up_leaves_nothing(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fed(yard)
    yard.clock.advance(minutes=30)

    async def taken_away() -> None:
        await yard.store.delete("acme", by="li", now=yard.clock())
        await yard.store.upkeep.clear(yard.clock())

    once_read(monkeypatch, taken_away)
    await yard.store.upkeep.roll(yard.clock())

    assert await yard.rows(Rollup5m) == 0


async def test_when_raw_samples_are_gone_rollups_answer_and_say_so(
    tmp_path: Path, db: Database
) -> None:
    kept = {FIVE_MINUTES.name: timedelta(days=20), HOUR.name: timedelta(0)}
    yard = Yard(tmp_path, db, retention=timedelta(days=2), kept=kept)
    await yard.store.open(yard.clock())
    await fed(yard)
    end = milliseconds(yard.clock()) // HOUR.ms * HOUR.ms
    wanted = [await yard.asks(query, Resolution.RAW, end=end) for query in QUERIES]
    yard.clock.advance(days=3)
    await yard.flush()

    await yard.store.upkeep.retain(yard.clock())

    assert await yard.rows(Chunk) == 0
    for query, (raw, _) in zip(QUERIES, wanted, strict=True):
        usual, said = await yard.asks(query, Resolution.USUAL, end=end)
        assert alike(usual, raw, near=1e-9), query
        assert said[0] == "PromQL info: computed from 5m rollups"
    assert (await yard.asks("load", Resolution.RAW, end=end))[0] == []
    with pytest.raises(NotComputable, match=r"from 5m rollups.*quantile_over_time\(\) needs"):
        await yard.asks("quantile_over_time(0.5, load[1h])", Resolution.USUAL, end=end)
    with pytest.raises(NotComputable, match="start is not a whole number"):
        await yard.asks("load", Resolution.USUAL, start=MS + 1, end=end)

    # a day whose raw samples went is not made of the little that may still come
    yard.store.retention = timedelta(days=400)
    await yard.sends(LOAD, [(MS + 90 * MINUTE, 1000.0)])
    await yard.roll()
    usual, _ = await yard.asks("count_over_time(load[1h])", Resolution.USUAL, end=end)
    assert alike(usual, wanted[QUERIES.index("count_over_time(load[1h])")][0])

    yard.clock.advance(days=20)
    await yard.store.upkeep.retain(yard.clock())
    usual, said = await yard.asks("load", Resolution.USUAL, end=end)
    assert alike(usual, wanted[QUERIES.index("load")][0])
    assert said == ["PromQL info: computed from 1h rollups"]
    with pytest.raises(NotComputable, match="5m rollups are kept since 2026-03-07T00:00Z only"):
        await yard.asks("load", Resolution.FIVE_MINUTES, end=end)
    with pytest.raises(NotComputable, match="from 1h rollups"):
        await yard.asks("load", Resolution.USUAL, end=end, step=FIVE_MINUTES.ms)
    await yard.restart()
    assert alike((await yard.asks("load", Resolution.USUAL, end=end))[0], usual)
    await yard.store.close()


async def test_kept_equally_long_nothing_is_refused_that_was_not_before(
    tmp_path: Path, db: Database
) -> None:
    kept = {step.name: timedelta(days=2) for step in STEPS}
    yard = Yard(tmp_path, db, retention=timedelta(days=2), kept=kept)
    await yard.store.open(yard.clock())
    await fed(yard, days=3)
    yard.clock.advance(days=1)
    await yard.store.upkeep.retain(yard.clock())

    found, said = await yard.asks("quantile_over_time(0.5, load[1h])", Resolution.USUAL)

    assert (len(found), said) == (1, [])
    assert yard.store.steps is not None
    assert len(set(yard.store.steps.since.values())) == 1
    await yard.store.close()


async def test_no_raw_day_goes_before_it_is_rolled_up(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard = Yard(tmp_path, db, retention=timedelta(days=2))
    await yard.store.open(yard.clock())
    await fed(yard)
    yard.clock.advance(days=3)

    async def nothing(*_: object, **__: object) -> int:
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(making.Making, "run", nothing)
        before = await yard.rows(Chunk)
        await yard.store.upkeep.retain(yard.clock())
        assert await yard.rows(Chunk) == before > 0
    await yard.store.upkeep.retain(yard.clock())
    assert await yard.rows(Chunk) == 0
    await yard.store.close()


MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("sends"),
            rolling.points(st.integers(0, 30).map(float), most=2 * DAY, start=MS),
        ),
        *(st.tuples(st.just(move), st.none()) for move in ("flush", "roll", "pack", "restart")),
    ),
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=MOVES, chosen=st.sampled_from(("sum_over_time", "increase", "max_over_time")))
async def test_whatever_comes_in_whatever_order_steps_say_what_a_plain_list_says(
    tmp_path_factory: pytest.TempPathFactory,
    db: Database,
    moves: list[tuple[str, Points | None]],
    chosen: str,
) -> None:
    await emptied(db)
    yard = Yard(tmp_path_factory.mktemp("yard"), db)
    yard.clock.advance(days=2, hours=5)
    await yard.store.open(yard.clock())
    model: dict[int, float] = {}
    for move, sent in moves:
        if move == "sends" and sent:
            await yard.sends(HITS, sent)
            model |= dict(sent)
        elif move == "pack":
            await yard.store.upkeep.pack(yard.clock())
        elif move in ("flush", "roll", "restart"):
            await getattr(yard, move)()
    points = sorted(model.items())
    for resolution in (Resolution.FIVE_MINUTES, Resolution.HOUR):
        found, _ = await yard.asks(f"{chosen}(hits_total[2h])", resolution)
        (line,) = found or [[]]
        for place, value in enumerate(line):
            end = MS + place * HOUR.ms
            assert alike([[value]], [[said_of(chosen, points, end)]], near=1e-9)
        assert line or all(said_of(chosen, points, MS + at * HOUR.ms) is None for at in range(53))
    await yard.store.close()


def said_of(name: str, points: Points, end: int) -> float | None:
    if name == "increase":
        return rolling.increase(points, end - 2 * HOUR.ms, end)
    inside = rolling.window(points, end - 2 * HOUR.ms, end)
    return rolling.PLAIN[name](inside) if inside else None


async def emptied(db: Database) -> None:
    tables = "chunks, series, rollups_5m, rollups_1h, rollup_days, kept_since, journal_marks"
    async with db.transaction() as tx:
        for table in tables.split(", "):
            await tx.execute(text(f"DELETE FROM {table}"))


def test_columns_of_the_table_are_the_parts() -> None:
    for table in (Rollup5m, Rollup1h):
        names = [column.name for column in table.__table__.columns]
        assert names == FIVE_MINUTES.table.columns.split(", ") == HOUR.table.columns.split(", ")
