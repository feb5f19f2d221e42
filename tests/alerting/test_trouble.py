"""What goes wrong between memory and the database heals, and stays with its client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from alerting import commands
from alerting.tables import Alert, SetAside
from kit.db import Database, lock
from metrics.batch import Position
from tests.support.alerts import add_clients, rule
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching

RAISE = """
CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN
  IF {condition} THEN RAISE EXCEPTION 'no, not this one'; END IF; RETURN NEW;
END $$ LANGUAGE plpgsql"""
TRIGGER = (
    "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION refuse()"
)


async def refuse(db: Database, condition: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(text(RAISE.format(condition=condition)))
        await tx.execute(text(TRIGGER))


async def allow(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(text("DROP FUNCTION IF EXISTS refuse CASCADE"))


@pytest.fixture
async def world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Watching]:
    await add_clients(db, *CLIENTS)
    watching = Watching(db, tmp_path, clock)
    await watching.open(rule())
    yield watching
    await allow(db)
    await watching.close()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to that within five seconds")


async def hosts(db: Database) -> list[str]:
    async with db.snapshot() as session:
        rows = await session.scalars(select(Alert))
        return sorted(f"{row.client} {row.labels['host']}" for row in rows)


async def test_one_bad_row_is_set_aside_and_the_rest_of_the_batch_passes(
    world: Watching, db: Database
) -> None:
    await refuse(db, "NEW.labels->>'host' = 'h5'")
    for number in range(10):
        await world.takes("disk_used", 95, host=f"h{number}")
    await world.evaluator.settle()

    assert await hosts(db) == [f"acme h{n}" for n in range(10) if n != 5]
    assert world.evaluator.gauges(world.clock())["set_aside"] == 1
    async with db.snapshot() as session:
        (row,) = await session.scalars(select(SetAside))
    assert "h5" in row.labels
    assert "no, not this one" in row.error


async def test_what_was_set_aside_is_tried_again_at_the_sweep_and_heals(
    world: Watching, db: Database
) -> None:
    await refuse(db, "NEW.labels->>'host' = 'h1'")
    for host in ("h1", "h2"):
        await world.takes("disk_used", 95, host=host)
    await world.evaluator.settle()
    await world.passes(seconds=15)
    await world.pushes("disk_used", 95, host="h1")
    assert world.evaluator.gauges(world.clock())["set_aside_total"] == 1

    await world.sweeps()
    assert world.evaluator.gauges(world.clock())["set_aside_total"] == 2
    await allow(db)
    await world.sweeps()
    assert await hosts(db) == ["acme h1", "acme h2"]
    assert world.evaluator.gauges(world.clock())["set_aside"] == 0
    async with db.snapshot() as session:
        assert (await session.scalars(select(SetAside))).all() == []


async def test_a_transaction_that_failed_is_tried_again_until_it_passes(
    world: Watching, db: Database
) -> None:
    await refuse(db, "true")
    for number in range(30):
        await world.takes("disk_used", 95, host=f"h{number}")
    world.evaluator.drain()
    await until(lambda: world.evaluator.gauges(world.clock())["clients_failing"] == 1)
    assert world.told == []

    await allow(db)
    await world.evaluator.settle()
    await world.sweeps()
    assert world.told == ["acme disk fired P2"] * 30


async def test_what_rises_and_falls_while_the_database_refuses_is_told_in_order(
    world: Watching, db: Database
) -> None:
    async with db.transaction() as tx:
        await tx.execute(text("ALTER TABLE alerts RENAME TO gone"))
    await world.takes("disk_used", 95, ago=3)
    world.evaluator.drain()
    await asyncio.sleep(0.05)
    await world.takes("disk_used", 20, ago=2)
    world.evaluator.drain()
    async with db.transaction() as tx:
        await tx.execute(text("ALTER TABLE gone RENAME TO alerts"))
    await world.evaluator.settle()
    assert world.told == ["acme disk fired P2", "acme disk resolved -"]


async def test_a_client_whose_rows_are_refused_delays_no_other(
    world: Watching, db: Database
) -> None:
    await refuse(db, "NEW.client = 'acme'")
    running = asyncio.create_task(world.evaluator.run())
    for number in range(20):
        await world.takes("disk_used", 95, host=f"h{number}", client="acme")
    await world.takes("disk_used", 95, host="h", client="bolt")

    async with asyncio.timeout(1):
        await until(lambda: "bolt disk fired P2" in world.told)
    assert "acme disk fired P2" not in world.told
    await allow(db)
    await until(lambda: "acme disk fired P2" in world.told)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_client_whose_transaction_hangs_delays_no_other(
    world: Watching, db: Database
) -> None:
    running = asyncio.create_task(world.evaluator.run())
    async with db.transaction() as tx:
        await lock(tx, "client", "acme")
        await world.takes("disk_used", 95, host="h", client="acme")
        await world.takes("disk_used", 95, host="h", client="bolt")
        async with asyncio.timeout(1):
            await until(lambda: "bolt disk fired P2" in world.told)
        assert world.told == ["bolt disk fired P2"]
    await until(lambda: "acme disk fired P2" in world.told)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_the_journal_is_kept_until_what_it_holds_is_carried(
    world: Watching, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[Position] = []
    monkeypatch.setattr(world.store, "release", released.append)
    await world.pushes("disk_used", 20, host="a")
    before = world.store.position
    async with db.transaction() as tx:
        await lock(tx, "client", "acme")
        await world.takes("disk_used", 95, host="a")
        world.evaluator.drain()
        await world.evaluator.sweep(world.clock())
        assert released == [before]
    await world.evaluator.settle()
    await world.sweeps()
    assert released[-1] == world.store.position


async def test_rules_that_cannot_be_changed_now_go_on_as_they_were(
    world: Watching, db: Database
) -> None:
    async with db.transaction() as tx:
        await tx.execute(text("ALTER TABLE alerts RENAME TO gone"))
    with pytest.raises(DBAPIError):
        await world.evaluator.reload([], world.directory, now=world.clock())
    async with db.transaction() as tx:
        await tx.execute(text("ALTER TABLE gone RENAME TO alerts"))
    await world.pushes("disk_used", 95)
    assert world.told == ["acme disk fired P2"]


async def test_whose_alerts_cannot_be_written_is_known(
    world: Watching, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refuse(db, "NEW.labels->>'host' = 'h1'")
    await world.pushes("disk_used", 95, host="h1", client="acme")
    with monkeypatch.context() as broken:
        broken.setattr(commands, "observe", None)
        await world.pushes("disk_used", 95, host="h2", client="bolt")
    assert world.evaluator.unwritten == ["acme"]  # once is no trouble yet
    world.clock.advance(seconds=10)
    assert world.evaluator.unwritten == ["acme", "bolt"]

    await allow(db)
    await world.sweeps()
    assert world.evaluator.unwritten == []
    assert world.told == ["acme disk fired P2", "bolt disk fired P2"]


async def test_an_alert_whose_series_was_lost_ends_when_it_comes_back(
    world: Watching, db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    await world.pushes("disk_used", 95, host="a")
    after = Watching(db, tmp_path / "anew", clock)  # no chunk held it, and the journal is gone
    await after.open(rule())
    await after.passes(seconds=15)
    await after.pushes("disk_used", 20, host="a")
    await after.close()
    assert after.told == ["acme disk resolved -"]
