"""What goes wrong on the way from a sample to a phone, and that nobody misses a page by it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kit.db import Database
from metrics.labels import Limits
from notifications.tables import Attempt
from tests.support.clock import FakeClock
from tests.support.phone import Answer, Phone
from tests.support.trouble import (
    FULL,
    Line,
    cut_in_the_middle,
    refusing,
    small_files,
    until,
)
from tests.support.world import World, life, world

TWO = """
clients:
  - {name: acme, title: Acme, timezone: Asia/Shanghai}
  - {name: zeta, title: Zeta, timezone: Asia/Shanghai, escalation: zeta}
systems: [{name: pos, client: acme, title: POS}, {name: web, client: zeta, title: Web}]
people:
  - {name: li, title: Li Lei, contacts: [{channel: webhook, url: "PHONE/li"}]}
  - {name: han, title: Han Meimei, contacts: [{channel: webhook, url: "PHONE/han"}]}
escalations:
  - {name: default, steps: [{notify: ["person:li"], wait: 5m}, {notify: ["person:han"], wait: 24h}]}
  - {name: zeta, steps: [{notify: ["person:han"], wait: 24h}]}
thresholds:
  - {name: errors, title: Errors, expr: errors, P2: {above: 0}, recover: {at_most: 0, for: 1m}}
  - {name: queue, title: Queue, expr: queue, P1: {above: 100, for: 2m}}
