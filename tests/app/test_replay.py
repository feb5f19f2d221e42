"""A rule over the past: what it would have made is what the rules that watch have made."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from access.commands import make_token
from access.scope import SYSTEM, Right
from app.cli.replaying import asked_with, bar, report
from app.replay.nights import at_night
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.world import World, world

VALUES: list[float] = [10, *[92] * 9, *[97] * 10, *[80] * 2, 10, 10]
LOUDER = {"name": "disk", "expr": "disk", "P1": {"above": 50}, "recover": {"below": 20}}


@pytest.fixture
async def installed(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


async def lives(installed: World, values: list[float]) -> None:
    await installed.house.reload()
    for value in values:
        await installed.pushes("disk", value)
        await installed.passes(seconds=15)


async def replayed(installed: World, **asked: Any) -> Any:
    answer = await installed.http.post("/api/v1/replays", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_tells_the_alert_the_incident_and_whom_live_has_called(installed: World) -> None:
    await lives(installed, VALUES)
    await installed.passes(minutes=3)
    watched = await installed.http.get(
        "/api/v1/alerts", params={"rule": "disk", "state": "resolved"}
    )
    (alert,) = watched.json()["items"]
    (incident,) = await installed.incidents()
    found = (await replayed(installed, rule="disk"))["now"]

    (would,) = found["alerts"]
    assert (would["from"], would["until"]) == (alert["fired_at"], alert["resolved_at"])
    assert (would["labels"], would["priority"]) == (alert["labels"], "P1")
    assert would["pending_since"] < would["from"]
    (opened,) = found["incidents"]
    assert (opened["system"], opened["priority"]) == ("pos", incident["priority"])
    assert (opened["opened_at"], opened["alerts"]) == (incident["opened_at"], 1)
    called = [call.json["event"] for call in installed.phone.calls_of("li")]
    would_call = [one["event"] for one in found["notifications"] if one["person"] == "li"]
    assert would_call == [event for event in called if event != "resolved"] != []


async def test_who_answers_is_not_called_again(installed: World) -> None:
    await lives(installed, [10, *[97] * 60])
    silent = (await replayed(installed, rule="disk"))["now"]["sums"]
    answered = (await replayed(installed, rule="disk", acknowledge_after="1m"))["now"]["sums"]
    assert silent["by_person"].keys() == {"li", "han"}
    assert answered["by_person"] == {"li": 1}


async def test_two_versions_are_held_together(installed: World) -> None:
    await lives(installed, [10, *[60] * 4, *[10] * 2, *[97] * 12, 10, 10])
    found = await replayed(installed, rule="disk", threshold=LOUDER)
    assert found["difference"]["counts"] == {"only_before": 0, "only_now": 1, "both": 1}
    assert found["before"]["sums"]["alerts"] == 1
    same = await replayed(installed, rule="disk", against=LOUDER)
    assert same["difference"]["counts"] == {"only_before": 1, "only_now": 0, "both": 1}


async def test_nobody_is_told_by_a_replay(installed: World) -> None:
    await lives(installed, [10, *[60] * 12])
    assert (await replayed(installed, threshold=LOUDER))["now"]["sums"]["notifications"] > 0
    assert installed.phone.rang == []


@pytest.mark.parametrize(
    ("hour", "zone", "night"),
    [
        (14, "Asia/Shanghai", True),
        (13, "Asia/Shanghai", False),
        (22, "Asia/Shanghai", True),
        (23, "Asia/Shanghai", False),
        (14, "Europe/Berlin", False),
        (21, "Europe/Berlin", True),
        (6, "Europe/Berlin", False),
    ],
)
def test_it_is_night_where_somebody_is_called(hour: int, zone: str, night: bool) -> None:
    assert at_night(datetime(2026, 11, 2, hour, tzinfo=UTC), zone) is night


async def test_a_token_of_another_client_sees_nothing_of_it(installed: World) -> None:
    await lives(installed, [10, *[97] * 12])
    async with installed.db.transaction() as tx:
        raw = await make_token(
            tx, name="t", client="house", rights=[Right.READ], by=SYSTEM, now=installed.clock()
        )
    narrow = {"Authorization": f"Bearer {raw}"}
    body: dict[str, Any] = {"rule": "disk"}
    answer = await installed.http.post("/api/v1/replays", json=body, headers=narrow)
    assert answer.status_code == 200, answer.text
    assert answer.json()["now"]["sums"]["alerts"] == 0
    assert "acme" not in answer.text
    body["client"] = "acme"
    refused = await installed.http.post("/api/v1/replays", json=body, headers=narrow)
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"rule": "nothing-of-that-name"}, 404),
        ({"threshold": {**LOUDER, "expr": "sum by ("}}, 422),
        ({"rule": "disk", "against": {**LOUDER, "expr": "sum by ("}}, 422),
        ({"rule": "disk", "acknowledge_after": "0s"}, 422),
        ({"rule": "disk", "since": "2020-01-01T00:00:00Z"}, 422),
    ],
)
async def test_what_cannot_be_replayed_is_refused(
    installed: World, asked: dict[str, Any], status: int
) -> None:
    assert (await installed.http.post("/api/v1/replays", json=asked)).status_code == status


async def test_a_terminal_is_told_in_both_languages(installed: World) -> None:
    await lives(installed, [10, *[97] * 12])
    found = await replayed(installed, rule="disk", threshold=LOUDER, acknowledge_after="5m")
    assert "acknowledged 5m after" in report(found, "en")
    assert "█" in report(found, "en")
    assert "只有新版才有的：0；两版都有的：1" in report(found, "zh-CN")


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        (("2026-11-02T00:00:00Z", None), "█" * 60),
        (("2026-11-02T00:30:00Z", "2026-11-02T00:45:00Z"), "·" * 30 + "█" * 15 + "·" * 15),
        (("2026-11-02T01:00:00Z", None), "·" * 59 + "█"),
    ],
)
def test_a_bar_is_full_where_the_alert_fires(edges: tuple[str, str | None], expected: str) -> None:
    since = datetime(2026, 11, 2, tzinfo=UTC)
    alert = {"from": edges[0], "until": edges[1]}
    assert bar(alert, since, since + timedelta(hours=1)) == expected


def test_a_file_with_several_thresholds_needs_a_name(tmp_path: Path) -> None:
    file = tmp_path / "new.yml"
    file.write_text("thresholds: [{name: a, expr: a}, {name: b, expr: b}]", "utf-8")
    assert asked_with(file, "b") == {"threshold": {"name": "b", "expr": "b"}}
    assert asked_with(file, "b", former=True) == {"against": {"name": "b", "expr": "b"}}
    with pytest.raises(click.UsageError, match=r"a, b"):
        asked_with(file, None)


def test_a_rule_of_a_prometheus_file_is_asked_with_its_group_alone(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(
        "groups: [{name: g, interval: 15s, rules: ["
        "{record: r, expr: a}, {alert: A, expr: a}, {alert: B, expr: b}]}]",
        "utf-8",
    )
    group = {"name": "g", "interval": "15s", "rules": [{"alert": "B", "expr": "b"}]}
    assert asked_with(file, "g/B") == {"group": group}
    assert asked_with(file, "g/B", former=True) == {"group_against": group}
    with pytest.raises(click.UsageError, match=r"g/A, g/B"):
        asked_with(file, "g/r")
