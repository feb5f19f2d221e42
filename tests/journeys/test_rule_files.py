"""A Prometheus rule file, from the file to the page and back to calm."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.phone import Phone
from tests.support.rule_files import YAML, write
from tests.support.world import World, life


@pytest.fixture
async def shop(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    write(tmp_path)
    async with Phone() as phone, life(db, tmp_path, clock, phone=phone, yaml=YAML) as found:
        yield found


async def test_an_alert_of_a_file_pages_and_is_over(shop: World) -> None:
    await shop.pushes("queue_depth", 1500)
    await shop.passes(seconds=45)
    assert shop.phone.rang == []
    await shop.pushes("queue_depth", 1600)
    await shop.passes(seconds=45)
    assert shop.phone.rang == ["li"]
    incident = await shop.incident()
    assert incident["priority"] == "P1"
    (alert,) = incident["alerts"]
    assert alert["labels"] == {
        **{"client": "acme", "system": "pos", "alertname": "QueueTooLong"},
        **{"severity": "critical", "team": "pos-team"},
    }
    said = {"summary": "1.6k wait in pos"}
    assert alert["annotations"] == said
    assert shop.phone.calls[0].json["alerts"][0]["annotations"] == said
    assert "1.6k wait in pos" in (await shop.http.get("/incidents/1")).text

    await shop.pushes("queue_depth", 3)
    await shop.passes(minutes=2)
    assert (await shop.incident())["status"] == "resolved"


async def test_the_prometheus_api_tells_of_rules_and_alerts(shop: World) -> None:
    await shop.pushes("queue_depth", 1500)
    await shop.passes(seconds=15)
    await shop.pushes("queue_depth", 1500)

    told = (await shop.http.get("/prometheus/api/v1/rules", params={"type": "alert"})).json()
    (group,) = told["data"]["groups"]
    assert (group["name"], group["interval"], group["limit"]) == ("shop", 15, 0)
    (rule,) = group["rules"]
    assert (rule["state"], rule["health"], rule["type"]) == ("pending", "ok", "alerting")
    (alert,) = (await shop.http.get("/prometheus/api/v1/alerts")).json()["data"]["alerts"]
    assert rule["alerts"] == [alert]
    assert alert["annotations"] == {"summary": "1.5k wait in pos"}
    assert (alert["state"], alert["value"]) == ("pending", "1.5e+03")


async def test_the_page_of_rules_says_where_they_stand(shop: World) -> None:
    page = (await shop.http.get("/rules", headers={"Accept-Language": "en"})).text
    assert "QueueTooLong" in page
    assert "rules/shop.yml:8" in page


async def test_what_is_recorded_and_alerts_can_be_queried(shop: World) -> None:
    await shop.pushes("queue_depth", 1500)
    await shop.passes(seconds=15)

    async def query(text: str) -> list[dict[str, object]]:
        answer = await shop.http.get("/prometheus/api/v1/query", params={"query": text})
        found: list[dict[str, object]] = answer.json()["data"]["result"]
        return found

    (recorded,) = await query("queue:depth:max")
    assert recorded["metric"] == {
        "__name__": "queue:depth:max",
        **{"client": "acme", "system": "pos"},
    }
    (alert,) = await query("ALERTS")
    assert alert["metric"]["alertstate"] == "pending"  # type: ignore[index]
    (since,) = await query("ALERTS_FOR_STATE")
    assert since["value"][1] == str(int(shop.clock().timestamp()) - 15)  # type: ignore[index]


async def test_a_restart_keeps_the_wait(db: Database, tmp_path: Path, clock: FakeClock) -> None:
    write(tmp_path)
    async with Phone() as phone:
        async with life(db, tmp_path, clock, phone=phone, yaml=YAML) as world:
            await world.pushes("queue_depth", 1500)
            await world.passes(seconds=30)
        async with life(db, tmp_path, clock, phone=phone, yaml=YAML) as world:
            await world.pushes("queue_depth", 1500)
            assert phone.rang == []
            await world.passes(seconds=45)
            assert phone.rang == ["li"]
        async with life(db, tmp_path, clock, phone=phone, yaml=YAML) as world:
            await world.pushes("queue_depth", 3)
            await world.passes(minutes=4)
            assert (await world.incident())["status"] == "resolved"
