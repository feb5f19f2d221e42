"""The API of access: every route with every role, and with another client's names."""

from itertools import product

import pytest
from sqlalchemy import select

from access.commands import audit, once
from access.commands.answers import KeyReused
from access.scope import Right, Role
from access.tables import AuditEntry, Person, System, Token
from kit.db import Database
from tests.support.access import Doors
from tests.support.clock import NOON, FakeClock

ROUTES = {
    "/api/v1/clients": Right.READ,
    "/api/v1/clients/acme": Right.READ,
    "/api/v1/systems": Right.READ,
    "/api/v1/people": Right.READ,
    "/api/v1/tokens": Right.ADMIN,
    "/api/v1/audit": Right.ADMIN,
}


@pytest.fixture
async def doors(db: Database, clock: FakeClock) -> Doors:
    doors = Doors(db, clock)
    await doors.knows("acme", "bolt")
    async with db.transaction() as tx:
        tx.add_all(
            System(client=client, name="pos", title="POS", core=True, match={"job": "pos-.*"})
            for client in ("acme", "bolt")
        )
        tx.add_all(
            Person(name=name, title=name, role=Role.ENGINEER, clients=clients)
            for name, clients in (("li", None), ("han", ["acme", "bolt"]), ("wu", ["bolt"]))
        )
    return doors


@pytest.mark.parametrize(("path", "right"), list(product(ROUTES, Right)))
async def test_every_route_opens_to_its_right_alone(doors: Doors, path: str, right: Right) -> None:
    raw = await doors.gives("t", [right])
    async with doors.visitor(authorization=f"Bearer {raw}") as visitor:
        answer = await visitor.get(path)
    assert answer.status_code == (200 if right in (ROUTES[path], Right.ADMIN) else 403)


@pytest.mark.parametrize("path", ROUTES)
async def test_nobody_is_asked_to_show_a_token(doors: Doors, path: str) -> None:
    async with doors.visitor() as visitor:
        answer = await visitor.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_another_clients_rows_are_not_there(doors: Doors) -> None:
    await doors.gives("of-bolt", [Right.READ], "bolt")
    raw = await doors.gives("of-acme", [Right.ADMIN], "acme")
    async with doors.visitor(authorization=f"Bearer {raw}") as visitor:
        clients = (await visitor.get("/api/v1/clients")).json()["items"]
        systems = (await visitor.get("/api/v1/systems")).json()["items"]
        people = (await visitor.get("/api/v1/people")).json()["items"]
        tokens = (await visitor.get("/api/v1/tokens")).json()["items"]
        trail = (await visitor.get("/api/v1/audit")).json()["items"]
        refused = [
            (await visitor.get("/api/v1/clients/bolt")).status_code,
            (await visitor.get("/api/v1/systems?client=bolt")).status_code,
            (await visitor.get("/api/v1/audit?client=bolt")).status_code,
            (await visitor.delete("/api/v1/tokens/of-bolt")).status_code,
        ]
    assert [c["name"] for c in clients] == ["acme"]
    assert [s["client"] for s in systems] == ["acme"]
    assert [(p["name"], p["clients"]) for p in people] == [("han", ["acme"])]
    assert [t["name"] for t in tokens] == ["of-acme"]
    assert {entry["client"] for entry in trail} == {"acme"}
    assert refused == [404] * 4


async def test_a_person_is_shown_without_a_hash(doors: Doors) -> None:
    raw = await doors.gives("t", [Right.READ])
    async with doors.visitor(authorization=f"Bearer {raw}") as visitor:
        people = (await visitor.get("/api/v1/people")).json()["items"]
    assert set(people[0]) == {
        "name", "title", "role", "locale", "timezone", "clients", "mail", "disabled", "origin"
    }  # fmt: skip


