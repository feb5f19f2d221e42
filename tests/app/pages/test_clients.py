"""The clients and how they are, for the house and for the client alone."""

from tests.support.reading import read
from tests.support.world import World


async def test_a_client_in_trouble_says_how_grave_it_is(world: World) -> None:
    calm = await read(world, "/clients")
    await world.pushes("latency", 2600)
    burning = await read(world, "/clients")

    assert "爱可美餐饮 2 systems" in calm.words
    assert "100" in calm.words
    assert "1 open P1" in burning.words


async def test_a_clients_page_has_its_systems_and_its_sla(world: World) -> None:
    await world.pushes("latency", 2600)
    await world.acknowledges("li")
    await world.passes(hours=1)
    await world.pushes("latency", 10)
    await world.passes(minutes=2)

    page = await read(world, "/clients/acme")
    told = (await world.http.get("/api/v1/clients/acme/health")).json()

    assert "点餐系统 Core" in page.words
    assert "1 of 1 kept" in page.words
    assert told["response"] == {"met": 1, "breached": 0}
    assert told["recovery"] == {"met": 1, "breached": 0}
    assert 0.9 < told["availability"] < 1.0
    assert [(one["name"], one["core"]) for one in told["systems"]] == [
        ("pos", True),
        ("web", False),
    ]
    assert (await read(world, "/clients/nobody")).status == 404


async def test_everything_is_found_by_its_name(world: World) -> None:
    await world.pushes("queue", 700, instance="mq-1")

    for text, words in {
        "点餐": "点餐系统 acme / pos",
        "积压": "队列积压",
        "mq-1": "mq-1",
        "queue": "queue",
        "李": "李雷",
        "爱可美": "爱可美餐饮",
    }.items():
        page = await read(world, f"/search?q={text}", "zh")
        assert words in page.words, text
    assert "Nothing found" in (await read(world, "/search?q=nothing-like-it")).words


async def test_the_number_of_an_incident_leads_to_it(world: World) -> None:
    await world.pushes("queue", 700, instance="mq-1")

    answer = await world.http.get("/search?q=%231")

    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/1")
    assert (await read(world, "/search?q=77")).status == 200


async def test_rest_finds_the_same(world: World) -> None:
    await world.pushes("queue", 700, instance="mq-1")

    found = (await world.http.get("/api/v1/search", params={"q": "queue"})).json()["items"]

    assert {"alert", "rule", "metric"} <= {one["kind"] for one in found}
    assert (await world.http.get("/api/v1/search", params={"q": "\0"})).status_code == 422
