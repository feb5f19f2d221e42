"""Promises, claims and receipts, against the real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from kit.db import Database
from kit.outbox import OutboxRow
from notifications import commands, queries
from notifications.lifecycle import Kind, Outcome, Status
from notifications.schemas import ContactFacts, Leaving, Promise
from notifications.tables import Notification
from tests.support.clock import NOON, FakeClock
from tests.support.statements import statements
from tests.support.telling import INCIDENT, Telling, telling

SECOND = timedelta(seconds=1)


@pytest.fixture
async def world(db: Database, clock: FakeClock) -> AsyncIterator[Telling]:
    async with telling(db, clock) as told:
        yield told


def promise(number: int, *, host: str = "127.0.0.1", priority: int = 3) -> Promise:
    return Promise(
        key=f"k{number}",
        client="acme",
        about=uuid4(),
        event="triggered",
        priority=priority,
        person=f"p{number}",
        contacts=[ContactFacts("webhook", f"http://{host}/{number}", "s1.x")],
        facts={"number": number, "list": [1, 2]},
    )


async def queued(db: Database, *promises: Promise) -> int:
    async with db.transaction() as tx:
        return await commands.queue(tx, promises, now=NOON)


async def claimed(db: Database, *, limit: int = 100, **later: float) -> list[Leaving]:
    async with db.transaction() as tx:
        now = NOON + timedelta(**later)
        return await commands.claim(tx, now=now, limit=limit, per_host=limit)


async def recorded(
    db: Database, sent: Leaving, kind: Kind, detail: str = "", **later: float
) -> Status | None:
    async with db.transaction() as tx:
        outcome, now = Outcome(kind, detail=detail), NOON + timedelta(**later)
        return await commands.record(tx, sent, outcome, took=SECOND, now=now)


async def failures(db: Database) -> int:
    async with db.snapshot() as session:
        topic = OutboxRow.topic == "notifications.failed"
        return await session.scalar(select(func.count()).select_from(OutboxRow).where(topic)) or 0


async def test_ten_thousand_promises_are_one_statement_and_a_call(db: Database) -> None:
    storm = [promise(number) for number in range(10_000)]
    with statements(db) as seen:
        assert await queued(db, *storm) == 10_000

    assert [sql.split()[0] for sql in seen] == ["INSERT", "SELECT"]
    assert "pg_notify" in seen[1]


async def test_a_promise_is_kept_as_it_was_given(db: Database) -> None:
    await queued(db, promise(7, host="example.com:8443"))

    (leaving,) = await claimed(db)

    assert leaving.contact == ContactFacts("webhook", "http://example.com:8443/7", "s1.x")
    assert leaving.facts == {"number": 7, "list": [1, 2]}
    assert (leaving.host, leaving.sent_key) == ("example.com:8443", "k7")


async def test_a_known_key_is_not_promised_again(db: Database) -> None:
    assert await queued(db, promise(1), promise(2), promise(1)) == 2
    assert await queued(db, promise(2), promise(3)) == 1
    assert await queued(db) == 0
    assert len(await claimed(db)) == 3


async def test_a_person_without_a_contact_is_a_failure_that_is_told(db: Database) -> None:
    nobody = Promise("k", "acme", INCIDENT, "triggered", 1, "li", contacts=[])

    await queued(db, nobody)
    await queued(db, nobody)

    assert await failures(db) == 1
    async with db.snapshot() as session:
        (shown,) = await queries.of_incident(session, INCIDENT)
    assert (shown.status, shown.last_error) == (Status.FAILED, "the person has no contact")


async def test_the_gravest_leave_first_then_the_longest_due(db: Database) -> None:
    await queued(db, promise(1, priority=4), promise(2, priority=1), promise(3, priority=2))
    await queued(db, promise(4, priority=1))

    assert [leaving.key for leaving in await claimed(db, limit=3)] == ["k2", "k4", "k3"]


async def test_twelve_claimers_never_take_the_same_row_twice(db: Database) -> None:
    await queued(db, *(promise(number) for number in range(240)))

    async def claims() -> list[Leaving]:
        taken: list[Leaving] = []
        while more := await claimed(db, limit=7):
            taken += more
        return taken

    found = await asyncio.gather(*(claims() for _ in range(12)))

    keys = [leaving.key for taken in found for leaving in taken]
    assert len(keys) == len(set(keys)) == 240


async def test_a_host_with_a_long_queue_leaves_room_for_others(db: Database) -> None:
    await queued(db, *(promise(number, host="slow", priority=1) for number in range(500)))
    await queued(db, promise(900, host="quick", priority=4), promise(901, host="full"))

    async with db.transaction() as tx:
        found = await commands.claim(tx, now=NOON, limit=32, per_host=4, rooms={"full": 0})

    assert [leaving.host for leaving in found] == ["slow"] * 4 + ["quick"]


async def test_a_worker_that_dies_gives_its_notification_back(db: Database) -> None:
    await queued(db, promise(1))
    (first,) = await claimed(db)

    assert await claimed(db, seconds=29) == []
    (again,) = await claimed(db, seconds=30)

    assert (again.sent_key, again.attempts) == (first.sent_key, 2)
    async with db.snapshot() as session:
        (shown,) = await queries.of_incident(session, first.about)
    assert [receipt.outcome for receipt in shown.receipts] == [Kind.LOST]


async def test_an_outcome_that_comes_after_the_lease_changes_nothing(db: Database) -> None:
    await queued(db, promise(1))
    (late,) = await claimed(db)
    (now_it,) = await claimed(db, seconds=31)

    assert await recorded(db, late, Kind.REFUSED, seconds=32) is None
    assert await recorded(db, now_it, Kind.SENT, seconds=33) is Status.SENT
    assert await failures(db) == 0


async def test_a_failure_is_announced_once(db: Database) -> None:
    await queued(db, promise(1))
    (leaving,) = await claimed(db)

    assert await recorded(db, leaving, Kind.REFUSED, "gone") is Status.FAILED
    assert await recorded(db, leaving, Kind.REFUSED, "gone") is None

    assert await failures(db) == 1


async def test_what_a_receiver_says_cannot_break_the_receipt(db: Database) -> None:
    await queued(db, promise(1))
    (leaving,) = await claimed(db)

    assert await recorded(db, leaving, Kind.TRY_AGAIN, "a\0b\ud800" + "x" * 999) is Status.DUE


async def test_what_has_not_left_is_taken_back(world: Telling) -> None:
    await world.promises("li")
    await world.promises("li", event="escalated")

    assert await world.cancels("triggered") == 1
    assert await world.cancels() == 1
    assert await world.settles() == 0
    assert await world.told() == set()


async def test_what_is_on_its_way_is_not_taken_back_but_not_tried_again(db: Database) -> None:
    await queued(db, promise(1))
    (leaving,) = await claimed(db)
    async with db.transaction() as tx:
        assert await commands.cancel(tx, about=leaving.about, now=NOON) == 0

    assert await recorded(db, leaving, Kind.TRY_AGAIN, seconds=1) is Status.CANCELLED
    assert await claimed(db, hours=1) == []


async def test_what_arrived_although_it_was_taken_back_counts_as_sent(db: Database) -> None:
    await queued(db, promise(1))
    (leaving,) = await claimed(db)
    async with db.transaction() as tx:
        await commands.cancel(tx, about=leaving.about, now=NOON)

    assert await recorded(db, leaving, Kind.SENT, seconds=1) is Status.SENT


async def test_what_was_taken_back_while_its_worker_died_is_not_sent_again(db: Database) -> None:
    await queued(db, promise(1))
    (leaving,) = await claimed(db)
    async with db.transaction() as tx:
        await commands.cancel(tx, about=leaving.about, now=NOON)

    assert await claimed(db, seconds=31) == []

    async with db.snapshot() as session:
        status = await session.scalar(select(Notification.status))
        told = await queries.told(session, leaving.about)
    assert status is Status.CANCELLED
    assert len(told) == 1


async def test_told_are_those_who_know_or_may_know(db: Database) -> None:
    about = uuid4()
    names = ("sent", "again", "refused", "leaving", "waiting")
    contacts = {name: ContactFacts("webhook", f"http://{name}/") for name in names}
    promises = [
        Promise(name, "acme", about, "triggered", 1, name, [contacts[name]]) for name in names
    ]
    await queued(db, *promises[:4])
    leaving = {each.person: each for each in await claimed(db)}
    await queued(db, promises[4])
    await recorded(db, leaving["sent"], Kind.SENT)
    await recorded(db, leaving["again"], Kind.TRY_AGAIN)
    await recorded(db, leaving["refused"], Kind.REFUSED)

    async with db.snapshot() as session:
        told = await queries.told(session, about)
        many = await queries.told_each(session, [about, uuid4()])

    assert {each.person for each in told} == {"sent", "again", "leaving"}
    assert {each.contact for each in told} == {contacts[each.person] for each in told}
    assert many == {about: told}


async def test_gauges_tell_how_much_waits_and_since_when(db: Database) -> None:
    await queued(db, promise(1), promise(2))
    (leaving, _) = await claimed(db)
    await recorded(db, leaving, Kind.SENT)

    async with db.snapshot() as session:
        later = NOON + timedelta(hours=1)
        assert await queries.waiting(session, NOON) == (None, 1)
        assert await queries.waiting(session, later) == (NOON + 30 * SECOND, 1)


async def test_whoever_was_told_while_all_is_taken_back_is_known_to_be_told(db: Database) -> None:
    about = uuid4()
    ways = [ContactFacts("webhook", f"http://{number}/") for number in range(120)]
    await queued(
        db,
        *(Promise(w.address, "acme", about, "triggered", 1, w.address, [w]) for w in ways),
    )

    async def resolves() -> set[str]:
        async with db.transaction() as tx:
            await commands.cancel(tx, about=about, now=NOON)
            return {each.person for each in await queries.told(tx, about)}

    claiming = asyncio.gather(*(claimed(db, limit=5) for _ in range(11)))
    claims, told = await asyncio.gather(claiming, resolves())

    assert {leaving.person for taken in claims for leaving in taken} == told
    assert await claimed(db) == []