async def test_a_list_goes_on_where_its_page_ended(doors: Doors) -> None:
    raw = await doors.gives("t", [Right.ADMIN])
    async with doors.visitor(authorization=f"Bearer {raw}") as visitor:
        for path, first, second in (
            ("/api/v1/clients", "acme", "bolt"),
            ("/api/v1/systems", "pos", "pos"),
        ):
            page = (await visitor.get(f"{path}?limit=1")).json()
            rest = (await visitor.get(path, params={"cursor": page["next"]})).json()
            assert [i["name"] for i in page["items"] + rest["items"]] == [first, second]
            assert rest["next"] is None


async def test_the_audit_trail_comes_newest_first_page_by_page(doors: Doors) -> None:
    raw = await doors.gives("t", [Right.ADMIN])
    async with doors.db.transaction() as tx:
        for n in range(5):
            audit(tx, who="li", did=f"did {n}", on="it", client="acme", now=NOON)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    async with doors.visitor(authorization=f"Bearer {raw}") as visitor:
        while True:
            page = (await visitor.get("/api/v1/audit", params={"limit": "2", **cursor})).json()
            seen += [entry["did"] for entry in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
    assert seen == ["did 4", "did 3", "did 2", "did 1", "did 0", "token.make"]


async def test_a_made_token_is_shown_once_works_and_is_revoked_with_a_trail(doors: Doors) -> None:
    admin = await doors.gives("boss", [Right.ADMIN])
    async with doors.visitor(authorization=f"Bearer {admin}") as visitor:
        wanted = {"name": "agent", "client": "acme", "rights": ["read"]}
        made = await visitor.post("/api/v1/tokens", json=wanted)
        listed = (await visitor.get("/api/v1/tokens")).json()["items"]
        async with doors.visitor(authorization=f"Bearer {made.json()['token']}") as agent:
            assert (await agent.get("/api/v1/clients")).status_code == 200
        gone = await visitor.delete("/api/v1/tokens/agent")
        again = await visitor.post("/api/v1/tokens", json={**wanted, "rights": []})
    assert (made.status_code, gone.status_code, again.status_code) == (201, 204, 422)
    assert all(token["token"] is None for token in listed)
    async with doors.db.snapshot() as session:
        trail = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [(e.who, e.did, e.on) for e in trail[1:]] == [
        ("token:boss", "token.make", "agent"),
        ("token:boss", "token.revoke", "agent"),
    ]


async def test_what_a_file_owns_is_not_revoked_here(doors: Doors) -> None:
    admin = await doors.gives("boss", [Right.ADMIN])
    async with doors.db.transaction() as tx:
        tx.add(Token(name="t", digest="d", rights=["read"], created_at=NOON, origin="a.yml:7"))
    async with doors.visitor(authorization=f"Bearer {admin}") as visitor:
        answer = await visitor.delete("/api/v1/tokens/t")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/owned-by-file"
    assert "a.yml:7" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["%00", "Ä", "a/b", "..", "x" * 70])
async def test_a_name_that_cannot_be_is_refused_politely(doors: Doors, name: str) -> None:
    admin = await doors.gives("boss", [Right.ADMIN])
    async with doors.visitor(authorization=f"Bearer {admin}") as visitor:
        assert (await visitor.get(f"/api/v1/clients/{name}")).status_code in (404, 422)
        assert (await visitor.get(f"/api/v1/systems?client={name}")).status_code == 422
        assert (await visitor.get("/api/v1/clients?cursor=%00")).status_code == 422


async def test_the_same_request_under_its_key_is_done_once(doors: Doors) -> None:
    done = []

    async def work() -> dict[str, object]:
        done.append(1)
        return {"number": len(done)}

    async def ask(request: object) -> dict[str, object]:
        async with doors.db.transaction() as tx:
            return await once(tx, "key", who="li", request=request, now=doors.clock(), work=work)

    assert [await ask({"a": 1}), await ask({"a": 1})] == [{"number": 1}] * 2
    with pytest.raises(KeyReused):
        await ask({"a": 2})
    doors.clock.advance(days=2)
    assert await ask({"a": 2}) == {"number": 2}
