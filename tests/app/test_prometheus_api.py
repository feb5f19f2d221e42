"""What Prometheus's clients ask of the program itself: its targets, its version."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kit.db import Database
from metrics.api import PREFIX
from tests.support.clock import FakeClock
from tests.support.world import STANDING, World, world

TARGETS = """
targets:
  - {name: node, client: acme, kind: scrape, url: "http://10.0.0.1:9100/metrics", interval: 30s}
  - {name: shop, client: acme, kind: http, url: "https://shop.example/"}
"""


@pytest.fixture(name="world")
async def with_targets(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock, yaml=STANDING + TARGETS) as found:
        yield found


async def data(world: World, path: str, **asked: str) -> Any:
    answer = await world.http.get(PREFIX + path, params=asked)
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


async def test_targets_are_told_with_their_health(world: World) -> None:
    await world.pushes("up", 1, job="node", instance="10.0.0.1:9100", client="acme")

    active = (await data(world, "/targets"))["activeTargets"]
    assert [(one["scrapePool"], one["health"]) for one in active] == [
        ("node", "up"),
        ("shop", "unknown"),
    ]
    assert active[0]["labels"] == {"client": "acme", "instance": "10.0.0.1:9100", "job": "node"}
    assert active[0]["scrapeInterval"] == "30s"
    assert active[1]["lastScrape"] == "0001-01-01T00:00:00Z"


async def test_targets_can_be_chosen_by_state_and_pool(world: World) -> None:
    pause = "/api/v1/targets/acme/shop/pause"
    assert (await world.http.post(pause, json={"reason": "moves"})).is_success

    told = await data(world, "/targets")
    assert [one["scrapePool"] for one in told["droppedTargets"]] == ["shop"]
    assert (await data(world, "/targets", state="active"))["droppedTargets"] == []
    assert (await data(world, "/targets", state="dropped"))["activeTargets"] == []
    assert (await data(world, "/targets", scrapePool="nobody"))["activeTargets"] == []
    assert await data(world, "/scrape_pools") == {"scrapePools": ["node", "shop"]}


async def test_the_version_is_one_of_prometheus(world: World) -> None:
    told = await data(world, "/status/buildinfo")

    assert told["version"] == "3.5.0"
    assert told["revision"].startswith("langyan ")


async def test_what_the_store_has_is_listed(world: World) -> None:
    await world.pushes("disk", 97)

    assert "disk" in await data(world, "/label/__name__/values")
    now = str(world.clock().timestamp())
    assert "disk" in await data(world, "/label/__name__/values", start=now, end=now)
    later = str(world.clock().timestamp() + 60)
    assert await data(world, "/label/__name__/values", start=later) == []


async def test_a_query_in_the_url_is_answered_as_one_that_is_posted(world: World) -> None:
    await world.pushes("disk", 97)
    now = str(world.clock().timestamp())
    for path, asked in (
        ("/query", {"query": "disk + 1"}),
        ("/query", {"query": "disk +", "limit": "1"}),
        ("/query_range", {"query": "disk", "start": now, "end": now, "step": "15"}),
        ("/query_range", {"query": "disk", "start": now, "end": "0", "step": "15"}),
        ("/query_range", {"query": "disk[5m]", "start": now, "end": now, "step": "15"}),
    ):
        in_url = await world.http.get(PREFIX + path, params=asked)
        posted = await world.http.post(PREFIX + path, data=asked)
        assert (in_url.status_code, in_url.content) == (posted.status_code, posted.content), asked
        assert in_url.headers["content-type"] == posted.headers["content-type"]
        assert "Server-Timing" in in_url.headers
        assert in_url.headers["X-Content-Type-Options"] == "nosniff"


async def test_who_may_not_ask_is_told_so_in_their_language(world: World) -> None:
    issued = await world.http.post(
        "/api/v1/tokens", json={"name": "agent", "client": "acme", "rights": ["ingest"]}
    )
    unknown, without = "ly_nobody", issued.json()["token"]
    for token, status in ((unknown, 401), (without, 403)):
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh"}
        answer = await world.http.get(PREFIX + "/query?query=1", headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["content-language"] == "zh-CN"
