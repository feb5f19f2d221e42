"""The SLA clocks of running incidents."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from alerting.lifecycle import Priority
from incidents import commands
from incidents.clocks import ClockState, Kind, Span
from incidents.commands import ClockNotRunning
from incidents.lifecycle import What
from incidents.schemas import STANDARD, SlaSpec
from incidents.tables import SlaClock, SlaPolicy
from kit.calendars import Hours
from kit.errors import Invalid
from kit.sync import Verb
from tests.support.incidents import P1, P3, P4, House, person

MINUTE = timedelta(minutes=1)


def percents(world: House, name: str, clock: Kind) -> list[tuple[str, int]]:
    """Return which marks of a clock somebody was told."""
    calls = [call.json for call in world.telling.phone.calls_of(name)]
    return [(c["event"], c["percent"]) for c in calls if c.get("clock") == clock]


async def test_the_marks_are_told_once_each(world: House) -> None:
    await world.fires("disk")
    await world.passes(minutes=40)

    assert percents(world, "li", Kind.RESPONSE) == [
        ("sla_at_risk", 50),
        ("sla_at_risk", 80),
        ("sla_breached", 100),
    ]
    story = [w for w in await world.story() if w in (What.SLA_AT_RISK, What.SLA_BREACHED)]
    assert story == [What.SLA_AT_RISK, What.SLA_AT_RISK, What.SLA_BREACHED]


async def test_what_is_at_risk_concerns_the_owner_and_a_breach_everybody(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("boss")
    await world.passes(hours=2)

    assert percents(world, "boss", Kind.RECOVERY) == [
        ("sla_at_risk", 50),
        ("sla_at_risk", 80),
        ("sla_breached", 100),
    ]
    assert percents(world, "li", Kind.RECOVERY) == [("sla_breached", 100)]
    assert percents(world, "han", Kind.RECOVERY) == [("sla_breached", 100)]  # a step away


async def test_after_a_standstill_the_greatest_mark_is_told_and_all_are_written(
    world: House,
) -> None:
    await world.fires("disk")
    world.clock.advance(minutes=16)
    await world.ticks()
    assert percents(world, "li", Kind.RESPONSE) == [("sla_breached", 100)]
    assert [w for w in await world.story() if w in (What.SLA_AT_RISK, What.SLA_BREACHED)] == [
        What.SLA_AT_RISK,
        What.SLA_AT_RISK,
        What.SLA_BREACHED,
    ]


async def test_answered_after_its_breach_it_stays_breached_with_both_times(world: House) -> None:
    await world.fires("disk")
    opened = world.clock()
    world.clock.advance(minutes=20)
    await world.acknowledges("li")
    await world.ticks()

    view = await world.clocked(Kind.RESPONSE)

    assert (view.state, view.breached_at, view.met_at) == (
        ClockState.BREACHED,
        opened + 15 * MINUTE,
        opened + 20 * MINUTE,
    )
    async with world.db.snapshot() as session:
        (row,) = await session.scalars(select(SlaClock).where(SlaClock.kind == Kind.RESPONSE))
    assert (row.breached_at, row.met_at, row.next_mark_at) == (
        opened + 15 * MINUTE,
        opened + 20 * MINUTE,
        None,
    )


async def test_a_breach_is_told_also_when_the_answer_came_before_the_tick(world: House) -> None:
    await world.fires("disk")
    world.clock.advance(minutes=20)
    await world.acknowledges("li")
    await world.ticks()
    await world.ticks()
    assert percents(world, "han", Kind.RESPONSE) == [("sla_breached", 100)]


async def test_a_clock_counts_in_the_hours_of_the_client(world: House) -> None:
    await world.alters(timezone="Asia/Shanghai")  # noon UTC is 20:00 there, a Monday
    await world.fires("disk", priority=P3)
    await world.passes(minutes=5)
    view = await world.clocked(Kind.RESPONSE)
    assert view.elapsed == timedelta()
    assert view.due_at.isoformat() == "2026-11-03T03:00:00+00:00"  # Tuesday 11:00


async def test_a_raise_takes_the_earlier_deadline_and_leaves_a_nearer_one(world: House) -> None:
    await world.fires("disk", priority=Priority.P2)
    await world.passes(minutes=16)  # half of the response time
    await world.fires("database", priority=P1)
    await world.passes(minutes=7)
    assert percents(world, "li", Kind.RESPONSE) == [("sla_at_risk", 50)]
    view = await world.clocked(Kind.RESPONSE)
    assert view.due_at == (await world.shows()).incident.opened_at + 30 * MINUTE  # as before
    recovery = await world.clocked(Kind.RECOVERY)
    assert recovery.due_at == (await world.shows()).incident.opened_at + 136 * MINUTE


async def test_a_pause_needs_a_reason_and_moves_the_deadline(world: House) -> None:
    await world.fires("disk")
    due = (await world.clocked(Kind.RECOVERY)).due_at
    async with world.db.transaction() as tx:
        await commands.pause(
            tx, 1, Kind.RECOVERY, reason="waits for acme", by=person("li"), now=world.clock()
        )
    await world.passes(minutes=30)
    assert (await world.clocked(Kind.RECOVERY)).state is ClockState.PAUSED

    async with world.db.transaction() as tx:
        await commands.resume(tx, 1, Kind.RECOVERY, by=person("li"), now=world.clock())

    shown = await world.shows()
    assert shown.clock(Kind.RECOVERY).due_at == due + 30 * MINUTE
    pause = next(i for i in shown.clocks[Kind.RECOVERY].intervals if i.span is Span.PAUSED)
    assert (pause.reason, pause.who) == ("waits for acme", "li")
    assert shown.clock(Kind.RESPONSE).state is ClockState.BREACHED  # the other one ran on


async def test_time_is_excluded_with_a_reason_and_a_breach_may_vanish(world: House) -> None:
    await world.fires("disk")
    opened = world.clock()
    await world.passes(minutes=16)
    assert (await world.clocked(Kind.RESPONSE)).state is ClockState.BREACHED

    span = (opened + 2 * MINUTE, opened + 8 * MINUTE)
    async with world.db.transaction() as tx:
        await commands.exclude(
            tx, 1, Kind.RESPONSE, span, reason="drill", by=person("han"), now=world.clock()
        )

    view = await world.clocked(Kind.RESPONSE)
    assert (view.state, view.elapsed) == (ClockState.RUNNING, 10 * MINUTE)


async def test_a_mark_that_comes_again_after_excluded_time_is_told_again(world: House) -> None:
    await world.fires("disk")
    opened = world.clock()
    await world.passes(minutes=16)
    span = (opened + 2 * MINUTE, opened + 8 * MINUTE)
    async with world.db.transaction() as tx:
        await commands.exclude(
            tx, 1, Kind.RESPONSE, span, reason="drill", by=person("han"), now=world.clock()
        )

    await world.passes(minutes=6)

    told = [percent for _, percent in percents(world, "li", Kind.RESPONSE)]
    assert told == [50, 80, 100, 80, 100]


async def test_what_cannot_be_done_to_a_clock_is_refused(world: House) -> None:
    await world.fires("disk")
    now, li = world.clock(), person("li")
    with pytest.raises(ClockNotRunning):
        async with world.db.transaction() as tx:
            await commands.resume(tx, 1, Kind.RESPONSE, by=li, now=now)
    with pytest.raises(Invalid):
        async with world.db.transaction() as tx:
            span = (now, now + MINUTE)
            await commands.exclude(tx, 1, Kind.RESPONSE, span, reason="r", by=li, now=now)


async def test_a_client_has_its_own_sla_and_what_runs_keeps_its_copy(world: House) -> None:
    gold = SlaSpec.model_validate({"name": "gold", "P1": {"response": "5m", "recovery": "1h"}})
    async with world.db.transaction() as tx:
        (added,) = await commands.provision_slas(tx, [(gold, "a.yml:1")])
    assert (added.verb, added.name) == (Verb.ADD, "gold")
    await world.alters(sla="gold")
    await world.fires("disk")
    async with world.db.transaction() as tx:
        await commands.provision_slas(tx, [])
        assert (await tx.scalars(select(SlaPolicy))).all() == []

    assert (await world.clocked(Kind.RESPONSE)).limit == 5 * MINUTE
    await world.fires("cpu", priority=P4, system="crm")
    assert (await world.clocked(Kind.RESPONSE, 2)).limit == STANDARD.P4.response


def test_the_built_in_policy_is_the_one_of_the_manual() -> None:
    levels = {priority: getattr(STANDARD, priority) for priority in Priority}
    limits = {p: (level.response, level.recovery, level.hours) for p, level in levels.items()}
    hour = timedelta(hours=1)
    assert limits == {
        "P1": (15 * MINUTE, 2 * hour, Hours.ALWAYS),
        "P2": (30 * MINUTE, 4 * hour, Hours.ALWAYS),
        "P3": (2 * hour, 24 * hour, Hours.BUSINESS),
        "P4": (8 * hour, 72 * hour, Hours.BUSINESS),
    }


@pytest.mark.parametrize(
    "level",
    [{"response": "0s", "recovery": "1h"}, {"response": "2h", "recovery": "1h"}, {"response": 1}],
)
def test_a_policy_that_makes_no_sense_is_refused(level: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SlaSpec.model_validate({"name": "gold", "P1": level})
