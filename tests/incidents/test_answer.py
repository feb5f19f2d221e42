"""What people do with an incident, also when two do it at once."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from access.scope import EVERYTHING
from access.tables import AuditEntry
from alerting.lifecycle import Kind
from incidents import commands, queries
from incidents.clocks import ClockState
from incidents.clocks import Kind as ClockKind
from incidents.lifecycle import MoveNotAllowed, Status, VersionPassed, What
from kit.errors import NotFound
from tests.support.incidents import House, person, transition


async def test_of_twelve_who_acknowledge_at_once_one_gets_it(world: House) -> None:
    await world.fires("disk")

    async def tries(name: str) -> str:
        try:
            _, message = await world.acknowledges(name)
        except MoveNotAllowed:
            return "refused"
        return message or "taken"

    answers = await asyncio.gather(*(tries(f"p{n}") for n in range(12)))

    assert Counter(answers) == {"taken": 1, "refused": 11}
    assert (await world.story()).count(What.ACKNOWLEDGED) == 1


async def test_twice_and_too_late_are_answered_with_a_message(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    assert (await world.acknowledges("li"))[1] == "already acknowledged"
    await world.resolves("li")

    incident, message = await world.acknowledges("han")

    assert (message, incident.status) == ("already resolved", Status.RESOLVED)
    assert (await world.resolves("han"))[1] == "already resolved"


async def test_the_refusal_says_who_has_it(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    with pytest.raises(MoveNotAllowed, match="li already has incident 1") as refused:
        await world.acknowledges("han")
    assert refused.value.facts == {"acknowledged_by": "li", "number": 1}


async def test_another_clients_incident_does_not_exist(world: House) -> None:
    await world.fires("disk")
    stranger = person("wu", "bolt")
    for verb in (commands.acknowledge, commands.resolve, commands.escalate, commands.reopen):
        with pytest.raises(NotFound):
            async with world.db.transaction() as tx:
                await verb(tx, 1, by=stranger, now=world.clock())
    async with world.db.snapshot() as session:
        assert await queries.board(session, stranger.scope, world.clock()) == []


async def test_a_decision_on_an_old_version_is_refused(world: House) -> None:
    await world.fires("disk")
    version = (await world.incidents())[0].version
    await world.escalates("han")
    with pytest.raises(VersionPassed):
        async with world.db.transaction() as tx:
            await commands.acknowledge(tx, 1, by=person("li"), now=world.clock(), version=version)


async def test_what_has_not_left_is_taken_back(world: House) -> None:
    async with world.db.transaction() as tx:
        told = [transition("disk", clock=world.clock)]
        promises = await commands.follow(tx, "acme", told, now=world.clock())
        await world.queues(tx, promises)

    await world.acknowledges("han")

    assert world.rang == []
    assert [r.status for r in await world.receipts()] == ["cancelled"]


async def test_who_was_told_hears_the_end_and_nobody_else(world: House) -> None:
    await world.fires("disk")
    await world.passes(minutes=5)
    await world.resolves("boss")
    assert world.heard("li")[-1] == world.heard("han")[-1] == "resolved"
    assert world.heard("boss") == []


async def test_resolving_stops_both_clocks_also_if_nobody_had_acknowledged(world: House) -> None:
    await world.fires("disk")
    world.clock.advance(minutes=10)
    await world.resolves("li")
    shown = await world.shows()
    for kind in ClockKind:
        view = shown.clock(kind)
        assert (view.state, view.met_at) == (ClockState.MET, world.clock())


async def test_reopened_the_recovery_clock_runs_on_and_the_answer_stays_given(
    world: House,
) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    world.clock.advance(minutes=10)
    await world.resolves("li")
    world.clock.advance(minutes=30)

    await world.reopens("han")

    shown = await world.shows()
    assert (shown.incident.status, shown.incident.acknowledged_by) == (Status.TRIGGERED, None)
    assert shown.clock(ClockKind.RESPONSE).state is ClockState.MET
    recovery = shown.clock(ClockKind.RECOVERY)
    assert (recovery.state, recovery.elapsed.total_seconds()) == (ClockState.RUNNING, 600)
    assert world.heard("li") == ["triggered", "resolved", "triggered"]
    await world.resolves("han")
    assert world.heard("li")[-1] == "resolved"


async def test_reopened_without_an_answer_the_response_clock_runs_on(world: House) -> None:
    await world.fires("disk")
    await world.resolves("li")
    await world.reopens("li")
    assert (await world.clocked(ClockKind.RESPONSE)).state is ClockState.RUNNING


async def test_a_reopened_incident_leaves_new_alerts_to_its_successor(world: House) -> None:
    await world.fires("disk")
    await world.resolves("li")
    await world.fires("cpu")
    await world.reopens("li", 1)
    await world.fires("memory")

    assert [i.gathers for i in await world.incidents()] == [False, True]
    assert (await world.shows(2)).alert_count == 2


async def test_of_twelve_batches_at_once_one_opens_the_incident(world: House) -> None:
    async def follows(n: int) -> None:
        await world.carries([transition(f"disk{n}", clock=world.clock)])

    await asyncio.gather(*(follows(n) for n in range(12)))

    assert len(await world.incidents()) == 1
    assert (await world.shows()).alert_count == 12


async def test_without_the_lock_the_database_still_lets_one_incident_gather(
    world: House,
) -> None:
    async def follows(n: int) -> None:
        async with world.db.transaction() as tx:
            told = [transition(f"disk{n}", clock=world.clock)]
            await commands.follow(tx, "acme", told, now=world.clock())
            await asyncio.sleep(0.1)

    ended = await asyncio.gather(follows(1), follows(2), return_exceptions=True)

    assert [type(error) for error in ended if error] == [IntegrityError]
    assert len(await world.incidents()) == 1


async def test_an_answer_and_a_batch_at_once_both_count(world: House) -> None:
    await world.fires("disk")

    await asyncio.gather(
        world.acknowledges("li"), world.carries([transition("cpu", clock=world.clock)])
    )

    shown = await world.shows()
    assert (shown.incident.status, shown.alert_count) == (Status.ACKNOWLEDGED, 2)


async def test_notes_stand_in_the_order_in_which_they_came_also_after_the_end(
    world: House,
) -> None:
    await world.fires("disk")
    await world.resolves("li")
    async with world.db.transaction() as tx:
        for text in ("one", "two"):
            await commands.note(tx, 1, text, by=person("li"), now=world.clock())
    lines = (await world.shows()).timeline[-2:]
    assert [(line.what, line.facts["text"], line.who) for line in lines] == [
        (What.NOTE, "one", "li"),
        (What.NOTE, "two", "li"),
    ]


async def test_every_answer_is_audited(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    await world.escalates("li")
    await world.resolves("li")
    await world.reopens("han")
    async with world.db.snapshot() as session:
        entries = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [(e.who, e.did, e.on, e.client) for e in entries] == [
        ("li", "incident.acknowledge", "1", "acme"),
        ("li", "incident.escalate", "1", "acme"),
        ("li", "incident.resolve", "1", "acme"),
        ("han", "incident.reopen", "1", "acme"),
    ]


async def test_another_process_goes_on_where_this_one_stopped(world: House) -> None:
    await world.fires("disk")
    await world.moves(Kind.UNKNOWN, "disk")
    world.clock.advance(hours=3)  # and nobody was at work

    await world.ticks()

    assert world.heard("li") == ["triggered", "sla_breached", "sla_breached"]
    async with world.db.snapshot() as session:
        (seen,) = await queries.board(session, EVERYTHING, world.clock())
    assert seen.incident.next_step_at is not None
    assert "escalated" in world.heard("han")
