"""The sender with a phone at the other end: retries, fallbacks, order, crashes, silences."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.clock import system_clock
from kit.db import Database
from kit.outbox import OutboxRow
from notifications import commands
from notifications.batches import Outside
from notifications.lifecycle import Kind, Status
from notifications.schemas import ContactFacts, Leaving, Message, Promise
from notifications.sender import Limits, Sender
from tests.support.clock import FakeClock
from tests.support.phone import Answer, Phone
from tests.support.telling import INCIDENT, Telling, telling, words


@pytest.fixture
async def world(db: Database, clock: FakeClock) -> AsyncIterator[Telling]:
    async with telling(db, clock) as told:
        yield told


@asynccontextmanager
async def running(db: Database, limits: Limits | None = None) -> AsyncIterator[Telling]:
    """A sender on the real clock, woken by notices."""
    async with telling(db, system_clock, limits=limits or Limits(), started=True) as world:
        loop = asyncio.create_task(world.sender.run())
        yield world
        await world.sender.close(timedelta(seconds=0.2))
        await loop


async def test_a_promise_rings_once_with_its_key(world: Telling) -> None:
    await world.promises("li", key="i:triggered:0.0:li")

    assert await world.settles() == 1
    assert await world.settles() == 0

    assert world.phone.rang == ["li"]
    assert world.phone.calls[0].key == "i:triggered:0.0:li"
    assert world.phone.calls[0].json == {
        "event": "triggered",
        "facts": {},
        "idempotency_key": "i:triggered:0.0:li",
    }
    (shown,) = await world.shown()
    assert shown.status is Status.SENT
    assert [(r.outcome, r.code) for r in shown.receipts] == [(Kind.SENT, 200)]


async def test_a_busy_receiver_is_tried_again_with_the_same_key(
    world: Telling, clock: FakeClock
) -> None:
    world.phone.answers(503, Answer(drop=True), 200)
    await world.promises("li")
    for _ in range(4):
        await world.settles()
        clock.advance(seconds=6)

    assert len({call.key for call in world.phone.calls}) == 1
    assert len(world.phone.calls) == 3
    (shown,) = await world.shown()
    assert [r.outcome for r in shown.receipts] == [Kind.TRY_AGAIN, Kind.TRY_AGAIN, Kind.SENT]


async def test_a_refusal_rings_the_next_contact_at_once_with_a_key_of_its_own(
    world: Telling,
) -> None:
    world.phone.answers(404, name="old")
    await world.promises("old", "new", key="k")

    await world.settles()

    assert [(call.path, call.key) for call in world.phone.calls] == [("/old", "k"), ("/new", "k:2")]
    assert await world.told() == {"new"}


async def test_a_p1_reaches_the_next_contact_within_half_a_minute(
    world: Telling, clock: FakeClock
) -> None:
    world.phone.always_answers(503, name="dead")
    await world.promises("dead", "alive")
    for _ in range(30):
        await world.settles()
        clock.advance(seconds=1)

    assert world.phone.rang[-1] == "alive"
    assert world.phone.rang.count("dead") == 4


async def test_a_p1_with_one_contact_is_tried_for_an_hour_and_then_told_as_failed(
    world: Telling, clock: FakeClock
) -> None:
    world.phone.always_answers(500, name="li")
    await world.promises("li")
    for _ in range(64):
        await world.settles()
        clock.advance(minutes=1)

    assert 55 <= len(world.phone.calls) <= 65
    (shown,) = await world.shown()
    assert shown.status is Status.FAILED
    async with world.db.snapshot() as session:
        (event,) = (await session.scalars(select(OutboxRow))).all()
    assert (event.topic, event.facts["person"]) == ("notifications.failed", "li")
    assert event.facts["why"] == "try_again: 500 {}"


async def test_a_crash_between_send_and_record_sends_again_with_the_same_key(
    world: Telling, clock: FakeClock
) -> None:
    await world.promises("li")
    async with world.db.transaction() as tx:
        (leaving,) = await commands.claim(tx, now=clock(), limit=1, per_host=1)
    async with world.db.snapshot() as session:
        (message,) = await words(session, [leaving])
    await world.webhook.send(message, leaving.contact, key=leaving.sent_key, now=clock())
    # and here the worker dies

    assert await world.settles() == 0
    clock.advance(seconds=31)
    assert await world.settles() == 1

    assert world.phone.rang == ["li", "li"]
    assert len({call.key for call in world.phone.calls}) == 1


async def test_the_end_never_overtakes_the_beginning(world: Telling, clock: FakeClock) -> None:
    world.phone.answers(503, name="li")
    await world.promises("li", event="triggered", priority=4)
    await world.settles()
    await world.promises("li", event="resolved", priority=1)
    await world.settles()
    assert world.phone.rang == ["li"]

    clock.advance(seconds=3)
    await world.settles()

    assert [call.json["event"] for call in world.phone.calls] == [
        "triggered",
        "triggered",
        "resolved",
    ]


async def test_what_failed_or_was_taken_back_holds_up_nothing(world: Telling) -> None:
    world.phone.answers(404, name="li")
    await world.promises("li", event="triggered")
    await world.settles()
    await world.promises("li", event="escalated")
    await world.cancels("escalated")
    await world.promises("li", event="resolved")

    await world.settles()

    assert [call.json["event"] for call in world.phone.calls] == ["triggered", "resolved"]


async def test_a_held_notification_is_asked_about_again_and_leaves_when_it_may(
    world: Telling, clock: FakeClock
) -> None:
    world.holds["triggered"] = "maintenance of acme"
    await world.promises("li")
    await world.settles()
    clock.advance(seconds=31)
    await world.settles()
    (held,) = await world.shown()
    assert (world.phone.rang, await world.told()) == ([], set())
    assert held.held_reason == "maintenance of acme"
    assert [r.outcome for r in held.receipts] == [Kind.HELD]

    world.holds.clear()
    clock.advance(seconds=31)
    await world.settles()

    assert world.phone.rang == ["li"]


async def test_a_resolution_passes_every_gate(world: Telling) -> None:
    world.holds |= {"triggered": "silence", "resolved": "silence"}
    await world.promises("li", event="triggered")
    await world.settles()
    await world.promises("li", event="resolved")

    await world.settles()

    assert [call.json["event"] for call in world.phone.calls] == ["resolved"]


async def test_a_send_that_raises_is_an_attempt_that_failed(
    world: Telling, clock: FakeClock
) -> None:
    async def stumbles(session: AsyncSession, leavings: Sequence[Leaving]) -> Sequence[Message]:
        raise RuntimeError("no words")

    sender = Sender(
        world.db,
        Outside({"webhook": world.webhook}, stumbles),
        clock,
        world.notices,
        limits=Limits(skew_most=None),
    )
    await world.promises("li")
    await sender.send_due()
    await sender.settle()

    (shown,) = await world.shown()
    assert shown.status is Status.DUE
    assert shown.receipts[0].detail == "raised RuntimeError('no words')"


async def test_a_contact_of_an_unknown_channel_is_passed_over(world: Telling) -> None:
    contacts = [ContactFacts("pigeon", "roof"), ContactFacts("webhook", world.phone.url("li"))]
    promise = Promise("k", "acme", INCIDENT, "triggered", 1, "li", contacts)
    async with world.db.transaction() as tx:
        await commands.queue(tx, [promise], now=world.clock())

    await world.settles()

    assert world.phone.rang == ["li"]


async def test_a_promise_rings_at_once_when_it_is_committed(db: Database) -> None:
    async with running(db) as world:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await world.promises("li")
        await world.phone.rings(within=2)

        assert world.phone.calls[0].at - began < 0.5


async def test_a_receiver_that_hangs_delays_nobody_else(db: Database) -> None:
    async with running(db) as world, Phone() as other:
        world.phone.always_answers(Answer(hang=True), name="li")
        for number in range(20):
            await world.promises("li", key=f"li{number}", about=_incident(number))
        await world.phone.rings(Limits().per_host)
        began = asyncio.get_running_loop().time()
        elsewhere = ContactFacts("webhook", other.url("han"))
        promise = Promise("han", "acme", INCIDENT, "triggered", 4, "han", [elsewhere])
        async with db.transaction() as tx:
            await commands.queue(tx, [promise], now=system_clock())
        await other.rings(within=2)

        assert other.calls[0].at - began < 0.5
        assert len(world.phone.calls) == Limits().per_host


async def test_a_queue_goes_on_as_places_become_free(db: Database) -> None:
    async with running(db, Limits(per_host=3)) as world:
        for number in range(40):
            await world.promises("li", key=f"k{number}", about=_incident(number))
        await world.phone.rings(40)

        assert len({call.key for call in world.phone.calls}) == 40
        assert world.sender.in_flight <= 3


async def test_one_that_hangs_does_not_keep_the_other_places_of_its_receiver(
    db: Database,
) -> None:
    async with running(db, Limits(per_host=3)) as world:
        world.phone.answers(Answer(delay=5), *(Answer() for _ in range(20)))
        began = asyncio.get_running_loop().time()
        for number in range(20):
            await world.promises("li", key=f"k{number}", about=_incident(number))
        await world.phone.rings(20)

        assert asyncio.get_running_loop().time() - began < 5


async def test_a_send_under_way_may_end_before_the_sender_closes(db: Database) -> None:
    async with telling(db, system_clock, started=True) as world:
        world.phone.answers(Answer(delay=0.3))
        loop = asyncio.create_task(world.sender.run())
        await world.promises("li")
        await world.phone.rings()
        await world.sender.close()
        await loop

        (shown,) = await world.shown()
        assert shown.status is Status.SENT


async def test_an_outcome_is_recorded_when_the_database_comes_back(db: Database) -> None:
    async with running(db) as world:
        world.phone.answers(Answer(delay=0.3))
        await world.promises("li")
        await world.phone.rings()
        async with db.engine.connect() as lasting:
            await lasting.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await _until(world, Status.SENT)

        assert world.phone.rang == ["li"]


async def test_a_clock_that_differs_from_postgresqls_claims_nothing(db: Database) -> None:
    wrong = FakeClock()  # years away from the database's
    async with telling(db, wrong, limits=Limits()) as world:
        await world.promises("li")
        await world.sender.check_skew()

        assert world.sender.skewed
        assert await world.sender.send_due() == 0
        assert "clock_skew" in world.observed


async def test_a_clock_that_agrees_with_postgresqls_claims(db: Database) -> None:
    async with telling(db, system_clock, limits=Limits()) as world:
        await world.sender.check_skew()

        assert not world.sender.skewed


async def test_an_attempt_that_takes_too_long_is_tried_again(
    db: Database, clock: FakeClock
) -> None:
    limits = Limits(timeout=timedelta(seconds=0.2), skew_most=None)
    async with telling(db, clock, limits=limits) as world:
        world.phone.answers(Answer(hang=True))
        await world.promises("li")
        await world.settles()

        (shown,) = await world.shown()
        assert shown.receipts[0].detail.startswith("no answer within")
        assert await world.told() == {"li"}


def _incident(number: int) -> UUID:
    return UUID(int=number)


async def _until(world: Telling, status: Status) -> None:
    async with asyncio.timeout(5):
        while [each.status for each in await world.shown()] != [status]:  # noqa: ASYNC110 - real time
            await asyncio.sleep(0.05)
