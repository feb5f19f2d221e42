"""The list of incidents: filters in the address, pages, and words when there is nothing."""

import pytest

from app.pages import incident_list
from tests.support.reading import read
from tests.support.world import World


async def several(world: World) -> None:
    """Let three incidents open, the second of which is over."""
    await world.pushes("queue", 700, system="pos")
    await world.pushes("latency", 2600, system="web", instance="web-2")
    await world.pushes("latency", 100, system="web", instance="web-2")
    await world.passes(minutes=2)
    await world.pushes("langyan_host_cpu_percent", 95, system="", instance="db-1")


FOUND = {
    "": [3, 1],
    "?state=resolved": [2],
    "?state=all": [3, 2, 1],
    "?state=all&priority=P1": [2],
    "?state=all&text=web-2": [2],
    "?state=all&text=%233": [3],
    "?state=all&client=acme&text=CPU": [3],
    "?state=all&client=house": [],
}


async def test_the_address_says_what_is_shown(world: World) -> None:
    await several(world)

    for query, numbers in FOUND.items():
        page = await read(world, f"/incidents{query}")
        shown = [number for number in (3, 2, 1) if f'id="incident-{number}"' in page.markup]
        assert shown == numbers, query


async def test_nothing_is_said_in_words_that_help(world: World) -> None:
    assert "No open incidents" in (await read(world, "/incidents")).words
    assert "没有未恢复的故障" in (await read(world, "/incidents", "zh")).words
    assert "No incident matches" in (await read(world, "/incidents?text=x")).words
    assert "没有符合条件的故障" in (await read(world, "/incidents?text=x", "zh")).words


async def test_the_older_ones_are_a_page_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_list, "PAGE", 2)
    await several(world)

    page = await read(world, "/incidents?state=all")

    assert "state=all&amp;priority=&amp;client=&amp;text=&amp;before=2" in page.markup
    older = await read(world, "/incidents?state=all&before=2")
    assert 'id="incident-1"' in older.markup
    assert 'id="incident-2"' not in older.markup


async def test_a_row_says_how_long_it_lasted(world: World) -> None:
    await several(world)

    row = (await read(world, "/incidents?state=resolved")).part("incident-2")

    assert "Lasted 1 min" in row.words
    assert "爱可美餐饮 › 官网" in row.words


async def test_the_list_is_there_as_csv_with_its_filters(world: World) -> None:
    await world.pushes("queue", 700)
    await world.pushes("latency", 2600, instance="=1+1")

    page = await read(world, "/incidents?priority=P1")
    answer = await world.http.get("/incidents.csv?state=all&priority=P1")
    head, *rows = answer.text.splitlines()

    assert "/incidents.csv?state=open&amp;priority=P1" in page.markup
    assert head.removeprefix("\ufeff").startswith("number,status,priority,client,system,title")
    assert len(rows) == 1
    assert ",triggered,P1,acme,pos,下单延迟" in rows[0]
    assert rows[0].split(",")[-4] == "running"
