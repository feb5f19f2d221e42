"""Every route with every role, with a token of another client, and with none."""

import re
from collections.abc import AsyncIterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from access.commands import make_token
from access.scope import RIGHTS, SYSTEM, Right, Role
from access.tables import Client
from app.configuration import KINDS
from app.configuration.examples import EXAMPLES
from app.main import routers
from app.ports import PORTS
from app.routes import ROUTES, Door, Route
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.world import STANDING, World, world

FILLED = {
    "number": "1",
    "name": "primary",
    "client": "acme",
    "kind": "response",
    "verb": "acknowledge",
    "sort": "rows",
    "act": "retry",
    "trouble_id": "00000000-0000-0000-0000-000000000000",
    "locale": "en",
    "slug": "not-found",
    "path": "favicon.svg",
    "token": "nothing.signed",
    "nonce": "made-up-by-whoever-asks",
    "alert_id": "00000000-0000-0000-0000-000000000000",
    "contact_id": "00000000-0000-0000-0000-000000000000",
    "session_id": "00000000-0000-0000-0000-000000000000",
    "override_id": "00000000-0000-0000-0000-000000000000",
}
GUARDED = [route for route in ROUTES if route.door in (Door.TOKEN, Door.PAGE)]
BODIES: dict[str, Any] = {
    "/api/v1/incidents/{number}/notes": {"text": "seen"},
    "/api/v1/incidents/{number}/clocks/{kind}/pause": {"reason": "waiting"},
    "/api/v1/incidents/{number}/clocks/{kind}/exclude": {
        "since": "2026-11-02T12:00:00Z",
        "until": "2026-11-02T12:01:00Z",
        "reason": "agreed",
    },
    "/api/v1/schedules/{name}/overrides": {
        "person": "han",
        "starts_at": "2026-11-03T12:00:00Z",
        "ends_at": "2026-11-03T13:00:00Z",
    },
    "/api/v1/tokens": {"name": "new", "client": "acme", "rights": ["read"]},
    "/api/v1/people": {"name": "new", "title": "New", "clients": ["acme"]},
    "/api/v1/people/{name}/contacts": {"channel": "email", "address": "li@example.com"},
    "/api/v1/account/contacts": {"channel": "email", "address": "li@example.com"},
    "/api/v1/account/password": {"old": "x", "new": "y"},
    "/api/v1/thresholds/preview": {
        "threshold": {"name": "x", "expr": "disk", "P1": {"above": 95, "for": "2m"}}
    },
    "/api/v1/replays": {
        "threshold": {"name": "x", "expr": "disk", "P1": {"above": 95, "for": "2m"}}
    },
    "/api/v1/targets/{client}/{name}/pause": {"reason": "moves"},
    "/api/v1/muting": {"reason": "a drill"},
    "/api/v1/samples": {"samples": [{"name": "calm", "value": 1}]},
}
BODIES |= {f"/api/v1/{section}": thing for section, (thing, _) in EXAMPLES.items()}
WHOLE = {
    f"/api/v1/{section}{KINDS[section].path}": thing for section, (thing, _) in EXAMPLES.items()
}
STREAMS = {route.path for route in ROUTES if route.path.endswith("/events")}
ids = [f"{route.method} {route.path}" for route in ROUTES]


def served() -> set[tuple[str, str]]:
    found = {(method, path) for path, methods in PORTS.items() for method in methods}
    found |= {("GET", "/static/{path}"), ("GET", "/api/v1/openapi.json")}
    for router in routers():
        for route in router.routes:
            assert isinstance(route, APIRoute)
            found |= {(method, route.path) for method in route.methods or ()}
    return found


def filled(route: Route) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: FILLED[part[1]], route.path)


