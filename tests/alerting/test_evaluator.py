"""Samples in, transitions out, through the real store and the real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from alerting.tables import Alert, Progress
from kit.clock import milliseconds
from kit.db import Database
from metrics.columns import labels_of
from metrics.ports.encode import write_request
from tests.support.alerts import add_clients, rule
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching, directory


@pytest.fixture
async def world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Watching]:
    await add_clients(db, *CLIENTS)
    watching = Watching(db, tmp_path, clock)
    yield watching
    await watching.close()


async def test_a_sample_over_the_limit_fires_and_one_under_it_resolves(world: Watching) -> None:
    await world.open(rule())
    await world.pushes("disk_used", 95, host="a")
    await world.passes(seconds=15)
    await world.pushes("disk_used", 96, host="a")
    await world.passes(seconds=15)
    await world.pushes("disk_used", 20, host="a")

    assert world.told == ["acme disk fired P2", "acme disk resolved -"]
    fired = world.heard[0]
    assert (fired.labels, fired.value) == ({"client": "acme", "host": "a"}, 95.0)
    assert fired.at == fired.arrived


async def test_a_wait_is_over_by_time_alone_at_the_very_moment(world: Watching) -> None:
    await world.open(rule(P1={"above": 90, "for": "2m"}))
    start = world.clock()
    await world.pushes("disk_used", 95)
    await world.passes(minutes=1)
    assert world.told == []
    await world.passes(minutes=1, seconds=3)
    assert world.told == ["acme disk fired P1"]
    assert (world.heard[0].at - start).total_seconds() == 120


async def test_up_and_down_inside_one_drain_are_both_told(world: Watching) -> None:
    await world.open(rule())
    for ago, value in ((4, 95), (3, 20), (2, 99), (1, 20)):
        await world.takes("disk_used", value, ago=ago)
    await world.evaluator.settle()
    assert world.told == ["acme disk fired P2", "acme disk resolved -"] * 2


async def test_several_rules_read_one_series(world: Watching) -> None:
    await world.open(
        rule("disk"), rule("full", P1={"at_least": 99}), rule("any", '{__name__=~"disk_.*"}')
    )
    await world.pushes("disk_used", 95)
    assert sorted(world.told) == ["acme any fired P2", "acme disk fired P2"]
    await world.passes(seconds=15)
    await world.pushes("disk_used", 100)
    assert world.told[2:] == ["acme full fired P1"]


async def test_a_rule_holds_only_where_it_says(world: Watching) -> None:
    await world.open(
        rule("bolts", clients=["bolt"]),
        rule("core", core=True),
        rule("pos", systems=["acme/pos"]),
        rule("matched", 'disk_used{host!~"a.*"}'),
    )
    await world.pushes("disk_used", 95, host="a1", client="acme", system="pos")
    await world.pushes("disk_used", 95, host="a2", client="bolt")
    assert sorted(world.told) == ["acme core fired P2", "acme pos fired P2", "bolt bolts fired P2"]
    assert {t.system for t in world.heard} == {"pos", ""}


async def test_a_client_may_have_limits_of_its_own(world: Watching) -> None:
    world.directory = directory(disk={"P2": {"above": 97}})
    await world.open(rule())
    for client in ("acme", "bolt"):
        await world.pushes("disk_used", 95, client=client)
    assert world.told == ["bolt disk fired P2"]


async def test_history_is_never_paged(world: Watching) -> None:
    await world.open(rule())
    await world.pushes("disk_used", 20, ago=10)
    await world.pushes("disk_used", 95, ago=20)
    await world.pushes("disk_used", 95, ago=301, host="b")
    await world.sweeps()
    assert world.told == []
    assert world.evaluator.gauges(world.clock())["history_samples_total"] == 1


async def test_silence_is_unknown_and_has_a_priority_of_its_own(world: Watching) -> None:
    await world.open(rule(absent={"for": "10m", "priority": "P1"}, P2={"above": 90}))
    await world.pushes("disk_used", 95, host="a")
    await world.pushes("disk_used", 20, host="b")
    await world.passes(minutes=5)
    assert world.told == ["acme disk fired P2", "acme disk unknown P2"]
    await world.passes(minutes=10)
    assert sorted(world.told[2:]) == ["acme disk fired P1", "acme disk raised P1"]
    for host in ("a", "b"):
        await world.pushes("disk_used", 20, host=host)
    assert world.told[4:] == ["acme disk resolved -"] * 2


async def test_a_stale_marker_is_silence_at_once(world: Watching) -> None:
    await world.open(rule())
    await world.pushes("disk_used", 95)
    await world.passes(seconds=15)
    await world.pushes("disk_used", "NaN")
    assert world.told[1:] == ["acme disk unknown P2"]


async def test_a_restart_keeps_the_waits(db: Database, tmp_path: Path, clock: FakeClock) -> None:
    await add_clients(db, *CLIENTS)
    patient = rule(P1={"above": 90, "for": "5m"})
    first = Watching(db, tmp_path, clock)
    await first.open(patient)
    await first.pushes("disk_used", 95)
    await first.close()

    clock.advance(minutes=3)
    second = Watching(db, tmp_path, clock)
    await second.open(patient)
    await second.pushes("disk_used", 95)
    await second.passes(minutes=1, seconds=59)
    assert second.told == []
    await second.passes(seconds=1)
    assert second.told == ["acme disk fired P1"]
    await second.close()


async def test_after_our_own_start_silence_has_a_grace(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    await add_clients(db, *CLIENTS)
    first = Watching(db, tmp_path, clock)
    await first.open(rule())
    await first.pushes("disk_used", 95)
    await first.close()

    clock.advance(hours=1)
    second = Watching(db, tmp_path, clock)
    await second.open(rule())
    await second.passes(minutes=1, seconds=59)
    assert second.told == []
    await second.passes(seconds=1)
    assert second.told == ["acme disk unknown P2"]
    await second.pushes("disk_used", 20)
    assert second.told[1:] == ["acme disk resolved -"]
    await second.close()


async def test_a_storm_is_a_few_transactions(world: Watching) -> None:
    await world.open(rule())
    body = write_request(
        [labels_of({"__name__": "disk_used", "host": f"h{n}"}) for n in range(3000)],
        [milliseconds(world.clock())] * 3000,
        [95.0] * 3000,
    )
    await world.store.append(body, port="remote_write", client="acme", now=world.clock())
    await world.evaluator.settle()
    assert world.carried == [("acme", 1000)] * 3
    assert world.told == ["acme disk fired P2"] * 3000


async def test_a_replay_neither_fires_again_nor_skips(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    await add_clients(db, *CLIENTS)
    first = Watching(db, tmp_path, clock)
    await first.open(rule())
    await first.pushes("disk_used", 95, host="a", ago=3)
    await first.pushes("disk_used", 20, host="a", ago=2)
    for ago, value in ((3, 95), (2, 20), (1, 97)):  # in the journal, but never evaluated
        await first.takes("disk_used", value, host="b", ago=ago)
    await first.takes("disk_used", 95, host="a", client="bolt")
    await first.store.close()

    clock.advance(minutes=1)
    second = Watching(db, tmp_path, clock)
    await second.open(rule())
    assert sorted(first.told) == ["acme disk fired P2", "acme disk resolved -"]
    assert [t for t in second.told if t.startswith("acme")] == [
        "acme disk fired P2",
        "acme disk resolved -",
        "acme disk fired P2",
    ]
    assert {t.labels["host"] for t in second.heard if t.client == "acme"} == {"b"}
    assert second.told.count("bolt disk fired P2") == 1
    await second.close()


async def test_a_rule_that_goes_resolves_its_alerts_and_a_new_limit_counts_at_once(
    world: Watching,
) -> None:
    await world.open(rule("disk"), rule("space"))
    await world.pushes("disk_used", 95)
    await world.evaluator.reload(
        [rule("space", P1={"above": 94})], world.directory, now=world.clock()
    )
    await world.evaluator.settle()
    assert sorted(world.told[2:]) == ["acme disk resolved -", "acme space raised P1"]


async def test_an_expression_that_cannot_be_read_stops_no_other(world: Watching) -> None:
    await world.open(rule("broken", "sum("), rule("disk"))
    await world.pushes("disk_used", 95)
    assert world.told == ["acme disk fired P2"]
    assert "broken" in world.evaluator.broken


async def test_progress_is_written_with_the_alerts_and_at_the_sweep(
    world: Watching, db: Database
) -> None:
    await world.open(rule())
    await world.pushes("disk_used", 95, client="acme")
    await world.pushes("other", 1, client="bolt")
    await world.sweeps()
    async with db.snapshot() as session:
        rows = {row.client: row for row in await session.scalars(select(Progress))}
    assert set(rows) == {"acme", "bolt"}
    assert rows["bolt"].offset == world.store.position.offset


async def test_the_sweep_mends_rows_that_somebody_took_away(world: Watching, db: Database) -> None:
    await world.open(rule())
    await world.pushes("disk_used", 95)
    async with db.transaction() as tx:
        await tx.execute(text("DELETE FROM alerts"))
    await world.passes(seconds=15)
    await world.pushes("disk_used", 95)
    await world.sweeps()
    async with db.snapshot() as session:
        (row,) = await session.scalars(select(Alert))
    assert row.phase == "firing"
