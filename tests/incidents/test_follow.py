"""What alerts do to incidents."""

from dataclasses import replace

import pytest

from alerting.lifecycle import Kind
from incidents.clocks import ClockState
from incidents.clocks import Kind as ClockKind
from incidents.lifecycle import Status, What
from tests.support.incidents import P1, P2, P3, House, transition


async def test_an_alert_opens_an_incident_and_calls_the_first_step_at_once(world: House) -> None:
    await world.fires("disk")

    (incident,) = await world.incidents()
    assert (incident.number, incident.status, incident.priority) == (1, Status.TRIGGERED, P1)
    assert incident.title == {"zh": "disk 告警", "en": "disk alert"}
    assert world.heard("li") == ["triggered"]
    assert await world.story() == [What.OPENED, What.ESCALATED]


async def test_alerts_of_one_system_join_for_half_an_hour_from_the_last_new_one(
    world: House,
) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    await world.passes(minutes=25)
    await world.fires("cpu")
    await world.passes(minutes=25)
    await world.fires("memory")
    assert len(await world.incidents()) == 1
    await world.passes(minutes=30)

    await world.fires("network")

    old, new = await world.incidents()
    assert [old.gathers, new.gathers] == [False, True]
    assert {alert.rule for alert in (await world.shows(2)).alerts} == {"network"}


async def test_systems_clients_and_drills_never_share_an_incident(world: House) -> None:
    await world.fires("disk")
    await world.fires("disk", system="crm")
    await world.moves(Kind.FIRED, "disk", client="bolt")
    await world.follows([transition("disk", drill="d1", clock=world.clock)])

    found = [(i.client, i.system, i.drill) for i in await world.incidents()]
    assert found == [
        ("acme", "pos", ""),
        ("acme", "crm", ""),
        ("bolt", "pos", ""),
        ("acme", "pos", "d1"),
    ]


async def test_a_batch_opens_one_incident_with_the_title_of_its_gravest_alert(
    world: House,
) -> None:
    names = (("cpu", P3), ("disk", P1), ("memory", P2))
    await world.follows([transition(name, p, clock=world.clock) for name, p in names])

    shown = await world.shows()
    assert (shown.incident.title["en"], shown.incident.priority) == ("disk alert", P1)
    assert [alert.rule for alert in shown.alerts] == ["disk", "memory", "cpu"]
    assert world.heard("li") == ["triggered"]


async def test_a_graver_alert_takes_the_incident_from_its_owner_and_calls_again(
    world: House,
) -> None:
    await world.fires("disk", priority=P3)
    await world.acknowledges("han")

    await world.fires("database", priority=P1)

    shown = await world.shows()
    assert (shown.incident.status, shown.incident.priority) == (Status.TRIGGERED, P1)
    assert shown.incident.acknowledged_by is None
    assert shown.incident.title["en"] == "database alert"
    assert world.heard("li") == ["triggered", "acknowledged", "raised"]
    raised = next(line for line in shown.timeline if line.what is What.RAISED)
    assert (raised.facts["acknowledged_by"], raised.facts["before"]) == ("han", "P3")
    await world.passes(minutes=5)
    assert world.heard("han")[-1] == "escalated"


async def test_an_alert_that_climbs_raises_its_incident(world: House) -> None:
    await world.fires("disk", priority=P3)
    await world.moves(Kind.RAISED, "disk", priority=P1)

    shown = await world.shows()
    assert shown.incident.priority is P1
    assert shown.alerts[0].priority is P1
    assert world.heard("li") == ["triggered", "raised"]


async def test_a_climb_after_somebody_ended_the_incident_opens_another(world: House) -> None:
    await world.fires("disk", priority=P3)
    await world.resolves("li")
    await world.moves(Kind.RAISED, "disk", priority=P1)

    assert [i.status for i in await world.incidents()] == [Status.RESOLVED, Status.TRIGGERED]


