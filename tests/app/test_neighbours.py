"""Every route, as everybody of one client, with the ids of another: nothing of it is to be seen.

What is foreign must be told from what does not exist by nobody: not by number, words or length.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from access.scope import RIGHTS, Right, Role
from app.routes import ROUTES, Door, Route
from kit.db import Database
from tests.app.test_routes import BODIES, FILLED, STREAMS, WHOLE
from tests.support.clock import FakeClock
from tests.support.neighbours import MARK, NOBODY, YAML, Foreign, browser_of, move_in, token_of
from tests.support.streams import following
from tests.support.world import World, world

WHO = [
    *(role for role in Role if RIGHTS[role]),
    "token that reads",
    "token that works",
    "token that administers",
]
TOKENS = {
    "token that reads": (Right.READ,),
    "token that works": (Right.READ, Right.WORK),
    "token that administers": (Right.ADMIN,),
}
WALKED = [
    route
    for route in ROUTES
    if route.door in (Door.TOKEN, Door.PAGE) and route.right is not Right.INGEST
]
NAMING = {"number", "alert_id", "contact_id", "session_id", "override_id", "client", "name"}
QUERY = "/prometheus/api/v1/query"
ABOUT_NOBODY = {
    f"/prometheus/api/v1/{path}"
    for path in (
        *("status/buildinfo", "status/config", "status/flags", "status/runtimeinfo"),
        *("format_query", "parse_query", "query_exemplars"),
    )
}
EXPRESSIONS = (
    '{client="MARK"}',
    'disk{client=~"MARK|acme"}',
    'disk{client=~".*",host=~"MARK.*"}',
    'disk{client!="acme"}',
    'disk{client!~"acme"}',
    '{__name__=~"MARK.*"}',
    "MARK_depth",
    "disk or MARK_depth",
    'disk{client="acme"} or on () disk{client="MARK"}',
    "count by (client, host, __name__) ({__name__=~'.+'})",
    'label_replace(disk{client="MARK"}, "client", "acme", "", "")',
    'absent(disk{client="MARK"})',
    'absent_over_time(MARK_depth{client="MARK"}[5m])',
    'disk * on (system) group_right (host, client) disk{client="MARK"}',
    'sum(disk{client="MARK"} @ end())',
    '{__name__="disk"} unless disk{client="acme"}',
)


@pytest.fixture(name="lived_in")
async def two_neighbours(
    db: Database, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[tuple[World, Foreign]]:
    async with world(db, tmp_path, clock, yaml=YAML) as found:
        yield found, await move_in(found)


async def headers_of(world: World, who: str) -> Mapping[str, str]:
    if who in TOKENS:
        return await token_of(world, *TOKENS[who])
    return await browser_of(world, Role(who))


def filled(route: Route, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: {**FILLED, **values}[part[1]], route.path)


async def asks(
    world: World, method: str, url: str, headers: Mapping[str, str], **given: Any
) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=world.http._transport, base_url=world.http.base_url, headers=headers
    ) as browser:
        return await browser.request(method, url, **given)


def sent_with(route: Route, name: str) -> dict[str, Any]:
    if route.method not in ("POST", "PATCH", "PUT"):
        return {}
    if route.door is Door.PAGE:
        return {"data": {"text": "seen", "name": name, "client": name, "title": "x"}}
    bodies = WHOLE if route.method == "PUT" and route.path in WHOLE else BODIES
    return {"json": bodies.get(route.path, {})}


@pytest.mark.parametrize("who", WHO)
async def test_nothing_of_a_neighbours_stands_in_any_answer(
    lived_in: tuple[World, Foreign], who: str
) -> None:
    world, _ = lived_in
    headers = await headers_of(world, who)
    leaks = []
    for route in WALKED:
        if route.path in STREAMS or route.method != "GET":
            continue
        answer = await asks(world, "GET", filled(route, {"number": "1", "name": "disk"}), headers)
        assert answer.status_code < 500, (route, answer.text)
        if MARK in answer.text.lower():
            at = answer.text.lower().index(MARK)
            leaks.append((route.method, route.path, answer.text[max(0, at - 80) : at + 60]))

    assert leaks == []


async def test_who_may_see_both_does_see_the_neighbour_so_that_the_walk_can_fail(
    lived_in: tuple[World, Foreign],
) -> None:
    world, foreign = lived_in
    seen = {
        route.path
        for route in WALKED
        if route.method == "GET" and route.path not in STREAMS
        if MARK in (await world.http.get(filled(route, foreign.values()))).text
    }

    asked = {route.path for route in WALKED if route.method == "GET"} - ABOUT_NOBODY
    blind = asked - seen - set(STREAMS)
    assert len(seen) > 2 * len(blind), blind


@pytest.mark.parametrize("who", WHO)
async def test_a_neighbours_thing_is_told_as_one_that_does_not_exist(
    lived_in: tuple[World, Foreign], who: str
) -> None:
    world, foreign = lived_in
    headers = await headers_of(world, who)
    told = []
    for route in WALKED:
        if route.path in STREAMS or not NAMING.intersection(re.findall(r"\{(\w+)\}", route.path)):
            continue
        there = await asks(
            world, route.method, filled(route, foreign.values()), headers, **sent_with(route, MARK)
        )
        nothing = await asks(
            world,
            route.method,
            filled(route, foreign.nothing()),
            headers,
            **sent_with(route, NOBODY),
        )
        if (there.status_code, foreign.told_as_nothing(there.text)) != (
            nothing.status_code,
            nothing.text,
        ):
            told.append((route.method, route.path, there.text[:300], nothing.text[:300]))

    assert told == []
    incident = await world.incident(foreign.number)
    assert incident["status"] == "triggered"
    assert "seen" not in [line.get("text") for line in incident["timeline"]]


def asked() -> Iterator[tuple[str, str]]:
    """Yield addresses that ask for the neighbour's by name, as text, or as a filter."""
    word = {"word": MARK, "q": MARK, "text": MARK, "client": MARK, "system": MARK, "rule": MARK}
    lists = ("/incidents", "/alerts", "/alerts.csv", "/hosts", "/rules", "/clients", "/oncall")
    names = ("incidents", "alerts", "rules", "systems", "people", "tokens", "audit", "search")
    rest = tuple(f"/api/v1/{name}" for name in (*names, "schedules", "targets", "oncall"))
    pages = ("/search", "/explore/names", "/audit", "/audit.csv", "/admin/people", "/admin/tokens")
    for path, (name, value) in product((*lists, *rest, *pages), word.items()):
        yield path, str(httpx.QueryParams({name: value}))
    for path, name in (("/audit", "who"), ("/audit", "on"), ("/audit", "did")):
        yield path, f"{name}={MARK}"
        yield f"/api/v1{path}", f"{name}={MARK}"
    for expression in EXPRESSIONS:
        text = expression.replace("MARK", MARK)
        yield QUERY, str(httpx.QueryParams({"query": text}))
        yield "/explore", str(httpx.QueryParams({"a": text, "e": text, "expr": text}))
        yield "/explore/data", str(httpx.QueryParams({"a": text, "e": text, "expr": text}))