@pytest.fixture(name="world")
async def two_clients(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    yaml = STANDING.replace("clients: [", "clients: [{name: bolt, title: Bolt}, ")
    async with world(db, tmp_path, clock, yaml=yaml) as found:
        await found.pushes("disk", 97)
        await found.passes(minutes=2)
        yield found


async def token(world: World, *rights: Right, client: str | None = "acme") -> dict[str, str]:
    name = "-".join([*rights, client or "all"])
    async with world.db.transaction() as tx:
        raw = await make_token(
            tx, name=name, client=client, rights=rights, by=SYSTEM, now=world.clock()
        )
    return {"Authorization": f"Bearer {raw}"}


async def asked(world: World, route: Route, headers: dict[str, str]) -> httpx.Response:
    given: dict[str, Any] = {}
    if route.method in ("POST", "PATCH", "PUT"):
        bodies = WHOLE if route.method == "PUT" and route.path in WHOLE else BODIES
        given["json"] = bodies.get(route.path, {})
        if route.door is Door.PAGE:
            given = {"data": {"text": "seen"}}
    request = world.http.build_request(route.method, filled(route), headers=headers, **given)
    if not headers:
        del request.headers["Authorization"]
    return await world.http.send(request)


def test_no_part_of_a_request_waits_for_a_thread() -> None:
    routes = [route for router in routers() for route in router.routes]
    waiting = [route.dependant for route in routes if isinstance(route, APIRoute)]
    plain = set()
    while waiting:
        one = waiting.pop()
        waiting += one.dependencies
        if not (iscoroutinefunction(one.call) or iscoroutinefunction(type(one.call).__call__)):
            plain.add(one.call)
    assert not plain


def test_the_table_has_every_route_and_no_other() -> None:
    assert {(route.method, route.path) for route in ROUTES} == served()
    assert len(ROUTES) == len(set(ids))


async def test_a_wrong_method_is_told_which_are_right(world: World) -> None:
    answer = await world.http.request("PUT", "/api/v1/people/li")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")


async def test_nobody_comes_in_without_a_credential(world: World) -> None:
    for route in GUARDED:
        answer = await asked(world, route, {})
        if route.door is Door.PAGE:
            assert answer.status_code == 303, route
            assert answer.headers["location"].startswith("/signin?next="), route
        else:
            assert answer.status_code == 401, route
            assert "WWW-Authenticate" in answer.headers, route


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_comes_as_far_as_its_rights_go(world: World, role: Role) -> None:
    rights = RIGHTS[role] or {Right.INGEST}
    headers = await token(world, *rights, client=None if Right.ADMIN in rights else "acme")
    for route in GUARDED:
        if route.path in STREAMS and route.right in rights:
            continue  # it would stream for ever; tests/e2e has it
        answer = await asked(world, route, headers)
        allowed = route.right in rights or Right.ADMIN in rights
        assert (answer.status_code == 403) is not allowed, (route, answer.text)
        assert answer.status_code < 500, (route, answer.text)


async def test_another_clients_rows_do_not_exist(world: World) -> None:
    headers = await token(world, Right.READ, Right.WORK, client="bolt")
    for route in GUARDED:
        if route.right not in (Right.READ, Right.WORK) or route.path in STREAMS:
            continue
        answer = await asked(world, route, headers)
        if "{number}" in route.path:
            assert answer.status_code in (404, 422), (route, answer.text)
        if "{client}" in route.path:  # the answer repeats the path that was asked for
            assert answer.status_code == 404, (route, answer.text)
            continue
        assert "acme" not in answer.text, route
        assert "爱可美" not in answer.text, route
    assert (await world.incident())["status"] == "triggered"


async def test_an_agent_writes_for_its_own_client_alone(world: World) -> None:
    headers = await token(world, Right.INGEST, client="bolt")
    sample = {"name": "disk", "value": 97, "labels": {"client": "acme", "system": "pos"}}
    answer = await world.http.post("/api/v1/samples", json={"samples": [sample]}, headers=headers)
    assert answer.status_code == 204

    found = await world.http.get(
        "/prometheus/api/v1/query", params={"query": 'disk{client="bolt"}'}
    )
    labels = found.json()["data"]["result"][0]["metric"]
    assert labels["exported_client"] == "acme"


async def test_a_client_whose_name_looks_like_a_pattern_sees_its_own_hosts_alone(
    world: World,
) -> None:
    await world.pushes("langyan_host_cpu_percent", 5, instance="secret-host")
    async with world.db.transaction() as tx:
        tx.add(Client(name="ac.e", title="A"))
    await world.house.reload()
    headers = await token(world, Right.READ, client="ac.e")
    answer = await world.http.get("/hosts", headers=headers)
    assert answer.status_code == 200
    assert "secret-host" not in answer.text
