"""What was given up stands where an administrator sees it, and can be tried again or left."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import make_token
from access.scope import SYSTEM, Right
from access.tables import AuditEntry
from alerting.tables import SetAside
from kit.db import Database
from kit.outbox import Event, publish, relay
from tests.support.clock import FakeClock
from tests.support.reading import read
from tests.support.world import World, world

REFUSED = 400
NOBODY = "00000000-0000-0000-0000-000000000000"


class Rang(Event):
    """Something that a reaction cannot answer."""

    topic = "test.rang"


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


async def items(world: World, sort: str) -> list[dict[str, Any]]:
    answer = await world.http.get(f"/api/v1/troubles/{sort}")
    found: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return found


async def do(world: World, *words: str) -> Any:
    return (await world.http.post("/".join(("/api/v1/troubles", *words)))).json()


async def deeds(db: Database) -> Sequence[str]:
    async with db.snapshot() as session:
        rows = select(AuditEntry.did).where(AuditEntry.did.startswith("trouble."))
        return (await session.scalars(rows.order_by(AuditEntry.id))).all()


async def burns_unheard(world: World) -> None:
    """Let an incident open of which li's phone wants to hear nothing."""
    world.phone.always_answers(REFUSED, name="li")
    await world.pushes("disk", 97)
    await world.passes(minutes=2)
    await world.pushes("disk", 97)


async def parked(world: World) -> None:
    async def stumbles(tx: AsyncSession, event: Rang, now: datetime) -> None:
        raise RuntimeError("no")

    async with world.db.transaction() as tx:
        await publish(tx, Rang(), now=world.clock())
    for _ in range(12):
        await relay(world.db, {Rang: (stumbles,)}, world.clock)
        world.clock.advance(minutes=6)


async def refused(world: World) -> None:
    row = SetAside(client="acme", rule="disk", fingerprint="f", labels="{'host': 'h1'}", count=1)
    row.error, row.at = "no, not this one", world.clock()
    async with world.db.transaction() as tx:
        tx.add(row)


async def test_a_message_that_failed_is_sent_again_once_the_phone_hears(world: World) -> None:
    await burns_unheard(world)
    (one,) = await items(world, "messages")
    assert one["facts"] == {
        "event": "triggered",
        "person": "li",
        "channel": "webhook",
        "incident": "1",
    }
    assert (one["retry"], one["why"]) == (True, "refused: 400 {}")

    world.phone.always_answers(200, name="li")
    assert await do(world, "messages", one["id"], "retry") == {"done": 1}
    await world.settles()

    assert world.phone.calls_of("li")[-1].json["event"] == "triggered"
    assert await items(world, "messages") == []
    assert await deeds(world.db) == ["trouble.retry"]


async def test_a_message_goes_to_the_contacts_that_the_person_has_by_now(world: World) -> None:
    await burns_unheard(world)
    (one,) = await items(world, "messages")
    await world.http.post(
        "/api/v1/people/li/contacts",
        json={"channel": "webhook", "address": world.phone.url("new")},
    )

    await do(world, "messages", one["id"], "retry")
    await world.settles()

    assert "new" in world.phone.rang


async def test_of_an_incident_that_is_over_nobody_is_told_any_more(world: World) -> None:
    await burns_unheard(world)
    await world.http.post("/api/v1/incidents/1/acknowledge")
    await world.http.post("/api/v1/incidents/1/resolve")
    (one,) = await items(world, "messages")
    assert one["retry"] is False

    answer = await do(world, "messages", one["id"], "retry")
    assert (answer["type"], answer["status"]) == ("/problems/nothing-to-tell", 409)
    assert await do(world, "messages", "retry") == {"done": 0}
    assert await do(world, "messages", "settle") == {"done": 1}
    assert await items(world, "messages") == []
    assert await deeds(world.db) == ["trouble.settle"]


async def test_a_parked_event_is_answered_once_it_can_be(world: World) -> None:
    await parked(world)
    (one,) = await items(world, "events")
    assert (one["times"], one["facts"]["topic"]) == (10, "test.rang")
    heard: list[Rang] = []

    async def stumbles(tx: AsyncSession, event: Rang, now: datetime) -> None:
        heard.append(event)

    stumbles.__module__ = __name__
    stumbles.__name__ = one["facts"]["reaction"].rpartition(".")[2]
    await do(world, "events", one["id"], "retry")
    await relay(world.db, {Rang: (stumbles,)}, world.clock)

    assert len(heard) == 1
    assert await items(world, "events") == []


async def test_an_event_can_be_discarded(world: World) -> None:
    await parked(world)

    assert await do(world, "events", "settle") == {"done": 1}

    assert await items(world, "events") == []
    assert await deeds(world.db) == ["trouble.settle"]


async def test_a_row_that_was_refused_can_be_removed(world: World) -> None:
    await refused(world)
    (one,) = await items(world, "rows")
    assert (one["client"], one["why"]) == ("acme", "no, not this one")

    await do(world, "rows", one["id"], "retry")
    assert len(await items(world, "rows")) == 1
    await do(world, "rows", one["id"], "settle")
    assert await items(world, "rows") == []
    assert await deeds(world.db) == ["trouble.retry", "trouble.settle"]


@pytest.mark.parametrize("sort", ["rows", "messages", "events"])
async def test_what_is_not_there_is_not_found(world: World, sort: str) -> None:
    assert (await do(world, sort, NOBODY, "retry"))["status"] == 404


async def test_another_client_s_admin_sees_none_of_it(world: World, clock: FakeClock) -> None:
    await burns_unheard(world)
    await refused(world)
    await parked(world)
    (one,) = await items(world, "messages")
    async with world.db.transaction() as tx:
        token = await make_token(
            tx, name="house", client="house", rights=[Right.ADMIN], by=SYSTEM, now=clock()
        )
    world.http.headers["Authorization"] = f"Bearer {token}"

    counted = (await world.http.get("/api/v1/troubles")).json()

    assert {k: counted[k] for k in ("rows", "messages", "events")} == {
        "rows": 0,
        "messages": 0,
        "events": 0,
    }
    assert (await do(world, "messages", one["id"], "settle"))["status"] == 404


async def test_the_board_counts_it_and_the_page_shows_it(world: World) -> None:
    await burns_unheard(world)
    await refused(world)
    await parked(world)

    board, page = await read(world, "/"), await read(world, "/troubles")

    assert "1 message did not arrive" in board.words
    assert "1 alert could not be written" in board.words
    assert 'href="/troubles"' in board.markup
    assert "“new incident” to 李雷" in page.words
    assert "no, not this one" in page.words
    assert "test.rang" in page.words


async def test_a_button_of_the_page_does_it_and_says_so(world: World) -> None:
    await refused(world)
    (one,) = await items(world, "rows")

    answer = await world.http.post(f"/troubles/rows/{one['id']}/settle")

    assert (answer.status_code, answer.headers["location"]) == (303, "/troubles?done=settle")
    page = await read(world, "/troubles?done=settle", "zh")
    assert "已处理，并记入审计日志" in page.words
    assert "没有需要处理的内容" in page.words


async def test_a_refusal_stands_above_the_list_in_the_reader_s_language(world: World) -> None:
    headers = {"accept-language": "zh-CN"}

    answer = await world.http.post(f"/troubles/events/{NOBODY}/retry", headers=headers)

    assert answer.status_code == 409
    assert "没有等待处理的事件" in answer.text
