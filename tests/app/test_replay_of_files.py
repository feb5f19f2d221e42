"""A rule of a Prometheus file over the past, beside what it did when it watched."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from access.commands import make_token
from access.scope import SYSTEM, Right
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.phone import Phone
from tests.support.reading import read
from tests.support.rule_files import YAML, write
from tests.support.world import World, life

KEY = "shop/QueueTooLong"


@pytest.fixture
async def shop(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    write(tmp_path)
    async with Phone() as phone, life(db, tmp_path, clock, phone=phone, yaml=YAML) as found:
        for value in (1, *[1500] * 12, *[3] * 8):
            await found.pushes("queue_depth", value)
            await found.passes(seconds=15)
        yield found


async def test_it_tells_the_alert_the_incident_and_whom_live_has_called(shop: World) -> None:
    answer = await shop.http.post("/api/v1/replays", json={"rule": KEY})
    assert answer.status_code == 200, answer.text
    found = answer.json()["now"]
    watched = await shop.http.get("/api/v1/alerts", params={"state": "resolved"})
    (alert,) = watched.json()["items"]
    (incident,) = await shop.incidents()

    (would,) = found["alerts"]
    assert (would["labels"], would["priority"]) == (alert["labels"], "P1")
    for told, lived in ((would["from"], alert["fired_at"]), (would["until"], alert["resolved_at"])):
        apart = datetime.fromisoformat(told) - datetime.fromisoformat(lived)
        assert abs(apart) <= timedelta(seconds=15)
    (opened,) = found["incidents"]
    assert (opened["system"], opened["priority"]) == ("pos", incident["priority"])
    assert [one["person"] for one in found["notifications"]] == shop.phone.rang[:1] == ["li"]


async def test_two_versions_are_held_together(shop: World) -> None:
    patient = {"alert": "QueueTooLong", "expr": "queue:depth:max > 100", "for": "10m"}
    labels = {"severity": "critical", "team": "{{ $labels.system }}-team"}
    group = {"name": "shop", "interval": "15s", "rules": [{**patient, "labels": labels}]}
    answer = await shop.http.post("/api/v1/replays", json={"rule": KEY, "group": group})
    assert answer.status_code == 200, answer.text
    assert answer.json()["difference"]["counts"] == {"only_before": 1, "only_now": 0, "both": 0}

    group["rules"] = [{**patient, "for": "30s", "labels": labels}]
    former = {"rule": KEY, "group_against": group}
    found = (await shop.http.post("/api/v1/replays", json=former)).json()
    assert found["difference"]["counts"]["both"] == 1
    assert found["before"]["alerts"][0]["from"] < found["now"]["alerts"][0]["from"]

    group["rules"] = []
    answer = await shop.http.post("/api/v1/replays", json={"group": group})
    assert answer.status_code == 422


async def test_its_page_tells_the_same_and_lets_its_waits_be_others(shop: World) -> None:
    page = await read(shop, f"/replay?rule={KEY}")
    assert "It would have raised 1 alert in 1 incident." in page.words
    assert "QueueTooLong" in page.words

    patient = await read(shop, f"/replay?rule={KEY}&for=1h")
    assert "With these limits nothing would have happened" in patient.words
    assert "No more: 1" in patient.words
    assert (await read(shop, f"/replay?rule={KEY}&for=soon")).status == 422
    assert f'href="/replay?rule={KEY}"' in (await read(shop, "/rules")).markup.replace("%2F", "/")
    assert (await read(shop, "/replay")).status == 303


async def test_what_is_recorded_or_not_there_is_not_found(shop: World) -> None:
    for name in ("shop/queue:depth:max", "shop/Nothing"):
        answer = await shop.http.post("/api/v1/replays", json={"rule": name})
        assert answer.status_code == 404
        assert (await read(shop, f"/replay?rule={name}")).status == 404


async def test_a_token_of_another_client_sees_nothing_of_it(shop: World) -> None:
    async with shop.db.transaction() as tx:
        raw = await make_token(
            tx, name="t", client="house", rights=[Right.READ], by=SYSTEM, now=shop.clock()
        )
    narrow = {"Authorization": f"Bearer {raw}"}
    answer = await shop.http.post("/api/v1/replays", json={"rule": KEY}, headers=narrow)
    assert answer.status_code == 200, answer.text
    assert answer.json()["now"]["sums"]["alerts"] == 0
    assert "acme" not in answer.text