@pytest.mark.parametrize("who", WHO)
async def test_who_asks_for_a_neighbours_by_name_is_answered_as_for_nobodys(
    lived_in: tuple[World, Foreign], who: str
) -> None:
    world, _ = lived_in
    headers = await headers_of(world, who)
    told = []
    for path, parameters in asked():
        there = await asks(world, "GET", f"{path}?{parameters}", headers)
        nothing = await asks(world, "GET", f"{path}?{parameters.replace(MARK, NOBODY)}", headers)
        assert there.status_code < 500, (path, parameters, there.text)
        if there.text.replace(MARK, NOBODY) != nothing.text:
            told.append((path, parameters, there.text[:300], nothing.text[:300]))

    assert told == []


async def streamed(world: World, path: str, headers: Mapping[str, str]) -> bytes:
    """Return the status and what an event stream says while both clients' incidents move."""
    async with following(world, path, headers) as page:
        await asyncio.sleep(0.3)
        for client, system in (("acme", "pos"), (MARK, MARK)):
            await world.pushes("disk", 99, client=client, system=system, host=f"{client}-9")
        await asyncio.sleep(0.5)
    return str(page.status).encode() + b"".join(page.said)


@pytest.mark.parametrize("who", ["client", "engineer", "token that reads"])
async def test_no_event_stream_tells_of_a_neighbour(
    lived_in: tuple[World, Foreign], who: str
) -> None:
    world, foreign = lived_in
    headers = await headers_of(world, who)
    for path in (*sorted(STREAMS - {"/incidents/{number}/events"}), "/incidents/1/events"):
        said = await streamed(world, path, headers)
        assert said.startswith(b"200"), (path, said[:300])
        assert MARK.encode() not in said, path

    for number in (foreign.number, 9):
        assert (await streamed(world, f"/incidents/{number}/events", headers)).startswith(b"404")
