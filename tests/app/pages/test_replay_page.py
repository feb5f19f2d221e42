"""The page of a replay: what a rule would have made, in a sentence, a chart and tables."""

import re

import pytest

from tests.support.reading import read
from tests.support.world import World

VALUES = [10, *[97] * 60, 10, 10, *[60] * 12, 10]


async def lives(world: World) -> None:
    for value in VALUES:
        await world.pushes("disk", value, instance="db-1")
        await world.passes(seconds=15)


async def test_it_says_what_would_have_happened_and_whom_it_would_have_woken(world: World) -> None:
    await lives(world)

    page = await read(world, "/rules/disk/replay?over=1d&answered=never")

    assert "It would have raised 1 alert in 1 incident." in page.words
    assert "People would have been called 3 times" in page.words
    assert page.words.count("爱可美餐饮 › 点餐系统") == 2
    assert 'class="bar P1"' in page.markup
    assert 'class="bar wait P1"' in page.markup
    assert "Asia/Shanghai" in page.words
    assert re.search(r"Nov 1 [\d:]+ – Nov 2 [\d:]+", page.words)


async def test_two_sets_of_limits_are_held_together(world: World) -> None:
    await lives(world)

    page = await read(
        world, "/rules/disk/replay?P1.test=above&P1.limit=50&recover.test=below&recover.limit=20"
    )

    assert "With these limits it would have raised 2 alerts" in page.words
    assert "As it stands: 1 alert in 1 incident" in page.words
    assert "Alerts in both: 1. No more: 0. New: 1." in page.words
    assert 'class="bar P1 before"' in page.markup
    assert "these only" in page.words


async def test_limits_typed_as_they_stand_are_one_version(world: World) -> None:
    await lives(world)

    asked = "P1.test=above&P1.limit=95&P1.for=120s&P2.test=above&P2.limit=90&P2.for=2m"
    page = await read(world, f"/rules/disk/replay?{asked}&recover.test=below&recover.limit=75")

    assert "As it stands" not in page.words


async def test_a_calm_past_and_no_past_are_told_apart(world: World) -> None:
    await world.pushes("disk", 10, instance="db-1")

    calm = await read(world, "/rules/disk/replay")
    none = await read(world, "/rules/queue/replay", "zh")

    assert "Nothing would have happened: none of 1 series came to fire." in calm.words
    assert '<svg class="chart bars' not in calm.markup
    assert "这段时间没有存下的数据" in none.words


async def test_what_is_too_much_offers_a_shorter_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lives(world)
    monkeypatch.setattr("alerting.rehearsal.SAMPLES_MOST", 10)

    page = await read(world, "/rules/disk/replay?over=30d")

    assert page.status == 200
    assert "Too much to go through" in page.words
    assert 'href="/rules/disk/replay?answered=5m&amp;over=7d"' in page.markup


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("since=2020-01-01T00:00&until=2021-01-01T00:00", "at most 31 days"),
        ("since=2026-02-31T00:00", "there is no such moment"),
        ("P1.test=above&P1.limit=much", "valid number"),
        ("P1.test=above&P1.limit=50&P1.for=soon", "is not a duration"),
    ],
)
async def test_what_is_asked_wrongly_is_told_at_its_field(
    world: World, asked: str, words: str
) -> None:
    page = await read(world, f"/rules/disk/replay?{asked}")

    assert page.status == 422
    assert words in page.words
    assert "aria-invalid" in page.markup


async def test_a_rule_or_client_that_is_not_there_is_not_found(world: World) -> None:
    assert (await read(world, "/rules/nothing/replay")).status == 404
    assert (await read(world, "/rules/disk/replay?client=nobody")).status == 404


async def test_the_page_of_a_rule_leads_there(world: World) -> None:
    assert 'href="/rules/disk/replay"' in (await read(world, "/rules/disk")).markup
