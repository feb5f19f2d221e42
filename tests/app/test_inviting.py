"""Invitations, resets, the own account and administration, on the pages of the whole program."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from access.web import COOKIE
from app.people import inviting
from kit.db import Database
from tests.support.browsing import browsing, sends
from tests.support.clock import FakeClock
from tests.support.program import ADMIN_TOKEN
from tests.support.world import PASSWORD, World, world

NEW = "a new and longer password"


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


async def test_an_admin_makes_somebody_who_chooses_a_password_by_the_link(world: World) -> None:
    async with browsing(world, "admin", ADMIN_TOKEN) as admin, browsing(world) as guest:
        made = await sends(
            admin,
            "/admin/people/new",
            to="/admin/people/new",
            name="wu",
            title="吴工",
            role="engineer",
            locale="zh-CN",
            timezone="Asia/Shanghai",
            reach="all",
        )
        assert made.headers["location"] == "/admin/people/wu?done=made"
        shown = await sends(admin, "/admin/people/wu", to="/admin/people/wu/invite")
        found = re.search(r"http://127.0.0.1:8080(/password/[\w.-]+)", shown.text)
        assert found, shown.text
        link = found[1]
        assert (await sends(guest, link, to=link, password=NEW, again="x")).status_code == 422
        assert (
            await sends(guest, link, to=link, password="short", again="short")
        ).status_code == 422
        chosen = await sends(guest, link, to=link, password=NEW, again=NEW)
        assert chosen.headers["location"] == "/signin?done=password"
        assert (await guest.get(link)).status_code == 410
    async with browsing(world, "wu", NEW) as own:
        assert "吴工" in (await own.get("/account")).text


async def test_a_link_ends_with_its_time_with_a_newer_one_and_with_disabling(world: World) -> None:
    async def invited() -> str:
        answer = await world.http.post("/api/v1/people/li/invitation")
        assert answer.status_code == 201, answer.text
        return httpx.URL(answer.json()["link"]).path

    first, second = await invited(), await invited()
    async with browsing(world) as guest:
        assert (await guest.get(first)).status_code == 410
        assert (await guest.get(second)).status_code == 200
        assert (await guest.get(second[:-2])).status_code == 410
        world.clock.advance(hours=73)
        assert (await guest.get(second)).status_code == 410


async def test_the_answer_to_who_forgot_is_the_same_for_a_name_that_nobody_has(
    world: World,
) -> None:
    world.house.settings.smtp_url = "smtp://127.0.0.1:9"
    async with browsing(world) as guest:
        answers = [
            await sends(guest, "/forgot", to="/forgot", name=name) for name in ("li", "nobody")
        ]
        assert {(a.status_code, a.headers["location"]) for a in answers} == {
            (303, "/forgot?asked=true")
        }
        for _ in range(8):
            await sends(guest, "/forgot", to="/forgot", name="x")
        assert (await sends(guest, "/forgot", to="/forgot", name="li")).status_code == 429


async def test_a_reset_sends_one_mail_and_ends_every_session(world: World) -> None:
    world.house.settings.smtp_url = "smtp://127.0.0.1:9"
    made = {"name": "wu", "title": "吴工", "mail": "wu@example.com"}
    await world.http.post("/api/v1/people", json=made)
    async with browsing(world, "li", PASSWORD), browsing(world) as guest:
        await sends(guest, "/forgot", to="/forgot", name="WU@example.com")
    for tick in world.house.scheduler.ticks:
        if tick.name == "outbox":
            await tick.job(world.clock())
            await tick.job(world.clock())
    trail = (await world.http.get("/api/v1/audit", params={"on": "wu"})).json()["items"]
    assert [entry["did"] for entry in trail] == ["person.ask_reset", "person.make"]
    assert inviting.PRIORITY == 3


async def test_somebody_changes_their_password_and_goes_on_in_this_browser_alone(
    world: World,
) -> None:
    async with browsing(world, "li", PASSWORD) as here, browsing(world, "li", PASSWORD) as there:
        wrong = await sends(here, "/account", to="/account/password", old="x", new=NEW, again=NEW)
        assert wrong.status_code == 422
        assert "not your password" in wrong.text
        right = {"old": PASSWORD, "new": NEW, "again": NEW}
        changed = await sends(here, "/account", to="/account/password", **right)
        assert changed.headers["location"] == "/account?done=password"
        assert (await here.get("/account")).status_code == 200
        assert (await there.get("/account")).status_code == 303


async def test_a_test_reaches_the_contact_and_its_receipt_stands_on_the_page(world: World) -> None:
    async with browsing(world, "li", PASSWORD) as own:
        page = (await own.get("/account")).text
        path = re.search(r'action="(/account/contacts/[\w-]+/test)"', page)
        assert path, page
        await sends(own, "/account", to=path[1])
        await world.settles()
        assert world.phone.calls[-1].json["event"] == "test"
        assert "Test sent" in (await own.get("/account")).text


async def test_contacts_are_added_once_and_never_show_their_secret(world: World) -> None:
    async with browsing(world, "li", PASSWORD) as own:
        form = {"channel": "webhook", "address": "https://pager.test/secret", "secret": "s3cret"}
        added = await sends(own, "/account", to="/account/contacts", **form)
        assert added.status_code == 303, added.text
        assert (await sends(own, "/account", to="/account/contacts", **form)).status_code == 422
        shown = (await own.get("/account")).text
        assert "pager.test" in shown
        assert "s3cret" not in shown
        assert "pager.test/secret" not in shown
        bad = await sends(own, "/account", to="/account/contacts", channel="email", address="x")
        assert bad.status_code == 422


async def test_sessions_are_listed_and_ended_everywhere(world: World) -> None:
    async with browsing(world, "li", PASSWORD) as here, browsing(world, "li", PASSWORD) as there:
        listed = (await here.get("/api/v1/account/sessions")).json()["items"]
        assert sorted(one["here"] for one in listed) == [False, True]
        ended = await sends(here, "/account", to="/account/sessions/end")
        assert ended.headers["location"] == "/signin"
        for browser in (here, there):
            assert browser.cookies.get(COOKIE)
            assert (await browser.get("/account")).status_code == 303


async def test_a_token_is_shown_once_and_tells_when_it_was_used(world: World) -> None:
    async with browsing(world, "admin", ADMIN_TOKEN) as admin:
        made = await sends(
            admin,
            "/admin/tokens",
            to="/admin/tokens",
            name="bot",
            rights="read",
            expires="2099-01-01",
        )
        raw = re.search(r"ly_[\w-]{40}", made.text)
        assert raw, made.text
        assert raw[0] not in (await admin.get("/admin/tokens")).text
        headers = {"Authorization": f"Bearer {raw[0]}"}
        assert (await world.http.get("/api/v1/clients", headers=headers)).status_code == 200
        await world.house.authorizer.write_down(world.clock())
        tokens = (await world.http.get("/api/v1/tokens")).json()["items"]
        used = {one["name"]: one["last_used_at"] for one in tokens}
        assert used["bot"] is not None
        bad = await sends(admin, "/admin/tokens", to="/admin/tokens", name="x")
        assert bad.status_code == 422
        await sends(admin, "/admin/tokens", to="/admin/tokens/bot/revoke")
        assert "Revoked" in (await admin.get("/admin/tokens")).text


async def test_the_audit_log_is_filtered_linked_and_exported(world: World) -> None:
    async with browsing(world, "admin", ADMIN_TOKEN) as admin:
        page = (await admin.get("/audit?did=person")).text
        assert "signed in" in page
        assert "applied the configuration" not in page
        assert 'href="/admin/people/admin"' in page
        csv = await admin.get("/audit.csv?did=config")
        assert csv.text.splitlines()[0].endswith("id,at,who,did,on,client,facts")
        assert "config.apply" in csv.text
        assert "person.sign_in" not in csv.text
        assert (await admin.get("/audit?since=2026-13-01")).status_code == 404
        for path in ("/admin/people?text=li", "/admin/people/li", "/admin/roles", "/more"):
            assert (await admin.get(path)).status_code == 200
        owned = (await admin.get("/admin/people/li")).text
        assert "world.yml" in owned
