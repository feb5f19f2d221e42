"""The machines: what fires on them, which number it is about, and what is silent."""

import pytest

from tests.support.reading import read
from tests.support.world import World


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["Hosts", "No hosts yet"]), ("zh", ["主机", "还没有主机"])]
)
async def test_without_machines_it_says_how_they_come(
    world: World, language: str, words: list[str]
) -> None:
    page = await read(world, "/hosts", language)

    assert all(each in page.words for each in words)


async def test_a_machine_that_burns_comes_first_and_leads_to_its_incident(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")
    await world.pushes("langyan_host_cpu_percent", 95, instance="b-1")
    await world.pushes("langyan_host_memory_percent", 40, instance="b-1")

    page = await read(world, "/hosts")

    burning = page.part("host-acme-b-1")
    assert page.before("b-1", "a-1")
    assert 'class="card host alert P2"' in burning.markup
    assert 'href="/incidents/1"' in burning.markup
    assert '<b class="P2">95%</b>' in burning.markup
    assert '<b class="">40%</b>' in burning.markup
    assert "Well" in page.part("host-acme-a-1").words
    assert "host alert" in (await read(world, "/")).part("host-acme-b-1").markup


async def test_when_it_is_over_the_machine_is_well_again(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 95, instance="b-1")
    await world.passes(minutes=1)
    await world.pushes("langyan_host_cpu_percent", 20, instance="b-1")

    assert "Well" in (await read(world, "/hosts")).part("host-acme-b-1").words


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["No data", "Last heard 6 min ago"]), ("zh", ["数据中断", "6 分前上报"])],
)
async def test_a_machine_that_is_silent_says_since_when(
    world: World, language: str, words: list[str]
) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")
    await world.passes(minutes=6)

    page = await read(world, "/hosts", language)

    assert all(each in page.words for each in words)


async def test_traffic_is_said_in_units_that_people_know(world: World) -> None:
    await world.pushes("langyan_host_receive_bytes_per_second", 3 * 1024**2, instance="a-1")

    assert "3 MiB/s" in (await read(world, "/hosts")).words


async def test_the_machines_are_there_as_csv(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 12, instance="=web-1")

    answer = await world.http.get("/hosts.csv", headers={"accept-language": "en"})
    head, *rows = answer.text.splitlines()

    assert (
        head
        == "\ufeffclient,host,system,state,priority,incident,seen_at,cpu,memory,disk,load,network"
    )
    assert len(rows) == 1
    assert rows[0].startswith("acme,'=web-1,")
    assert "12%" in rows[0]
