"""Who is called, and when, until somebody takes the incident."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import update

from access.scope import EVERYTHING
from incidents import commands, jobs, queries, reactions
from incidents.lifecycle import Status, What
from incidents.tables import Incident
from notifications.events import NotificationFailed
from oncall.tables import Contact
from tests.support.incidents import P1, P3, House, person
from tests.support.phone import Answer


async def test_an_alert_calls_li_then_han_until_han_acknowledges(world: House) -> None:
    await world.fires("disk")
    assert world.rang == ["li"]
    await world.passes(minutes=5)
    assert world.rang == ["li", "han"]

    await world.acknowledges("han")
    await world.passes(hours=1)

    assert world.heard("li") == ["triggered", "acknowledged"]
    assert world.heard("han") == ["escalated", "sla_at_risk"]  # of the recovery


async def test_the_gravest_go_on_for_ever(world: House) -> None:
    await world.fires("disk", priority=P1)
    await world.passes(minutes=45)
    called = [e for e in world.heard("han") if e == "escalated"]
    assert len(called) == 8  # twice by the rounds, then every five minutes
    keys = [call.key for call in world.telling.phone.calls]
    assert len(set(keys)) == len(keys)


async def test_lesser_ones_become_an_item_for_the_admins(world: House) -> None:
    await world.fires("disk", priority=P3)
    await world.passes(minutes=30)

    shown = await world.shows()
    assert world.rang == ["li", "han", "li", "han"]
    assert (shown.incident.needs_admin, shown.incident.next_step_at) == (True, None)
    assert shown.timeline[-1].what is What.EXHAUSTED
    async with world.db.snapshot() as session:
        assert await queries.without_prospect(session, world.clock()) == []


async def test_a_step_that_reaches_nobody_is_skipped_at_once_in_sight(world: House) -> None:
    await world.rewrites("default", ("schedule:empty", 5), ("person:han", 5))
    await world.fires("disk")
    assert world.rang == ["han"]
    assert (await world.story()) == [What.OPENED, What.NOBODY_REACHED, What.ESCALATED]


async def test_a_policy_that_reaches_nobody_is_tried_again_and_shown_to_admins(
    world: House,
) -> None:
    await world.rewrites("default", ("schedule:empty", 5))
    await world.fires("disk")
    (incident,) = await world.incidents()
    assert (incident.needs_admin, incident.next_step_at) == (
        True,
        world.clock() + timedelta(minutes=5),
    )

    await world.hires("ops", "schedule:empty")
    await world.passes(minutes=5)

    assert world.rang == ["ops"]
    assert not (await world.incidents())[0].needs_admin


async def test_without_any_policy_every_admin_is_called(world: House) -> None:
    await world.forgets_policies()
    await world.fires("disk")
    assert world.rang == ["boss"]


async def test_by_hand_the_next_step_is_taken_now(world: House) -> None:
    await world.fires("disk")
    await world.escalates("li")
    assert world.rang == ["li", "han"]
    (incident,) = await world.incidents()
    assert incident.next_step_at == world.clock() + timedelta(minutes=5)


async def test_an_owner_calls_for_help_and_stays_the_owner(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    await world.escalates("li")
    await world.passes(minutes=10)

    (incident,) = await world.incidents()
    assert (incident.status, incident.acknowledged_by) == (Status.ACKNOWLEDGED, "li")
    assert [e for e in world.heard("han") if e == "escalated"] == ["escalated"]


async def test_by_hand_an_exhausted_escalation_begins_again(world: House) -> None:
    await world.fires("disk", priority=P3)
    await world.passes(minutes=30)
    await world.escalates("boss")
    assert world.rang == ["li", "han", "li", "han", "li"]
    assert not (await world.incidents())[0].needs_admin


async def test_handed_back_it_is_called_out_again_from_the_first_step(world: House) -> None:
    await world.fires("disk")
    await world.passes(minutes=5)
    await world.acknowledges("han")

    async with world.db.transaction() as tx:
        await commands.unacknowledge(tx, 1, by=person("han"), now=world.clock())
    await world.settles()

    assert world.heard("li") == ["triggered", "acknowledged", "triggered"]
    await world.passes(minutes=5)
    assert world.heard("han")[-1] == "escalated"


async def test_when_the_phone_of_a_step_is_dead_the_next_is_taken_now(world: House) -> None:
    world.telling.phone.always_answers(Answer(410), name="li")
    await world.fires("disk")
    assert world.rang == ["li", "han"]
    assert (await world.story()) == [
        What.OPENED,
        What.ESCALATED,
        What.NOTIFICATION_FAILED,
        What.ESCALATED,
    ]


async def test_a_dead_phone_among_others_of_its_step_moves_nothing(world: House) -> None:
    world.telling.phone.always_answers(Answer(410), name="li")
    await world.hires("ops", "schedule:none")
    await world.rewrites("default", ("role:engineer", 5), ("person:boss", 5))
    await world.fires("disk")
    assert sorted(world.rang) == ["han", "li", "ops"]
    assert (await world.incidents())[0].waits_for == ["han", "ops"]


async def test_a_failure_that_is_heard_twice_is_written_once(world: House) -> None:
    world.telling.phone.always_answers(Answer(410), name="li")
    await world.fires("disk")
    receipt = next(r for r in await world.receipts() if r.person == "li")

    async with world.db.transaction() as tx:
        about = receipt.about
        await commands.step_failed(
            tx, about, receipt.id, person="li", why="again", now=world.clock()
        )

    assert (await world.story()).count(What.NOTIFICATION_FAILED) == 1
    assert world.rang == ["li", "han"]


async def test_a_failure_about_something_else_is_not_ours(world: House) -> None:
    failed = NotificationFailed(
        notification=uuid4(), about=uuid4(), client="acme", person="li", event="triggered", why="?"
    )
    async with world.db.transaction() as tx:
        await reactions.notification_failed(tx, failed, world.clock())
        other = failed.model_copy(update={"event": "weekly_report"})
        await reactions.notification_failed(tx, other, world.clock())
    assert await world.incidents() == []


async def test_a_step_falls_back_to_the_second_contact(world: House) -> None:
    world.telling.phone.always_answers(Answer(410), name="li")
    async with world.db.transaction() as tx:
        url = world.telling.phone.url("li-2")
        tx.add(Contact(person="li", channel="webhook", address=url, position=1))
    await world.fires("disk")
    await world.resolves("han")
    assert world.rang == ["li", "li-2", "li-2"]  # and the end goes where the beginning went


async def test_two_replicas_take_each_step_once(world: House) -> None:
    await world.fires("disk", priority=P1)
    await world.fires("disk", system="crm")
    world.clock.advance(minutes=5)

    async with world.db.transaction() as one, world.db.transaction() as other:
        first = await commands.escalate_some(one, now=world.clock(), limit=1)
        second = await commands.escalate_some(other, now=world.clock(), limit=10)
        assert (first, second) == (1, 1)

    assert await jobs.escalate_due(world.db, world.clock) == 0
    await world.settles()
    assert world.heard("han") == ["escalated", "escalated"]


async def test_the_auditor_finds_what_nothing_will_ever_move(world: House) -> None:
    await world.fires("disk")
    async with world.db.snapshot() as session:
        assert await queries.without_prospect(session, world.clock()) == []
    async with world.db.transaction() as tx:
        await tx.execute(update(Incident).values(next_step_at=None))

    async with world.db.snapshot() as session:
        assert [i.number for i in await queries.without_prospect(session, world.clock())] == [1]


async def test_only_overdue_incidents_escalate_most_overdue_first(world: House) -> None:
    for system, wait in (("late", 4), ("later", 3), ("latest", 0)):
        await world.fires("disk", system=system)
        world.clock.advance(minutes=wait)
    async with world.db.transaction() as tx:
        found = await queries.to_escalate(tx, now=world.clock() - timedelta(minutes=2), limit=9)
    assert [i.system for i in found] == ["late"]
    async with world.db.snapshot() as session:
        oldest = await queries.oldest_step_due(session, world.clock())
        seen = await queries.board(session, EVERYTHING, world.clock())
    assert oldest == (await world.incidents())[0].next_step_at
    assert [one.incident.system for one in seen] == ["late", "later", "latest"]


async def test_when_every_message_is_refused_the_last_step_keeps_its_wait(world: House) -> None:
    for name in ("li", "han"):
        world.telling.phone.always_answers(Answer(410), name=name)
    async with asyncio.timeout(20):
        await world.fires("disk")
    begun = len(world.rang)
    assert begun <= 5

    await world.passes(minutes=11)
    assert len(world.rang) <= begun + 3
