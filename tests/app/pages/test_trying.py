"""What a form would come to is shown while it is typed: series, turns, steps, and the past."""

import pytest

from tests.support.forms import POLICY, SCHEDULE, THRESHOLD, send
from tests.support.reading import read
from tests.support.world import World


async def test_the_series_that_tests_would_find_are_counted(world: World) -> None:
    await world.pushes("queue", 1, system="", job="wms-a")
    await world.pushes("queue", 1, system="", job="wms-b")
    tests = {"client": "acme", "name": "wms", "match.0.label": "job"}

    found = await send(world, "/admin/systems/preview", {**tests, "match.0.text": "wms-.*"})
    wrong = await send(world, "/admin/systems/preview", {**tests, "match.0.text": "wms["})
    none = await send(world, "/admin/systems/preview", {})

    assert found.words.startswith("What it matches")
    assert "2 series" in found.words
    assert "wms[" in wrong.words
    assert none.status == 200


async def test_layers_are_drawn_as_two_weeks_with_their_gaps(world: World) -> None:
    page = await send(world, "/admin/schedules/preview", SCHEDULE)
    assert page.markup.count('class="strip turn final"') == 2
    assert "gaps," in page.words

    whole = {name: value for name, value in SCHEDULE.items() if ".only." not in name}
    page = await send(world, "/admin/schedules/preview", whole)
    assert "Somebody is always on call" in page.words


async def test_what_is_half_typed_is_left_out(world: World) -> None:
    half = {**SCHEDULE, "layers.0.time": "", "timezone": "Asia/Shang"}
    assert "1 gap, 1" in (await send(world, "/admin/schedules/preview", half)).words

    page = await send(world, "/admin/escalations/preview", {**POLICY, "steps.0.wait": "5"})
    assert "李雷" not in page.words.split("schedule primary")[0]
    assert page.before("at once", "schedule primary")

    page = await send(world, "/admin/escalations/preview", {})
    assert page.words == "Choose whom the first step tells."


async def test_steps_are_told_with_whom_they_reach(world: World) -> None:
    page = await send(world, "/admin/escalations/preview", POLICY)

    assert page.before("at once", "李雷", "after 5 min", "schedule primary", "now 李雷")
    assert page.before("after 30 min", "2 rounds are through")


async def test_a_threshold_is_tried_on_the_last_day(world: World) -> None:
    for value in (100, 2500, 2600, 2700, 100, 2500):
        await world.pushes("latency", value, instance="a")
        await world.pushes("latency", 50, instance="b")
        await world.passes(minutes=2)

    page = await send(world, "/admin/thresholds/preview", THRESHOLD)

    assert "Would have raised 2 × P1; the longest lasted" in page.words
    assert "1 would still burn" in page.words
    assert "2 series seen" in page.words
    assert 'class="limit p1"' in page.markup
    assert page.markup.count('class="mark p1"') == 2

    calm = await send(world, "/admin/thresholds/preview", {**THRESHOLD, "P1.limit": "9000"})
    assert "Would have raised nothing." in calm.words
    assert "<svg" in calm.markup

    unlimited = await send(world, "/admin/thresholds/preview", {**THRESHOLD, "P1.limit": ""})
    assert "Would have raised nothing." in unlimited.words
    assert "<svg" in unlimited.markup


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expr": ""}, "写出表达式与限值"),
        ({"expr": "sum(("}, "语法错误"),
        ({"P1.limit": "many"}, "尚不完整"),
        ({"expr": "nothing_like_it"}, "没有任何序列"),
    ],
)
async def test_why_there_is_nothing_to_try_is_told(
    world: World, change: dict[str, str], words: str
) -> None:
    page = await send(world, "/admin/thresholds/preview", {**THRESHOLD, **change}, "zh")

    assert page.status == 200
    assert words in page.words


async def test_what_a_file_owns_is_tried_too(world: World) -> None:
    page = await read(world, "/admin/thresholds/disk")

    assert 'hx-trigger="load' in page.markup
    assert 'name="P1.limit" value="95"' in page.markup
