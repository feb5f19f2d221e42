"""A threshold tried on the past over REST: it says what the rules that watch have done."""

from datetime import datetime
from typing import Any

import pytest

from access.commands import make_token
from access.scope import SYSTEM, Right
from tests.support.world import World

RULE = {
    "name": "disk",
    "expr": "disk",
    "P1": {"above": 95, "for": "2m"},
    "P2": {"above": 90, "for": "2m"},
    "recover": {"below": 75},
}


async def tried(world: World, rule: dict[str, Any] = RULE, **asked: Any) -> Any:
    answer = await world.http.post(
        "/api/v1/thresholds/preview", json={"threshold": rule, "client": "shop", **asked}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def lives(world: World, values: list[float], client: str = "shop") -> None:
    for value in values:
        await world.pushes("disk", value, client=client)
        await world.passes(seconds=15)


async def test_it_says_what_the_rules_that_watch_have_done(world: World) -> None:
    await world.house.reload()
    await lives(world, [10, *[92] * 9, *[97] * 10, *[80] * 2, 10, 10])
    watched = await world.http.get("/api/v1/alerts", params={"rule": "disk", "state": "resolved"})
    (alert,) = watched.json()["items"]
    found = await tried(world)

    (would,) = found["alerts"]
    assert (would["from"], would["until"]) == (alert["fired_at"], alert["resolved_at"])
    assert (would["client"], would["labels"]) == ("shop", alert["labels"])
    assert (would["priority"], [move["priority"] for move in would["moves"]]) == (
        "P1",
        ["P2", "P1"],
    )
    assert found["counts"] == {"P1": 1, "P2": 0, "P3": 0, "P4": 0}
    assert (found["fired"], found["series"], found["samples"]) == (1, 1, 24)
    (line,) = found["chart"]["lines"]
    assert (line["fired"], max(v for v in line["values"] if v is not None)) == (True, 97)
    assert len(line["values"]) == 300


async def test_it_reads_what_only_the_database_holds(world: World) -> None:
    await world.house.reload()
    await lives(world, [10, *[97] * 12, 10])
    before = await tried(world)
    await world.house.flush(world.clock())
    world.clock.advance(hours=3)
    await world.house.flush(world.clock())
    assert (await tried(world))["alerts"] == before["alerts"] != []


async def test_nobody_is_told_and_nothing_is_kept(world: World) -> None:
    await world.house.reload()
    await lives(world, [10, *[60] * 12])
    found = await tried(
        world, {**RULE, "name": "other", "P1": {"above": 50}, "P2": None, "recover": None}
    )
    assert found["fired"] == 1
    assert world.phone.rang == []
    assert (await world.http.get("/api/v1/thresholds/other")).status_code == 404


async def test_a_caller_tries_it_on_its_own_clients_alone(world: World) -> None:
    await world.house.reload()
    await lives(world, [97] * 10)
    await lives(world, [97] * 10, client="bolt")
    async with world.db.transaction() as tx:
        raw = await make_token(
            tx, name="t", client="bolt", rights=[Right.READ], by=SYSTEM, now=world.clock()
        )
    narrow = {"Authorization": f"Bearer {raw}"}
    for expr in ("disk", 'disk{client="shop"} or disk', "sum by (client) (disk)"):
        body: dict[str, Any] = {"threshold": {**RULE, "expr": expr}}
        answer = await world.http.post("/api/v1/thresholds/preview", json=body, headers=narrow)
        found = answer.json()
        assert {alert["client"] for alert in found["alerts"]} == {"bolt"}, found
        assert "shop" not in str(found)
    body = {"threshold": RULE, "client": "shop"}
    refused = await world.http.post("/api/v1/thresholds/preview", json=body, headers=narrow)
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"threshold": {**RULE, "expr": "sum by ("}}, "threshold.expr"),
        ({"threshold": {**RULE, "expr": "absent(disk)"}}, "threshold.expr"),
        ({"threshold": {"name": "x", "expr": "x"}}, "threshold"),
        ({"since": "2020-01-01T00:00:00Z"}, "since"),
        ({"since": "2026-11-03T00:00:00Z", "until": "2026-11-02T00:00:00Z"}, "since"),
        ({"until": "2026-11-02T00:00:00"}, "until"),
        ({"step": "1ms"}, "step"),
        ({"nothing": 1}, "nothing"),
    ],
)
async def test_what_cannot_be_tried_is_refused_and_named(
    world: World, asked: dict[str, Any], field: str
) -> None:
    body = {"threshold": RULE, **asked}
    answer = await world.http.post("/api/v1/thresholds/preview", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


async def test_a_preview_is_about_the_last_day_unless_it_says_otherwise(world: World) -> None:
    found = await tried(world)
    since, until = (datetime.fromisoformat(found[part]) for part in ("since", "until"))
    assert (until, (until - since).total_seconds()) == (world.clock(), 86_400)
