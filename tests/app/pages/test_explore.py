"""The metrics explorer: everything in the address, wrong expressions said at their field."""

from access.commands import make_token
from access.scope import SYSTEM, Right
from tests.support.reading import read
from tests.support.world import World


async def drawn(world: World) -> None:
    """Let two hosts send a few samples."""
    for value in (10, 20, 30):
        await world.pushes("queue", value, instance="mq-1")
        await world.pushes("queue", 3 * value, instance="mq-2")
        await world.passes(seconds=30)


async def test_an_expression_is_a_chart_and_a_table(world: World) -> None:
    await drawn(world)

    page = await read(world, "/explore?expr=queue&range=1h")
    data = (await world.http.get("/explore/data?expr=queue&range=1h")).json()

    assert 'data-source="/explore/data?expr=queue&amp;range=1h"' in page.markup
    assert page.before("mq-2", "mq-1")
    assert "90 30 90" in page.words
    assert [line["name"].startswith("A queue{") for line in data["lines"]] == [True, True]
    assert len(data["times"]) == len(data["lines"][0]["values"])
    assert max(v for v in data["lines"][0]["values"] if v is not None) == 90


async def test_several_expressions_and_the_day_before_stand_together(world: World) -> None:
    await drawn(world)
    world.clock.advance(hours=24)
    await world.pushes("queue", 5, instance="mq-1")

    asked = "/explore/data?expr=queue&expr=sum(queue)&range=1h&compare=day"
    lines = (await world.http.get(asked)).json()["lines"]

    assert {(line["name"][0], line["before"]) for line in lines} == {
        ("A", False),
        ("A", True),
        ("B", False),
        ("B", True),
    }


async def test_a_wrong_expression_is_said_at_its_field(world: World) -> None:
    page = await read(world, "/explore?expr=sum(&expr=queue[5m]")

    assert page.status == 200
    assert 'id="wrong-A"' in page.markup
    assert 'id="wrong-B"' in page.markup


async def test_names_are_completed(world: World) -> None:
    await drawn(world)

    names = (await world.http.get("/explore/names?text=sum(que")).json()

    assert names == ["sum(queue"]
    assert (await world.http.get("/explore/names?text=sum(")).json() == []


async def test_a_client_draws_its_own_series_alone(world: World) -> None:
    await drawn(world)
    async with world.db.transaction() as tx:
        raw = await make_token(
            tx, name="house", client="house", rights=[Right.READ], by=SYSTEM, now=world.clock()
        )
    headers = {"Authorization": f"Bearer {raw}"}

    data = (await world.http.get("/explore/data?expr=queue", headers=headers)).json()
    names = (await world.http.get("/explore/names?text=que", headers=headers)).json()

    assert data["lines"] == []
    assert names == []
