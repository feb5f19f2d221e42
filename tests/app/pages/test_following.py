"""Pages that follow what happens: drawn anew when something they show has changed, else a tick."""

import asyncio
import re
from html import unescape
from urllib.parse import quote

import pytest

from app.pages import frame
from kit import live
from tests.support.reading import read
from tests.support.streams import TICK, following
from tests.support.world import World


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "AGAIN_AFTER", 0.3)


@pytest.mark.parametrize("path", ["/hosts/events", "/incidents/events", "/oncall/events"])
async def test_while_nothing_changes_a_page_is_told_the_time_alone(world: World, path: str) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")

    async with following(world, path) as page:
        await page.draws(1)
        await page.says(4)

    assert len(page.drawn) == 1
    assert all(each.startswith(TICK) for each in page.said[1:])


async def test_hosts_are_drawn_again_when_one_has_sent(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")

    async with following(world, "/hosts/events") as page:
        await page.draws(1)
        await world.passes(seconds=1)
        await world.pushes("queue", 5)
        await asyncio.sleep(0.8)
        assert len(page.drawn) == 1
        await world.pushes("langyan_host_cpu_percent", 37, instance="a-1")
        await page.draws(2)

    assert b"37%" in page.drawn[-1]


async def test_an_incident_comes_into_the_list_and_leaves_it_again(world: World) -> None:
    async with following(world, "/incidents/events?priority=P2") as page:
        await page.draws(1)
        await world.pushes("langyan_host_cpu_percent", 95, instance="b-1")
        await page.shows(b'id="incident-1"')
        await world.acknowledges("li")
        await page.shows(b"acknowledged")

    assert b'id="incident-1"' not in page.said[0]


async def test_a_changed_schedule_is_on_the_page_at_once(world: World) -> None:
    layers = [{"rotation": "daily", "handoff": "09:00", "people": ["han"]}]
    made = {"name": "nights", "timezone": "Asia/Shanghai", "layers": layers}

    async with following(world, "/oncall/events") as page:
        await page.draws(1)
        answer = await world.http.post("/api/v1/schedules", json=made)
        assert answer.status_code == 201, answer.text
        await world.house.reload()
        await page.shows(b'id="schedule-nights"')


async def test_after_a_while_a_page_is_drawn_again_whatever_happened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "ANEW_AFTER", 0.9)

    async with following(world, "/oncall/events") as page:
        await page.draws(1)
        await page.draws(2)


EVENTS = re.compile(r'hx-sse:connect="([^"]+)"')


async def opened(world: World, path: str) -> str:
    """Open a page; return the address of what it follows."""
    page = await read(world, path)
    found = EVENTS.search(page.markup)
    assert found is not None
    return unescape(found[1])


FOLLOWED = [
    "/",
    "/hosts",
    "/incidents?state=all",
    "/incidents/1",
    "/alerts?state=firing",
    "/oncall",
]


@pytest.mark.parametrize("path", FOLLOWED)
async def test_a_page_that_was_just_opened_is_not_drawn_twice(world: World, path: str) -> None:
    await world.pushes("langyan_host_cpu_percent", 95, instance="a-1")

    async with following(world, await opened(world, path)) as page:
        await page.says(1)

    assert page.said[0].startswith(TICK)


@pytest.mark.parametrize("path", FOLLOWED)
async def test_what_happens_before_a_page_connects_is_drawn(world: World, path: str) -> None:
    await world.pushes("langyan_host_cpu_percent", 95, instance="a-1")
    events = await opened(world, path)
    async with world.db.transaction() as tx:
        live.announce(tx, live.BOARD)
    await asyncio.sleep(0.2)

    async with following(world, events) as page:
        await page.draws(1)

    assert len(page.said) == 1


async def test_a_sample_that_comes_before_the_hosts_connect_is_drawn(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")
    events = await opened(world, "/hosts")
    await world.passes(seconds=1)
    await world.pushes("langyan_host_cpu_percent", 37, instance="a-1")

    async with following(world, events) as page:
        await page.draws(1)

    assert b"37%" in page.drawn[0]


async def test_a_page_that_connects_again_later_is_drawn(world: World) -> None:
    events = await opened(world, "/oncall")
    world.clock.advance(seconds=frame.STILL + 1)

    async with following(world, events) as page:
        await page.draws(1)


@pytest.mark.parametrize("since", ["", "soon", "-", "9" * 400 + "-0", "²-0", "-1-0"])
async def test_an_odd_word_of_when_a_page_is_draws_it(world: World, since: str) -> None:
    async with following(world, f"/oncall/events?since={quote(since)}") as page:
        await page.draws(1)


async def test_when_a_page_of_another_replica_is_from_means_nothing_here(world: World) -> None:
    events = await opened(world, "/oncall")
    moment, _, _ = events.partition("since=")[2].partition("-")

    async with following(world, f"/oncall/events?since={moment}-{'0' * 24}") as page:
        await page.draws(1)