"""
ZETA = {"client": "zeta", "system": "web"}
TABLES = ("alerts", "incidents", "notifications")


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock, yaml=TWO) as found:
        yield found


@pytest.fixture
async def line(db: Database, database_url: str) -> AsyncIterator[Line]:
    async with Line(database_url) as found:
        yield found


@pytest.fixture
async def far(line: Line) -> AsyncIterator[Database]:
    database = Database(line.url, pool=5)
    yield database
    await database.close()


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as found:
        yield found


@pytest.mark.parametrize("table", TABLES)
async def test_what_the_database_refuses_one_client_is_told_once_when_it_may_be(
    world: World, table: str
) -> None:
    async with refusing(world.db, table, "NEW.client = 'acme'"):
        await world.writes("errors", 1, {}, ZETA)
        await world.settles()
        assert world.phone.rang == ["han"]
        await world.sweeps()

    await world.sweeps()
    assert world.phone.rang == ["han", "li"]
    await world.passes(minutes=2)
    await world.sweeps()
    assert world.phone.rang == ["han", "li"]
    assert len(await world.incidents()) == 2


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("code", [FULL, "40001", "57014"])
async def test_what_fails_for_everybody_is_tried_again_and_told_once(
    world: World, table: str, code: str
) -> None:
    gauges = world.house.evaluator.gauges
    async with refusing(world.db, table, code=code):
        await world.writes("errors", 1, *({"host": f"h{n}"} for n in range(20)), ZETA)
        world.house.evaluator.drain()
        await until(lambda: gauges(world.clock())["clients_failing"] == 2)
        assert world.phone.rang == []

    await world.settles()
    assert sorted(world.phone.rang) == ["han", "li"]
    assert gauges(world.clock())["set_aside_total"] == 0
    acme = next(one for one in await world.incidents() if one["client"] == "acme")
    assert acme["alert_count"] == 20


async def test_a_receipt_that_cannot_be_written_is_no_reason_to_ring_again(world: World) -> None:
    when = "NEW.status = 'sent'"
    async with refusing(world.db, "notifications", when, of="UPDATE", code=FULL):
        await world.writes("errors", 1)
        await world.house.evaluator.settle()
        await world.house.sender.send_due()
        await until(lambda: world.phone.rang == ["li"])
        await asyncio.sleep(0.6)

    await world.house.sender.settle()
    await world.passes(minutes=1)
    assert world.phone.rang == ["li"]


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("alerts", "INSERT INTO alerts%"),
        ("incidents", "INSERT INTO incidents%"),
        ("notifications", "INSERT INTO notifications%"),
    ],
)
async def test_a_connection_cut_in_the_middle_of_the_transaction_loses_nothing(
    world: World, database_url: str, table: str, statement: str
) -> None:
    cutting = asyncio.create_task(cut_in_the_middle(database_url, table, statement))
    await asyncio.sleep(0.1)
    await world.pushes("errors", 1)
    await cutting

    assert world.phone.rang == ["li"]
    await world.sweeps()
    assert world.phone.rang == ["li"]
    assert len(await world.incidents()) == 1
    assert world.house.evaluator.gauges(world.clock())["failed_total"] == 1


async def test_a_commit_whose_answer_is_lost_is_not_done_twice(
    far: Database, line: Line, tmp_path: Path, clock: FakeClock
) -> None:
    async with world(far, tmp_path, clock, yaml=TWO) as here:
        line.loses_the_answer_to_the_commit_after(b"INSERT INTO notifications")
        await here.pushes("errors", 1)
        assert line.lost == 1

        assert here.house.evaluator.gauges(clock())["failed_total"] == 1
        assert here.phone.rang == ["li"]
        await here.sweeps()
        (incident,) = await here.incidents()
        assert incident["alert_count"] == 1
        assert [line["what"] for line in incident["timeline"]].count("opened") == 1
        assert here.phone.rang == ["li"]


async def test_a_receipt_whose_answer_is_lost_is_written_once(
    far: Database, line: Line, tmp_path: Path, clock: FakeClock
) -> None:
    async with world(far, tmp_path, clock, yaml=TWO) as here:
        await here.writes("errors", 1)
        await here.house.evaluator.settle()
        await here.house.sender.send_due()
        line.loses_the_answer_to_the_commit_after(b"INSERT INTO notification_attempts")
        await here.house.sender.settle()
        assert line.lost == 1

        await here.passes(minutes=1)
        assert here.phone.rang == ["li"]
        async with far.snapshot() as session:
            assert await session.scalar(select(func.count()).select_from(Attempt)) == 1


async def test_one_clients_poison_delays_nobody_and_is_seen(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    poison = "NEW.labels->>'disk' = 'bad'"
    disks = [{"disk": "bad"}, *({"disk": f"d{n}"} for n in range(40))]
    async with (
        life(db, tmp_path, clock, phone=phone, yaml=TWO, by_itself=True) as here,
        refusing(db, "alerts", poison),
    ):
        await here.writes("errors", 1, *disks)
        await here.writes("errors", 1, ZETA)

        await until(lambda: "han" in phone.rang, within=1)
        await phone.rings(2)
        assert sorted(phone.rang) == ["han", "li"]
        await until(lambda: here.house.evaluator.gauges(clock())["set_aside"] == 1)
        assert "langyan_rules_set_aside 1.0" in (await here.http.get("/metrics")).text
        health = await here.http.get("/healthz")
        assert health.status_code == 503
        assert "alerts of acme cannot be written" in health.json()["wrong"]
        acme = next(one for one in await here.incidents() if one["client"] == "acme")
        assert acme["alert_count"] == 40


async def test_an_incident_that_cannot_be_moved_on_stops_no_other(world: World) -> None:
    await world.writes("errors", 1, {}, {"system": "", "host": "h1"})
    await world.settles()
    assert world.phone.rang == ["li", "li"]
    async with refusing(world.db, "incidents", "NEW.system = 'pos'", of="UPDATE"):
        await world.passes(minutes=5, seconds=15)
        assert world.phone.rang == ["li", "li", "han"]

    await world.passes(seconds=15)
    assert world.phone.rang == ["li", "li", "han", "han"]


async def test_a_notification_that_cannot_be_claimed_stops_no_other(world: World) -> None:
    async with refusing(world.db, "notifications", "NEW.client = 'acme'", of="UPDATE"):
        await world.writes("errors", 1, {}, ZETA)
        await world.house.evaluator.settle()
        await world.house.sender.send_due()
        await world.house.sender.settle()
        assert world.phone.rang == ["han"]

    await world.passes(seconds=15)
    assert world.phone.rang == ["han", "li"]


async def test_a_client_whose_transactions_hang_delays_nobody(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with (
        life(db, tmp_path, clock, phone=phone, yaml=TWO, by_itself=True) as here,
        refusing(db, "alerts", "NEW.client = 'acme' AND pg_sleep(3) IS NOT NULL"),
    ):
        await here.writes("errors", 1)
        await asyncio.sleep(0.2)
        await here.writes("errors", 1, ZETA)

        await phone.rings(1, within=1)
        assert phone.rang == ["han"]


async def test_while_the_database_is_away_samples_are_taken_and_pages_leave_when_it_is_back(
    far: Database, line: Line, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with life(far, tmp_path, clock, phone=phone, yaml=TWO, by_itself=True) as here:
        await here.writes("errors", 0)
        await line.cut()
        for second in range(40):
            clock.advance(seconds=1)
            answer = await here.writes("errors", 1, {"host": f"h{second}"}, ZETA)
            assert answer.status_code == 204
            await asyncio.sleep(0.05)
        assert phone.rang == []
        await line.mend()

        await phone.rings(2, within=8)
        assert sorted(phone.rang) == ["han", "li"]
        acme = next(one for one in await here.incidents() if one["client"] == "acme")
        assert acme["alert_count"] == 40
        await here.house.flush(clock())
        assert here.house.store.pending == 0


async def test_while_the_database_answers_nothing_samples_are_taken(
    far: Database, line: Line, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with life(far, tmp_path, clock, phone=phone, yaml=TWO, by_itself=True) as here:
        await here.writes("errors", 0)
        line.freeze()
        clock.advance(seconds=31)
        async with asyncio.timeout(10):
            for number in range(20):
                answer = await here.writes("errors", 1, {"host": f"h{number}"})
                assert answer.status_code == 204
        await line.mend()

        await phone.rings(1, within=8)
        (incident,) = await here.incidents()
        assert incident["alert_count"] == 20


async def test_who_asks_while_the_database_is_away_is_told_to_come_again(
    far: Database, line: Line, tmp_path: Path, clock: FakeClock
) -> None:
    async with world(far, tmp_path, clock, yaml=TWO) as here:
        assert await here.incidents() == []
        await line.cut()
        answer = await here.http.get("/api/v1/incidents")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["type"] == "/problems/database-away"
        await line.mend()
        assert await here.incidents() == []


async def test_more_than_the_stated_limit_of_samples_is_answered_with_when_to_come_again(
    far: Database, line: Line, tmp_path: Path, clock: FakeClock
) -> None:
    async with world(far, tmp_path, clock, yaml=TWO) as here:
        await here.writes("errors", 0)
        here.house.store.limits = Limits(pending=10)
        await line.cut()
        taken = [await here.writes("errors", 0, {"n": str(n)}) for n in range(15)]

        assert [answer.status_code for answer in taken] == [204] * 10 + [503] * 5
        assert taken[-1].headers["retry-after"] == "30"
        await line.mend()
        await here.house.flush(clock())
        assert (await here.writes("errors", 0, {"n": "15"})).status_code == 204


async def test_a_full_disk_is_answered_with_503_and_leaves_nothing_half_written(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    many = [{"n": str(n)} for n in range(200)]
    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as here:
        assert (await here.writes("errors", 0, *many[:50])).status_code == 204
        with small_files(here.house.store.journal.bytes_kept + 1000):
            refused = await here.writes("errors", 1, *many)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        await here.settles()
        assert phone.rang == []
        clock.advance(seconds=1)
        assert (await here.writes("errors", 2, *many[:7])).status_code == 204

    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as here:
        await here.settles()
        assert here.house.store.journal.damaged == here.house.store.journal.lost_bytes == 0
        assert here.house.store.appended == 57
        assert (await here.incident())["alert_count"] == 7


async def test_a_crossing_that_was_only_in_the_journal_is_told_once_after_the_restart(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as before:
        await before.writes("errors", 1)
    clock.advance(minutes=10)

    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as after:
        await after.settles()
        assert phone.rang == ["li"]
        await after.sweeps()
        assert phone.rang == ["li"]
        assert len(await after.incidents()) == 1


async def test_a_crossing_that_was_told_is_not_told_again_after_the_restart(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as before:
        await before.pushes("errors", 1)
    for _ in range(3):
        clock.advance(seconds=20)
        async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as after:
            await after.settles()
            await after.pushes("errors", 2)
            await after.sweeps()

            assert phone.rang == ["li"]
            (incident,) = await after.incidents()
            assert incident["alerts"][0]["times"] == 1


async def test_a_wait_goes_on_where_it_was(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as before:
        await before.pushes("queue", 200)
        await before.passes(seconds=75)
        await before.pushes("queue", 200)

    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as after:
        await after.passes(seconds=30)
        assert phone.rang == []
        await after.passes(seconds=15)
        assert phone.rang == ["li"]


async def test_an_escalation_and_the_marks_of_a_clock_go_on_where_they_were(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as before:
        await before.pushes("errors", 1)
        await before.passes(minutes=4)
        assert phone.rang == ["li"]

    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as after:
        await after.settles()
        assert phone.rang == ["li"]
        await after.passes(minutes=1)
        assert phone.rang == ["li", "han"]
        await after.passes(minutes=10)
    told = len(phone.calls)
    marks = [call.json.get("percent") for call in phone.calls_of("li")]
    assert marks == [None, 50]

    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as again:
        await again.settles()
        assert len(phone.calls) == told
        await again.passes(minutes=9)
    marks = [call.json.get("percent") for call in phone.calls_of("li")]
    assert marks == [None, 50, 80]


async def test_two_senders_on_one_database_send_each_notification_once(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    names = [f"s{n}" for n in range(30)]
    many = "".join(f"{{name: {name}, client: zeta, title: S}}, " for name in names)
    yaml = TWO.replace("systems: [", f"systems: [{many}")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    async with (
        life(db, tmp_path / "one", clock, phone=phone, yaml=yaml) as one,
        life(db, tmp_path / "two", clock, phone=phone, yaml=yaml, adopt=True) as two,
    ):
        await one.writes("errors", 1, *({"client": "zeta", "system": name} for name in names))
        await one.house.evaluator.settle()
        for _ in range(20):
            await asyncio.gather(one.house.sender.send_due(), two.house.sender.send_due())
            await asyncio.gather(one.house.sender.settle(), two.house.sender.settle())

        assert len(phone.calls) == 30
        assert len({call.key for call in phone.calls}) == 30


async def test_what_a_dead_process_was_sending_another_sends_under_the_same_key(
    db: Database, tmp_path: Path, clock: FakeClock, phone: Phone
) -> None:
    phone.answers(Answer(hang=True))
    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as dies:
        await dies.writes("errors", 1)
        await dies.house.evaluator.settle()
        await dies.house.sender.send_due()
        await phone.rings(1)

    async with life(db, tmp_path, clock, phone=phone, yaml=TWO) as lives:
        await lives.settles()
        assert len(phone.calls) == 1
        await lives.passes(seconds=31)
        first, second = phone.calls
        assert first.key == second.key