async def test_an_equal_alert_tells_the_owner_and_nobody_else(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    await world.fires("cpu")

    assert world.heard("li") == ["triggered", "triggered"]
    assert world.heard("han") == []
    assert (await world.incidents())[0].status is Status.ACKNOWLEDGED
    keys = [call.key for call in world.telling.phone.calls_of("li")]
    assert len(set(keys)) == 2


async def test_an_equal_alert_calls_the_next_step_when_its_owner_cannot_be_told(
    world: House,
) -> None:
    await world.fires("disk")
    await world.acknowledges("token:chat")
    await world.fires("cpu")

    assert world.heard("han") == ["triggered"]
    assert (await world.incidents())[0].status is Status.ACKNOWLEDGED
    await world.passes(minutes=10)
    assert "escalated" not in world.heard("li")


async def test_an_equal_alert_calls_the_next_step_when_its_owners_phone_is_dead(
    world: House,
) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    world.telling.phone.always_answers(410, name="li")
    await world.fires("cpu")

    assert world.heard("han") == ["triggered"]
    assert (await world.incidents())[0].acknowledged_by == "li"


async def test_a_lesser_alert_joins_without_a_sound(world: House) -> None:
    await world.fires("disk")
    await world.acknowledges("li")
    await world.fires("cpu", priority=P3)

    assert world.heard("li") == ["triggered"]
    assert (await world.story())[-1] is What.JOINED


async def test_a_fall_is_noted_but_moves_neither_priority_nor_deadline(world: House) -> None:
    await world.fires("disk")
    before = (await world.clocked(ClockKind.RECOVERY)).due_at
    await world.moves(Kind.FELL, "disk", priority=P3)

    shown = await world.shows()
    assert shown.incident.priority is P1
    assert shown.clock(ClockKind.RECOVERY).due_at == before
    assert (shown.timeline[-1].what, shown.alerts[0].priority) == (What.FELL, P3)


async def test_an_incident_ends_a_minute_after_its_last_alert(world: House) -> None:
    await world.fires("disk", "cpu")
    await world.acknowledges("li")
    await world.clears("disk")
    await world.passes(minutes=3)
    assert (await world.incidents())[0].status is Status.ACKNOWLEDGED
    await world.clears("cpu")
    await world.ticks()
    assert (await world.incidents())[0].status is Status.ACKNOWLEDGED

    await world.passes(minutes=1)

    (incident,) = await world.incidents()
    assert (incident.status, incident.resolved_by) == (Status.RESOLVED, "langyan")
    assert world.heard("li") == ["triggered", "resolved"]


async def test_what_becomes_of_many_alerts_of_a_rule_at_once_is_one_line(world: House) -> None:
    names = ["disk/1", "disk/2", "disk/3", "cpu"]
    await world.follows([transition(name, clock=world.clock) for name in names])
    lost = [transition(n, kind=Kind.UNKNOWN, clock=world.clock) for n in names[:2]]
    await world.follows(lost)

    opened, joined, other, _, unknown = (await world.shows()).timeline
    assert (opened.what, opened.facts["labels"]) == (What.OPENED, {"instance": "disk/1"})
    assert (joined.what, joined.facts["count"]) == (What.JOINED, 2)
    assert (other.what, other.facts["labels"]) == (What.JOINED, {"instance": "cpu"})
    assert (unknown.what, unknown.facts["alerts"]) == (
        What.ALERT_UNKNOWN,
        [str(one.alert_id) for one in lost],
    )


async def test_an_alert_that_fires_without_a_value_shares_no_line_with_one_that_has_one(
    world: House,
) -> None:
    seen = [transition(f"disk/{number}", clock=world.clock) for number in range(3)]
    silent = [
        replace(transition(f"disk/{number}", clock=world.clock), value=None) for number in (3, 4)
    ]
    await world.follows([*seen, *silent])

    _, joined, unheard, _ = (await world.shows()).timeline
    assert "value" not in joined.facts
    assert (unheard.facts["count"], unheard.facts["value"]) == (2, None)


async def test_an_alert_that_fires_again_stops_the_end(world: House) -> None:
    await world.fires("disk")
    await world.clears("disk")
    await world.fires("disk")
    await world.passes(minutes=3)

    shown = await world.shows()
    assert (shown.incident.status, shown.incident.recovered_at) == (Status.TRIGGERED, None)
    assert [(alert.times, alert.resolved_at) for alert in shown.alerts] == [(2, None)]


async def test_silence_is_told_apart_from_recovery(world: House) -> None:
    await world.fires("disk")
    await world.moves(Kind.UNKNOWN, "disk")
    shown = await world.shows()
    assert shown.alerts[0].unknown_since is not None
    assert shown.incident.recovered_at is None

    await world.moves(Kind.KNOWN, "disk")

    assert (await world.shows()).alerts[0].unknown_since is None
    assert (await world.story())[-2:] == [What.ALERT_UNKNOWN, What.ALERT_KNOWN]


async def test_an_end_of_an_alert_is_still_written_into_an_incident_that_is_over(
    world: House,
) -> None:
    await world.fires("disk")
    await world.resolves("li")
    await world.clears("disk")

    shown = await world.shows()
    assert shown.alerts[0].resolved_at is not None
    assert shown.incident.status is Status.RESOLVED


@pytest.mark.parametrize("nearest", ["rule", "system", "client"])
async def test_the_nearest_escalation_policy_wins(world: House, nearest: str) -> None:
    await world.plans("night", ("person:boss", 5))
    await world.alters(**({"escalation": "night"} if nearest == "client" else {}))
    if nearest == "system":
        await world.alters_system(escalation="night")
    rule = "night" if nearest == "rule" else None
    await world.follows([transition("disk", escalation=rule, clock=world.clock)])

    assert world.rang == ["boss"]


async def test_what_runs_keeps_its_own_copy_of_the_policies(world: House) -> None:
    await world.fires("disk")
    await world.rewrites("default", ("person:boss", 1))
    await world.passes(minutes=5)
    assert world.rang == ["li", "han"]


async def test_a_response_clock_that_was_met_runs_again_after_a_raise(world: House) -> None:
    await world.fires("disk", priority=P2)
    await world.passes(minutes=10)
    await world.acknowledges("li")
    assert (await world.clocked(ClockKind.RESPONSE)).state is ClockState.MET
    await world.passes(minutes=10)

    await world.fires("database", priority=P1)

    view = await world.clocked(ClockKind.RESPONSE)
    assert view.state is ClockState.RUNNING
    assert (view.due_at - world.clock()).total_seconds() == 15 * 60
    assert view.elapsed.total_seconds() == 10 * 60
