"""The metrics explorer: everything in the address, wrong expressions said at their field."""

import re
from html import unescape
from urllib.parse import parse_qs

from access.commands import make_token
from access.scope import SYSTEM, Right
from kit.clock import milliseconds
from tests.support.reading import read
from tests.support.world import World

ENGLISH = {"accept-language": "en"}


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

    assert 'data-source="/explore/data?expr=queue&amp;range=1h&amp;since=' in page.markup
    assert page.before("mq-2", "mq-1")
    assert "90 30 90" in page.words
    assert [line["name"].startswith("A queue{") for line in data["lines"]] == [True, True]
    assert len(data["times"]) == len(data["lines"][0]["values"])
    assert max(v for v in data["lines"][0]["values"] if v is not None) == 90


async def test_a_thresholds_limits_are_drawn_where_its_expression_is_looked_at(
    world: World,
) -> None:
    await drawn(world)

    page = await read(world, "/explore?expr=queue&range=1h")
    asked = "/explore/data?expr= queue &range=1h"
    data = (await world.http.get(asked, headers=ENGLISH)).json()
    other = await read(world, "/explore?expr=sum(queue)&range=1h")

    assert data["limits"] == [{"value": 500, "label": "P3 500", "tone": "p3"}]
    assert "Limits of Queue backlog" in page.words
    assert 'href="/rules/queue"' in page.markup
    assert "Limits of" not in other.words


async def test_what_holds_for_a_client_alone_is_drawn_with_its_name(world: World) -> None:
    await drawn(world)
    bona = {"name": "bona", "title": "博纳", "overrides": {"queue": {"P3": {"above": 160}}}}
    made = await world.http.post("/api/v1/clients", json=bona)
    assert made.status_code == 201, made.text
    await world.house.reload()
    await world.pushes("queue", 7, client="bona", instance="mq-9")

    asked = "/explore/data?expr=queue&expr=sum(queue)&range=1h"
    limits = (await world.http.get(asked, headers=ENGLISH)).json()["limits"]

    assert [limit["label"] for limit in limits] == ["A P3 500", "A P3 160 博纳"]


async def test_of_two_rules_on_one_expression_the_one_we_come_from_is_drawn(world: World) -> None:
    for name, most in (("backlog", 300), ("backlog-grave", 900)):
        rule = {"name": name, "title": {"en": name}, "expr": "backlog", "P2": {"above": most}}
        assert (await world.http.post("/api/v1/thresholds", json=rule)).status_code == 201
    await world.pushes("backlog", 1)

    async def values(more: str) -> list[float]:
        found = (await world.http.get(f"/explore/data?expr=backlog{more}")).json()
        return [limit["value"] for limit in found["limits"]]

    assert await values("") == [300, 900]
    assert await values("&rule=backlog-grave") == [900]
    assert await values("&rule=queue") == [300, 900]
    link = 'href="/explore?expr=backlog&amp;range=24h&amp;rule=backlog-grave"'
    assert link in (await read(world, "/rules/backlog-grave")).markup


async def test_the_window_moves_by_links_and_is_kept_by_the_form(world: World) -> None:
    await drawn(world)

    first = await read(world, "/explore?expr=queue&range=1h")
    fixed = re.search(r'href="(/explore\?[^"]*since=[^"]*)" title', first.markup)
    assert fixed is not None
    address = unescape(fixed[1])
    await world.passes(minutes=50)
    later = await read(world, address)

    assert "Fixed address" not in later.words
    assert all(word in later.words for word in ("Earlier", "Later", "Nearer", "Wider"))
    assert "Later" not in first.words
    assert f'name="since" value="{parse_qs(address)["since"][0]}"' in later.markup
    assert "mq-2" in later.words


async def test_the_time_just_before_is_as_long_as_what_is_looked_at(world: World) -> None:
    await drawn(world)
    await world.passes(minutes=61)
    await world.pushes("queue", 5, instance="mq-1")

    answer = (await world.http.get("/explore/data?expr=queue&compare=window")).json()

    assert answer["shift"] == 3600
    assert {line["before"] for line in answer["lines"]} == {True, False}


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


async def test_a_long_range_is_computed_from_rollups_and_says_so(world: World) -> None:
    await world.pushes("queue", 10, instance="mq-1")
    await world.pushes("queue", 30, instance="mq-2")
    world.clock.advance(days=2)
    await world.house.flush(world.clock())
    world.clock.advance(minutes=20)
    await world.house.store.upkeep.roll(world.clock())

    asked = "/explore?expr=max_over_time(queue[6h])&range=30d"
    page = await read(world, asked)
    short = await read(world, asked.replace("30d", "1h"))

    end = milliseconds(world.clock()) // 3_600_000 * 3600
    range_ = {"start": str(end - 60 * 3600), "end": str(end), "step": "6h", "resolution": "1h"}
    answer = await world.http.get(
        "/prometheus/api/v1/query_range",
        params={"query": "max(max_over_time(queue[12h]))", **range_},
    )
    (line,) = answer.json()["data"]["result"]

    assert answer.json()["infos"] == ["PromQL info: computed from 1h rollups"]
    assert {value for _, value in line["values"]} == {"30"}
    assert "computed from 1h rollups" in page.words
    assert page.before("mq-2", "mq-1")
    assert "rollups" not in short.words
