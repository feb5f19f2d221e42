"""Who administers whom: the last admin stays, nobody cuts their own rights, files own theirs."""

import pytest
from sqlalchemy import update

from access.scope import Right, Role
from access.tables import Person
from kit.db import Database
from tests.support.access import Doors, csrf_in, sign_in
from tests.support.clock import FakeClock


@pytest.fixture
async def doors(db: Database, clock: FakeClock) -> Doors:
    doors = Doors(db, clock)
    await doors.knows("acme", "bolt")
    await doors.employs("root", Role.ADMIN)
    await doors.employs("li")
    return doors


async def asked(
    doors: Doors, method: str, path: str, body: object = None, client: str | None = None
) -> tuple[int, str]:
    raw = await doors.gives(f"t{doors.clock.advance(seconds=1):%H%M%S}", [Right.ADMIN], client)
    async with doors.visitor(authorization=f"Bearer {raw}") as visitor:
        answer = await visitor.request(method, f"/api/v1/people{path}", json=body)
    return answer.status_code, answer.json().get("type", "") if answer.content else ""


async def test_somebody_is_made_changed_disabled_and_enabled(doors: Doors) -> None:
    made = {"name": "han", "title": "韩梅梅", "mail": "Han@Example.com", "clients": ["acme"]}
    assert await asked(doors, "POST", "", made) == (201, "")
    assert await asked(doors, "POST", "", made) == (409, "/problems/name-taken")
    other = {**made, "name": "wu"}
    assert await asked(doors, "POST", "", other) == (409, "/problems/mail-taken")
    assert await asked(doors, "PATCH", "/han", {"role": "manager"}) == (200, "")
    assert await asked(doors, "POST", "/han/disable") == (200, "")
    assert await asked(doors, "POST", "/han/enable") == (200, "")


async def test_the_last_admin_stays_one(doors: Doors) -> None:
    last = (409, "/problems/last-admin")
    assert await asked(doors, "POST", "/root/disable") == last
    assert await asked(doors, "PATCH", "/root", {"role": "engineer"}) == last
    assert await asked(doors, "PATCH", "/root", {"clients": ["acme"]}) == last
    assert await asked(doors, "PATCH", "/li", {"role": "admin"}) == (200, "")
    assert await asked(doors, "PATCH", "/root", {"role": "engineer"}) == (200, "")


async def test_nobody_changes_their_own_rights(doors: Doors) -> None:
    await asked(doors, "PATCH", "/li", {"role": "admin"})
    async with doors.visitor() as browser:
        await sign_in(browser, "root")
        csrf = (await browser.get("/board")).json()["csrf"]
        for method, path, body in (
            ("POST", "/root/disable", None),
            ("PATCH", "/root", {"role": "engineer"}),
        ):
            answer = await browser.request(
                method, f"/api/v1/people{path}", json=body, headers={"X-CSRF": csrf}
            )
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/own-rights")


async def test_an_admin_of_one_client_reaches_no_further(doors: Doors, db: Database) -> None:
    await doors.employs("both", clients=["acme", "bolt"])
    await doors.employs("own", clients=["acme"])
    missing = (403, "/problems/right-missing")
    wide = {"name": "new", "title": "New"}
    assert await asked(doors, "POST", "", wide, "acme") == missing
    assert await asked(doors, "POST", "", {**wide, "clients": ["bolt"]}, "acme") == (
        404,
        "/problems/not-found",
    )
    assert await asked(doors, "PATCH", "/both", {"title": "x"}, "acme") == missing
    assert await asked(doors, "DELETE", "/both/sessions", None, "acme") == missing
    assert await asked(doors, "PATCH", "/own", {"clients": None}, "acme") == missing
    assert await asked(doors, "PATCH", "/own", {"title": "x"}, "acme") == (200, "")
    assert (await asked(doors, "PATCH", "/root", {"title": "x"}, "acme"))[0] == 404


async def test_what_a_file_owns_is_changed_there(doors: Doors, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(update(Person).where(Person.name == "li").values(origin="people.yml:3"))
    owned = (409, "/problems/owned-by-file")
    assert await asked(doors, "PATCH", "/li", {"title": "x"}) == owned
    assert await asked(doors, "POST", "/li/disable") == owned


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Li", "title": "x"},
        {"name": "x", "title": " "},
        {"name": "x", "title": "x", "timezone": "Mars/Base"},
        {"name": "x", "title": "x", "mail": "nobody"},
        {"name": "x", "title": "x", "role": "client"},
        {"name": "x", "title": "x", "password": "no"},
    ],
)
async def test_a_person_that_makes_no_sense_is_refused(doors: Doors, body: object) -> None:
    assert (await asked(doors, "POST", "", body))[0] == 422


async def test_who_is_disabled_is_signed_out_at_once(doors: Doors) -> None:
    async with doors.visitor() as browser:
        await sign_in(browser, "li")
        assert (await browser.get("/board")).status_code == 200
        await asked(doors, "POST", "/li/disable")
        assert (await browser.get("/board")).status_code == 303
        page = await browser.get("/signin")
        form = {"name": "li", "password": "correct horse battery", "csrf": csrf_in(page.text)}
        assert (await browser.post("/signin", data=form)).status_code == 401
