"""A target asked at once, and left alone: by REST and by its page, on record."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from access.tables import AuditEntry
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.exporter import exporter
from tests.support.forms import send
from tests.support.reading import read
from tests.support.world import STANDING, World, world

TILL = "/api/v1/targets/acme/till"
PAGE = "/admin/targets/acme/till"


@pytest.fixture(name="world")
async def whole_program(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock, yaml=STANDING) as found:
        yield found


async def makes(world: World, url: str, **more: Any) -> None:
    target = {"client": "acme", "name": "till", "kind": "scrape", "url": url, **more}
    answer = await world.http.post("/api/v1/targets", json=target)
    assert answer.status_code == 201, answer.text
    await world.house.reload()


async def deeds(world: World) -> list[AuditEntry]:
    async with world.db.snapshot() as session:
        found = select(AuditEntry).where(AuditEntry.on == "acme/till").order_by(AuditEntry.id)
        return list(await session.scalars(found))


async def test_a_target_is_tried_and_nothing_of_it_is_kept(world: World) -> None:
    async with exporter(lambda: (200, b"jobs 3\nqueue 4\n")) as url:
        await makes(world, url)
        told = (await world.http.post(f"{TILL}/try")).json()
        page = await send(world, f"{PAGE}/try", {})

    assert (told["good"], told["status"], told["samples"], told["why"]) == (True, 200, 2, None)
    assert told["seconds"] > 0
    assert "Answers" in page.words
    assert world.house.store.series == 0
    did = [(one.did, one.facts.get("status")) for one in await deeds(world)]
    assert did == [("target.add", None), ("target.try", 200), ("target.try", 200)]


async def test_what_is_wrong_is_told(world: World) -> None:
    async with exporter(lambda: (500, b"")) as url:
        await makes(world, url)
        broken = (await world.http.post(f"{TILL}/try")).json()
    gone = (await world.http.post(f"{TILL}/try")).json()

    assert (broken["good"], broken["status"]) == (False, 500)
    assert "500" in broken["why"]
    assert (gone["good"], gone["status"], bool(gone["why"])) == (False, None, True)


async def test_an_address_that_is_not_allowed_is_not_asked(world: World) -> None:
    await makes(world, "http://169.254.169.254/latest/meta-data")

    told = (await world.http.post(f"{TILL}/try")).json()

    assert (told["good"], told["status"]) == (False, None)
    assert "link-local" in told["why"]


async def test_a_paused_target_is_left_alone_until_it_is_resumed(world: World) -> None:
    await makes(world, "http://127.0.0.1:1/metrics")

    paused = await world.http.post(f"{TILL}/pause", json={"reason": "moves house"})
    await world.house.reload()
    assert (paused.json()["paused"], world.house.rounds.targets) == ("moves house", [])
    assert (await world.http.get(TILL)).json()["paused"] == "moves house"
    assert (await read(world, "/admin/targets")).before("Paused", "moves house")

    resumed = await world.http.post(f"{TILL}/resume")
    await world.house.reload()
    assert resumed.json() == {"paused": None, "by": None, "since": None}
    assert [one.name for one in world.house.rounds.targets] == ["till"]
    did = [one.did for one in await deeds(world)]
    assert did == ["target.add", "target.pause", "target.resume"]


async def test_a_pause_needs_a_reason_and_is_made_on_the_page(world: World) -> None:
    await makes(world, "http://127.0.0.1:1/metrics")

    assert (await send(world, f"{PAGE}/pause", {"reason": " "})).status == 422
    assert (await world.http.post(f"{TILL}/pause", json={"reason": ""})).status_code == 422
    assert (await send(world, f"{PAGE}/pause", {"reason": "moves"})).status == 303
    assert "moves" in (await read(world, PAGE)).words
    assert (await send(world, f"{PAGE}/resume", {})).status == 303
    assert (await world.http.get(TILL)).json()["paused"] is None


async def test_a_change_by_hand_does_not_end_a_pause(world: World) -> None:
    await makes(world, "http://127.0.0.1:1/metrics")
    await world.http.post(f"{TILL}/pause", json={"reason": "moves"})

    read_back = (await world.http.get(TILL)).json()
    answer = await world.http.put(TILL, json={**read_back, "interval": "30s"})

    assert (answer.status_code, answer.json()["paused"]) == (200, "moves"), answer.text
