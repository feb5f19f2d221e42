"""A contact can be changed: where it leads, its secret, and when its turn comes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from access.tables import AuditEntry
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.reading import read
from tests.support.world import STANDING, World, world

MINE = "/api/v1/people/wu/contacts"


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock, yaml=STANDING) as found:
        await found.http.post(
            "/api/v1/people", json={"name": "wu", "title": "吴", "clients": ["acme"]}
        )
        for address in ("first", "second"):
            await found.http.post(
                MINE, json={"channel": "webhook", "address": found.phone.url(address)}
            )
        yield found


async def contacts(world: World, of: str = MINE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.http.get(of)).json()["items"]
    return found


async def change(world: World, id: str, **changes: object) -> httpx.Response:
    return await world.http.patch(f"{MINE}/{id}", json=changes)


async def test_a_contact_leads_elsewhere_and_signs_what_it_sends(world: World) -> None:
    first, _ = await contacts(world)

    answer = await change(world, first["id"], address="https://new.example.com/wu", secret="s")

    assert answer.status_code == 200
    assert answer.json() == {
        **first,
        "address": "https://new.example.com/…",
        "has_secret": True,
    }
    assert (await change(world, first["id"], secret=None)).json()["has_secret"] is False
    async with world.db.snapshot() as session:
        deeds = select(AuditEntry).where(AuditEntry.did == "contact.change")
        facts = [entry.facts for entry in await session.scalars(deeds.order_by(AuditEntry.id))]
    assert [one["secret"] for one in facts] == ["changed", "removed"]
    assert "https://new.example.com/wu" not in str(facts)


async def test_the_order_of_tries_can_be_changed(world: World) -> None:
    first, second = await contacts(world)

    await change(world, second["id"], place=0)

    assert [one["id"] for one in await contacts(world)] == [second["id"], first["id"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"address": "wu@example.com"}, "address", id="no address of a webhook"),
        pytest.param({"channel": "email"}, "channel", id="the channel stays"),
        pytest.param({"place": -1}, "place", id="no place"),
    ],
)
async def test_what_does_not_fit_is_refused_at_its_field(
    world: World, changes: dict[str, object], field: str
) -> None:
    first, _ = await contacts(world)

    answer = await change(world, first["id"], **changes)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_two_contacts_do_not_lead_to_the_same_place(world: World) -> None:
    _, second = await contacts(world)

    answer = await change(world, second["id"], address=world.phone.url("first"))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/contact-known")


async def test_a_contact_of_a_file_is_changed_there(world: World) -> None:
    (owned,) = await contacts(world, "/api/v1/people/li/contacts")

    answer = await world.http.patch(
        f"/api/v1/people/li/contacts/{owned['id']}", json={"address": "https://x.example.com"}
    )

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/owned-by-file")


async def test_the_page_changes_what_its_form_says_and_keeps_the_rest(world: World) -> None:
    first, second = await contacts(world)
    page = f"/admin/people/wu/contacts/{second['id']}"

    await world.http.post(page, data={"address": "", "secret": "s"})
    await world.http.post(page, data={"place": "0"})
    wrong = await world.http.post(
        page, data={"address": "nowhere"}, headers={"accept-language": "zh-CN"}
    )

    assert await contacts(world) == [{**second, "has_secret": True}, first]
    assert wrong.status_code == 422
    assert "Webhook 需要 http 或 https 地址" in wrong.text
    assert "Change" in (await read(world, "/admin/people/wu")).words
