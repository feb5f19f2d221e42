"""What the product promises to the person on call."""

from sqlalchemy import delete, update

from oncall.tables import Contact
from tests.support.world import World


async def test_an_alert_notifies_li_then_han_until_han_acknowledges(world: World) -> None:
    await world.pushes("disk", 97)  # above 95 for 2 minutes is P1
    assert world.phone.rang == []
    await world.passes(minutes=2)
    assert world.phone.rang == ["li"]
    await world.passes(minutes=5)
    assert world.phone.rang == ["li", "han"]
    await world.acknowledges("han")
    await world.passes(hours=1)
    assert world.phone.rang[:3] == ["li", "han", "li"]  # li hears who has it
    assert world.phone.calls_of("li")[1].json["event"] == "acknowledged"


async def test_a_value_beyond_all_measure_still_wakes_li(world: World) -> None:
    await world.pushes("disk", 1e308)
    await world.passes(minutes=2)

    assert world.phone.rang == ["li"]
    assert (await world.http.get("/incidents/1", headers={"Accept": "text/html"})).is_success


async def test_a_peak_that_is_over_in_time_wakes_nobody(world: World) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=1)
    await world.pushes("disk", 60)
    await world.passes(minutes=10)

    assert world.phone.rang == []
    assert await world.incidents() == []


async def test_what_was_told_is_taken_back_when_it_is_over(world: World) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=2)
    await world.pushes("disk", 60)
    assert world.phone.rang == ["li"]
    await world.passes(minutes=1)

    assert [call.json["event"] for call in world.phone.calls] == ["triggered", "resolved"]
    incident = await world.incident()
    assert incident["status"] == "resolved"
    assert incident["sla"]["recovery"]["state"] == "met"
    assert incident["sla"]["response"]["state"] == "met"


async def test_a_graver_alert_wakes_whoever_had_acknowledged(world: World) -> None:
    await world.pushes("disk", 92)  # P2
    await world.passes(minutes=2)
    await world.acknowledges("li")
    await world.pushes("disk", 97)
    await world.passes(minutes=2)

    assert [call.json["event"] for call in world.phone.calls_of("li")] == ["triggered", "raised"]
    incident = await world.incident()
    assert (incident["priority"], incident["status"]) == ("P1", "triggered")


async def test_data_that_stops_leaves_the_alert_unknown_and_the_incident_open(
    world: World,
) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=30)

    incident = await world.incident()
    assert incident["alerts"][0]["state"] == "unknown"
    assert incident["status"] == "triggered"


async def test_an_address_that_is_none_costs_nobody_else_their_page(world: World) -> None:
    async with world.db.transaction() as tx:  # as an earlier version would have taken it
        mine = update(Contact).where(Contact.person == "li")
        await tx.execute(mine.values(address="http://[half/li"))

    await world.pushes("disk", 97)
    await world.passes(minutes=3)

    assert world.phone.rang == ["han"]


async def test_a_grave_incident_that_reaches_nobody_is_seen_in_the_health(world: World) -> None:
    async with world.db.transaction() as tx:
        await tx.execute(delete(Contact))
    await world.pushes("disk", 97)
    await world.passes(minutes=2)

    wrong = (await world.http.get("/healthz")).json()["wrong"]
    assert "no step of its policy reaches anybody for incident 1" in wrong


async def test_a_message_tells_how_many_alerts_joined_and_the_incident_which(
    world: World,
) -> None:
    await world.writes("disk", 97, *({"instance": f"web-{number}"} for number in range(1, 4)))
    await world.passes(minutes=2)

    told = world.phone.calls[0].json["incident"]["timeline"]
    known = (await world.incident())["timeline"]
    in_message, here = (
        next(line["facts"] for line in lines if line["what"] == "joined") for lines in (told, known)
    )
    assert (in_message["count"], here["count"]) == (2, 2)
    assert "alerts" not in in_message
    assert len(set(here["alerts"])) == 2
