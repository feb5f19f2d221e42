"""A muted installation tells nobody; what is still owed leaves when somebody lifts it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from access.commands import make_token
from access.scope import SYSTEM, Right
from access.tables import AuditEntry
from app import muting
from kit.db import Database
from notifications.tables import Notification
from tests.support.clock import FakeClock
from tests.support.forms import send
from tests.support.reading import read
from tests.support.world import World, world

MUTING = "/api/v1/muting"


@pytest.fixture(name="world")
async def whole_program(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


async def mutes(world: World, why: str = "a drill") -> None:
    answer = await world.http.put(MUTING, json={"reason": why})
    assert (answer.status_code, answer.json()["reason"]) == (200, why), answer.text
    await world.house.reload()


async def burns(world: World) -> None:
    for _ in range(2):
        await world.pushes("disk", 97)
        await world.passes(minutes=2)


async def test_nothing_leaves_and_what_waits_says_why(world: World) -> None:
    await mutes(world)
    await burns(world)

    assert world.phone.rang == []
    async with world.db.snapshot() as session:
        held = list(await session.scalars(select(Notification.held_reason)))
    assert held == ["muted"]
    assert (await world.incident())["status"] == "triggered"


async def test_lifted_what_is_owed_leaves_once_for_each_person(world: World) -> None:
    await mutes(world)
    await burns(world)
    await world.passes(minutes=30)  # both were to be told, again and again

    answer = await world.http.delete(MUTING)
    await world.house.reload()
    await world.settles()

    assert answer.json()["muted"] is False
    heard = [
        (person, call.json["event"])
        for person in ("li", "han")
        for call in world.phone.calls_of(person)
    ]
    assert {person for person, _ in heard} == {"li", "han"}
    assert len(heard) == len(set(heard))
    async with world.db.snapshot() as session:
        over = select(Notification).where(Notification.status == "cancelled")
        assert {row.last_error for row in await session.scalars(over)} == {"muted"}
    before = len(world.phone.rang)
    await world.passes(minutes=15)
    assert len(world.phone.rang) > before


async def test_each_change_is_on_record_and_a_second_is_none(world: World) -> None:
    await mutes(world)
    await world.http.put(MUTING, json={"reason": "another"})
    for _ in range(2):
        await world.http.delete(MUTING)

    async with world.db.snapshot() as session:
        mine = select(AuditEntry.did).where(AuditEntry.on == muting.ON).order_by(AuditEntry.id)
        assert list(await session.scalars(mine)) == ["installation.mute", "installation.unmute"]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_says_so_until_the_button_is_pressed(world: World, language: str) -> None:
    await mutes(world, "restored from a file")
    for path in ("/", "/incidents", "/admin/clients", "/troubles"):
        page = await read(world, path, language)
        assert "restored from a file" in page.words
        assert 'action="/admin/muting/lift"' in page.markup

    assert (await send(world, "/admin/muting/lift", {})).status == 303
    assert "restored from a file" not in (await read(world, "/")).words


async def test_only_who_reaches_every_client_throws_the_switch(world: World) -> None:
    async with world.db.transaction() as tx:
        raw = await make_token(
            tx, name="t", client="acme", rights=[Right.ADMIN], by=SYSTEM, now=world.clock()
        )
    narrow = {"Authorization": f"Bearer {raw}"}

    for answer in (
        await world.http.put(MUTING, json={"reason": "x"}, headers=narrow),
        await world.http.delete(MUTING, headers=narrow),
    ):
        assert answer.status_code == 403, answer.text
    assert (await world.http.get(MUTING, headers=narrow)).json()["muted"] is False


async def test_the_gauge_says_so(world: World) -> None:
    await mutes(world)
    assert "langyan_muted 1.0" in (await world.http.get("/metrics")).text
