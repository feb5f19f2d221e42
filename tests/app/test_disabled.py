"""Somebody who is disabled is let in nowhere, asked for nothing, and missing where they stood."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from access.tables import Person
from kit.db import Database
from tests.support.access import csrf_in
from tests.support.clock import FakeClock
from tests.support.reading import read
from tests.support.world import PASSWORD, World, world


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


async def disable(world: World, name: str) -> None:
    async with world.db.transaction() as tx:
        await tx.execute(update(Person).where(Person.name == name).values(disabled=True))


async def sign_in(browser: httpx.AsyncClient) -> httpx.Response:
    door = await browser.get("/signin")
    form = {"name": "li", "password": PASSWORD, "csrf": csrf_in(door.text)}
    return await browser.post("/signin", data=form)


async def test_their_sessions_end_at_once_and_no_new_one_begins(world: World) -> None:
    transport = world.http._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as browser:
        assert (await sign_in(browser)).status_code == 303
        assert (await browser.get("/account")).status_code == 200

        await disable(world, "li")

        assert (await browser.get("/account")).status_code == 303
        assert (await browser.get("/api/v1/incidents")).status_code == 401
        assert (await sign_in(browser)).status_code != 303


async def test_an_escalation_passes_them_over_and_says_so(world: World) -> None:
    await disable(world, "li")

    await world.pushes("disk", 97)
    await world.passes(minutes=2)

    assert world.phone.rang == ["han"]
    lines = (await world.incident())["timeline"]
    assert "nobody_reached" in [line["what"] for line in lines]


async def test_nobody_is_asked_again_who_was_disabled_meanwhile(world: World) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=2)
    assert world.phone.rang == ["li"]

    await disable(world, "li")
    await world.passes(hours=1)

    assert [call.json["event"] for call in world.phone.calls_of("li")] == ["triggered"]


async def test_their_link_takes_no_incident_any_more(world: World) -> None:
    await world.pushes("disk", 97)
    await world.passes(minutes=2)
    await disable(world, "li")

    assert (await world.acknowledges("li")).status_code in (401, 410)
    assert (await world.incident())["status"] == "triggered"


async def test_where_they_stood_on_call_is_a_gap(world: World) -> None:
    await disable(world, "li")

    page = await read(world, "/oncall")
    (schedule,) = (await world.http.get("/api/v1/oncall")).json()["items"]

    assert "Nobody is on call" in page.words
    assert "Nobody is on call" in (await read(world, "/")).words
    assert schedule["now"] == []
