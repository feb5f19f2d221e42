"""The board: what burns first, who is on call, how the machines are, what ails us."""

import json
import re
from html import unescape

import pytest

from tests.support.browsing import browsing
from tests.support.reading import LANGUAGES, page_of, read
from tests.support.world import PASSWORD, World


@pytest.mark.parametrize(("language", "words"), [("en", "All quiet"), ("zh", "一切平静")])
async def test_on_the_first_day_it_says_what_will_come(
    world: World, language: str, words: str
) -> None:
    page = await read(world, "/", language)

    assert words in page.words
    assert ("No incident yet" if language == "en" else "还没有发生过故障") in page.words


async def test_the_first_steps_are_shown_until_they_are_done(world: World) -> None:
    page = await read(world, "/")

    steps = page.part("steps")
    assert "First steps" in steps.words
    assert "2 of 3 done" in page.words
    assert "/api/v1/samples" in page.words
    assert 'href="/admin/tokens"' in page.markup
    assert 'href="/admin/clients/new"' not in page.markup
    line = re.search(r"-d '(.*)'</code>", unescape(page.markup))
    assert line is not None
    body = json.loads(line[1])
    body["samples"][0]["labels"]["client"] = "acme"
    assert (await world.http.post("/api/v1/samples", json=body)).status_code == 204
    await world.passes(seconds=1)

    assert "First steps" not in (await read(world, "/")).words


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Have somebody on call"), ("zh", "安排值班")]
)
async def test_who_may_not_do_them_is_not_shown_the_first_steps(
    world: World, language: str, words: str
) -> None:
    async with browsing(world, "li", PASSWORD) as own:
        page = page_of(await own.get("/", headers={"accept-language": LANGUAGES[language]}))

    assert words not in page.words
    assert words in (await read(world, "/", language)).words


async def test_quiet_has_a_beginning(world: World) -> None:
    await world.pushes("queue", 700)
    await world.pushes("queue", 10)
    await world.passes(minutes=31)

    page = await read(world, "/")

    assert "All quiet since 20:01" in page.words
    assert "No open incident for 30 min." in page.words


async def test_what_breaks_first_comes_first_and_what_is_overdue_before_it(world: World) -> None:
    await world.pushes("queue", 700, system="")  # P3: hours
    await world.pushes("langyan_host_cpu_percent", 95, instance="a")  # P2: half an hour
    await world.passes(minutes=20)
    await world.pushes("latency", 2600, instance="b", system="web")  # P1: a quarter
    page = await read(world, "/")
    assert page.before("#2 ·", "#3 ·", "#1 ·")

    await world.passes(minutes=16)

    assert (await read(world, "/")).before("#3 ·", "#2 ·", "#1 ·")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["1 open incident", "1 without an owner", "Nobody has it", "until Nov 9 09:00"]),
        ("zh", ["1 起故障未恢复", "1 起还没有人接手", "待接手", "到 11月9日 09:00"]),
    ],
)
async def test_it_says_how_many_wait_and_who_is_on_call(
    world: World, language: str, words: list[str]
) -> None:
    await world.pushes("latency", 2600)

    page = await read(world, "/", language)

    assert all(each in page.words for each in ["李雷", *words])


async def test_a_client_that_burns_comes_before_one_that_is_well(world: World) -> None:
    await world.pushes("latency", 2600)

    assert "1 open" in (await read(world, "/")).part("client-acme").words


async def test_a_row_says_what_else_is_wrong(world: World) -> None:
    await world.pushes("queue", 700)
    await world.passes(minutes=11)

    assert "Needs an administrator" in (await read(world, "/")).part("incident-1").words
