"""The two SLA clocks of an incident, from the first second to the last."""

from tests.support.world import World


async def test_a_p1_has_fifteen_minutes_to_an_answer_and_two_hours_to_recovery(
    world: World,
) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=2)
    await world.passes(minutes=4)
    await world.acknowledges("li")
    await world.passes(minutes=20)
    await world.pushes("disk", 60)
    await world.passes(minutes=2)

    sla = (await world.incident())["sla"]
    assert (sla["response"]["state"], sla["response"]["elapsed_seconds"]) == ("met", 240)
    assert (sla["recovery"]["state"], sla["recovery"]["elapsed_seconds"]) == ("met", 1500)


async def test_half_and_four_fifths_and_all_of_the_time_are_told_once_each(world: World) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=18)

    told = [call.json for call in world.phone.calls_of("li")]
    marks = [(one["event"], one.get("percent")) for one in told if one.get("clock") == "response"]
    assert marks == [("sla_at_risk", 50), ("sla_at_risk", 80), ("sla_breached", 100)]
    lines = [line["what"] for line in (await world.incident())["timeline"]]
    assert lines.count("sla_at_risk") == 2
    assert lines.count("sla_breached") == 1
    assert (await world.incident())["sla"]["response"]["state"] == "breached"
