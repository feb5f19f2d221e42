"""The rules as people read them: limits in words, what fires, what happened."""

import pytest

from tests.support.reading import read
from tests.support.world import World


async def test_the_list_has_every_rule_with_its_limits_in_words(world: World) -> None:
    page = await read(world, "/rules")

    assert "Queue backlog" in page.words
    assert "above 500" in page.words
    assert "above 95% for 2 min" in page.words


async def test_what_fires_stands_first(world: World) -> None:
    await world.pushes("queue", 700, instance="mq-1")

    page = await read(world, "/rules", "zh")

    assert "1 条触发中" in page.words
    assert page.before("队列积压", "CPU 使用率")
    assert "队列积压" not in (await read(world, "/rules?text=latency", "zh")).words


async def test_a_rule_shows_where_it_is_from_and_what_it_sees(world: World) -> None:
    await world.pushes("queue", 700, instance="mq-1")
    await world.pushes("queue", 1, instance="mq-1")
    await world.passes(minutes=2)
    await world.pushes("queue", 800, instance="mq-2")

    page = await read(world, "/rules/queue")

    assert "world.yml:" in page.words
    assert "mq-2" in page.words
    assert "mq-1" not in page.words
    assert "2 times in 30 days" in page.words
    assert "2 incidents: 0 taken by somebody, 1 over before that" in page.words
    assert "<svg" in page.markup
    assert (await read(world, "/rules/nothing")).status == 404


async def test_the_past_of_a_rule_is_told_over_rest(world: World) -> None:
    await world.pushes("queue", 700, instance="mq-1")
    await world.acknowledges("li")
    await world.pushes("queue", 1, instance="mq-1")

    told = (await world.http.get("/api/v1/rules/queue/history")).json()

    assert (told["incidents"], told["acknowledged"], told["by_themselves"]) == (1, 1, 0)
    assert [one["incident"] for one in told["firings"]] == [1]
    assert (await world.http.get("/api/v1/rules/queue")).json()["expr"] == "queue"


@pytest.mark.parametrize("days", [0, 401])
async def test_a_past_without_bounds_is_refused(world: World, days: int) -> None:
    answer = await world.http.get(f"/api/v1/rules/queue/history?days={days}")

    assert answer.status_code == 422
