"""Every route that takes JSON, with JSON in it that nothing of ours could keep: 422, by its field.

Which routes there are and which fields they have is read from OpenAPI, so none is forgotten.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.routes import ROUTES
from kit.db import Database
from tests.app.test_routes import BODIES, FILLED, WHOLE
from tests.support.clock import FakeClock
from tests.support.world import World, world

HUGE = 30599629912649651886051608625958912
ODD = {
    "a whole number beyond 64 bits": str(HUGE),
    "a number beyond all": "1e400",
    "no number": "NaN",
    "a number without end": "-Infinity",
    "NUL": r'"a\u0000b"',
    "half a character": r'"\ud800"',
    "a name with NUL": r'{"a\u0000b": 1}',
    "a name with half a character": r'{"\ud800": 1}',
    "lists in lists": "[" * 60 + "]" * 60,
}
WRAPPED = r'{"a": {"x": [-1.39e16, ODD]}}'
JSON = {"content-type": "application/json"}


@pytest.fixture(name="world")
async def whole_program(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


def taking(openapi: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield every operation that takes JSON: its method, its path, the fields of its body."""
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                schema = content["application/json"]["schema"]
                yield method.upper(), path, sorted(properties(openapi, schema))


def properties(openapi: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return {
        *schema.get("properties", {}),
        *(name for part in schema.get("anyOf", ()) for name in properties(openapi, part)),
    }


@pytest.mark.parametrize("what", ODD)
async def test_json_that_cannot_be_kept_is_refused_by_its_field(world: World, what: str) -> None:
    openapi = (await world.http.get("/api/v1/openapi.json")).json()
    walked = list(taking(openapi))
    assert {(method, path) for method, path, _ in walked} >= {
        (route.method, route.path)
        for route in ROUTES
        if route.method in ("POST", "PUT", "PATCH") and route.path in {*BODIES, *WHOLE}
    } - {("POST", "/api/v1/samples")}

    for method, path, fields in walked:
        for field in (*fields, "unheard_of"):
            await refused(world, method, path, field, ODD[what])
            await refused(world, method, path, field, WRAPPED.replace("ODD", ODD[what]))


async def refused(world: World, method: str, path: str, field: str, odd: str) -> None:
    body = f'{{"{field}": {odd}}}'
    address = path.format(**FILLED)
    answer = await world.http.request(
        method, address, content=body, headers={**JSON, "Idempotency-Key": "odd"}
    )
    told = answer.json()
    where = f"{method} {path} {body}: {answer.text}"
    assert (answer.status_code, told["type"]) == (422, "/problems/invalid"), where
    assert told["field"] == field or told["field"].startswith(f"{field}."), where
    assert told["errors"][0]["reason"], where


async def test_what_the_port_of_samples_cannot_keep_is_refused(world: World) -> None:
    sample = '{{"samples": [{{"name": "a", "value": 1, "labels": {{"b": {}}}}}]}}'
    for odd in ODD.values():
        for body in (f'{{"samples": {odd}}}', sample.format(odd)):
            answer = await world.http.post("/api/v1/samples", content=body, headers=JSON)
            assert 400 <= answer.status_code < 500, (body, answer.text)


async def test_a_repeated_request_with_an_odd_override_is_refused_each_time(world: World) -> None:
    body = {
        "title": "艾娃",
        "overrides": {"a": {"x": [-1.39e16, HUGE]}},
        "escalation": "core-target-down",
        "locale": "en",
        "name": "34jbqme",
    }
    for _ in range(2):
        answer = await world.http.post(
            "/api/v1/clients", json=body, headers={"Idempotency-Key": "once"}
        )
        assert (answer.status_code, answer.json()["field"]) == (422, "overrides.a.x.1")


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"host-load": {"P9": None}}, "overrides.host-load.P9"),
        ({"host-load": {"P1": 5}}, "overrides.host-load.P1"),
        ({"host-load": {"P1": {"above": "high"}}}, "overrides.host-load.P1.above"),
        ({"host-load": {"P1": {"abov": 5}}}, "overrides.host-load.P1.abov"),
        ({"host-load": {"P1": {"for": "long"}}}, "overrides.host-load.P1.for"),
        ({"host-load": {"P1": {"priority": "P1"}}}, "overrides.host-load.P1"),
        ({"host-load": {"absent": {"above": 1}}}, "overrides.host-load.absent"),
        ({"nothing": {"P1": None}}, "overrides.nothing"),
        ({"Not A Name": {}}, "overrides.Not A Name"),
        ([], "overrides"),
    ],
)
async def test_an_override_names_a_rule_and_changes_what_it_has(
    world: World, overrides: Any, field: str
) -> None:
    body = {"name": "new", "title": "New", "overrides": overrides}
    answer = await world.http.post("/api/v1/clients", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
