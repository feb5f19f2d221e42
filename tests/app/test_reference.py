"""The page /docs: every route of the program, for everybody we know, in both languages."""

import re
from collections.abc import AsyncIterator
from html import unescape
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from access.authorizer import Authorizer
from access.commands import make_token
from access.scope import SYSTEM, Right
from app.house import House
from app.main import create_app, routed
from app.measures import Measures
from app.pages import reference_ports
from app.pages.reference_view import Document
from app.ports import PORTS
from incidents.schemas import NoteIn
from kit.db import Database
from kit.i18n import Locale
from kit.pages import own_pages
from kit.settings import Settings
from kit.signing import Signer
from tests.support.clock import FakeClock

URL = "https://langyan.test"


def house(db: Database | None, clock: FakeClock) -> House:
    state: dict[str, Any] = {
        "db": db,
        "clock": clock,
        "settings": Settings(public_url=URL),
        "signer": Signer("a secret of the tests"),
        "pages": own_pages(),
        "authorizer": None if db is None else Authorizer(db, clock),
        "house": SimpleNamespace(muted=None),
    }
    parts = SimpleNamespace(
        version="0.1.0",
        settings=state["settings"],
        shared=lambda: state,
        measures=Measures(),
        ports={},
    )
    return cast(House, parts)


def program(clock: FakeClock) -> FastAPI:
    return routed(house(None, clock))


@pytest.fixture
async def visitor(db: Database, clock: FakeClock) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(house(db, clock)))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as visitor:
        yield visitor


@pytest.fixture
async def token(db: Database, clock: FakeClock) -> dict[str, str]:
    async with db.transaction() as tx:
        raw = await make_token(
            tx, name="agent", client=None, rights=[Right.READ], by=SYSTEM, now=clock()
        )
    return {"Authorization": f"Bearer {raw}"}


async def test_a_stranger_is_sent_to_the_door(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/docs")

    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=%2Fdocs")


async def test_every_route_and_port_stands_in_the_page(
    visitor: httpx.AsyncClient, token: dict[str, str], clock: FakeClock
) -> None:
    answer = await visitor.get("/docs", headers=token)
    page = unescape(answer.text)

    assert answer.status_code == 200
    for path, methods in program(clock).openapi()["paths"].items():
        for method in methods:
            assert f'<span class="method">{method.upper()}</span> <code>{path}</code></h3>' in page
    for port in reference_ports.PORTS:
        assert f"<code>{port.path}</code></h3>" in page
    assert f"curl -s '{URL}/api/v1/clients'" in page
    for right in ("ingest", "read", "work", "admin"):
        assert re.search(rf"<p class=\"muted\">.*\b{right}\b", page)


@pytest.mark.parametrize("locale", Locale)
async def test_the_page_keeps_to_our_content_policy_in_each_language(
    visitor: httpx.AsyncClient, token: dict[str, str], locale: Locale
) -> None:
    visitor.cookies.set("langyan_locale", locale.value)
    answer = await visitor.get("/docs", headers=token)
    ids = re.findall(r'\sid="([^"]+)"', answer.text)

    assert f'<html lang="{locale.value}">' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"\sstyle=|<style|<script(?! src=\"/static/)|\son\w+=", answer.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
    assert sorted(ids) == sorted(set(ids))
    for target in re.findall(r'href="#([^"]+)"', answer.text):
        assert target in ids


def test_the_table_of_ports_has_every_port_and_no_other() -> None:
    assert {port.path for port in reference_ports.PORTS} == set(PORTS)


def test_every_route_says_what_it_does_and_how_it_refuses(clock: FakeClock) -> None:
    for path, methods in program(clock).openapi()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path}"
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "ValidationError" not in str(operation["responses"]), f"{method} {path}"


def test_an_example_is_what_the_route_takes(clock: FakeClock) -> None:
    groups = Document(program(clock).openapi(), URL).groups()
    routes = {(route.method, route.path): route for group in groups for route in group.routes}
    note = routes["POST", "/api/v1/incidents/{number}/notes"]
    query = routes["GET", "/prometheus/api/v1/query"]

    assert note.example == (
        f"curl -s -X POST '{URL}/api/v1/incidents/42/notes' \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        """  -d '{"text": "disk is being cleared"}'"""
    )
    assert NoteIn(text="disk is being cleared")
    assert "/prometheus/api/v1/query?query=sum+by+%28job%29+%28up%29'" in query.example
    assert [field.name for field in query.parameters][:2] == ["query", "time"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        pytest.param({"type": "integer"}, "whole number", id="a number"),
        pytest.param({"type": "string", "format": "date-time"}, "time", id="a time"),
        pytest.param({"enum": ["P1", "P2"]}, "P1 | P2", id="one of a few words"),
        pytest.param(
            {"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null", id="or nothing"
        ),
        pytest.param(
            {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            "list of Thing",
            id="a list of a shape",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "string"}},
            "map of text",
            id="a map",
        ),
        pytest.param({}, "anything", id="nothing said"),
    ],
)
def test_a_type_is_said_in_words(schema: dict[str, Any], said: str) -> None:
    shapes = {"Thing": {"properties": {"part": schema}}}
    (shape,) = Document({"components": {"schemas": shapes}}, URL).shapes()

    assert shape.fields[0].kind.text == said


def test_what_a_shell_could_misread_is_quoted() -> None:
    body = {"content": {"application/json": {"schema": {"example": {"text": "it's"}}}}}
    document = {"paths": {"/x": {"post": {"requestBody": body}}}}
    ((route,),) = [group.routes for group in Document(document, URL).groups()]

    assert route.example.endswith("""-d '{"text": "it'\\''s"}'""")
