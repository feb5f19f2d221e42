"""Search over everything that the caller may see; an incident's number leads straight to it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.directory import Directory
from access.scope import HOUSE, Right, Scope
from access.web import Caller, Reader
from alerting import queries as alerting
from app.pages.frame import Framed
from app.pages.timeline import labels_of
from incidents import queries as incidents
from incidents.content import titled
from kit.errors import NotFound
from kit.web import AppClock, Db
from metrics.store import Store

router = APIRouter(tags=["pages"], include_in_schema=False)
rest = APIRouter(prefix="/api/v1", tags=["search"])

EACH_MOST = 8
LOOKED_AT = 200


class FoundOut(BaseModel):
    """One thing that was found: its kind, what it is called, and where its page is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "system",
                    "title": "点餐系统",
                    "more": "acme / pos",
                    "href": "/clients/acme",
                }
            ]
        }
    )

    kind: str
    title: str
    more: str
    href: str


class FoundList(BaseModel):
    """What was found, by kind, the likeliest first."""

    items: list[FoundOut]


@dataclass(frozen=True)
class SearchView:
    """What was asked for, and what was found of each kind."""

    asked: str
    groups: Sequence[tuple[str, Sequence[FoundOut]]]


@dataclass(frozen=True)
class Searching:
    """Who searches, and in what."""

    text: str
    scope: Scope
    locale: str

    @property
    def number(self) -> int | None:
        """The number of an incident, if that is what was typed."""
        digits = self.text.removeprefix("#")
        return int(digits[:18]) if digits.isdecimal() else None

    def fits(self, *words: str) -> bool:
        """Tell whether one of the words has the text in it."""
        wanted = self.text.lower()
        return any(wanted in word.lower() for word in words)

    def rank(self, one: FoundOut) -> tuple[bool, bool, str]:
        """Return the order: what is called so, what begins so, then by name."""
        title, wanted = one.title.lower(), self.text.lower()
        return title != wanted, not title.startswith(wanted), title


Text = Annotated[str, Query(alias="q", max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/search")
async def show_search(frame: Framed, text: Text = "") -> Response:
    """Show what was found; one incident's number leads to its page."""
    frame.caller.need(Right.READ)
    house = frame.request.app.state.house
    asked = Searching(text.strip(), frame.caller.scope, frame.reader.locale)
    if asked.number is not None:
        try:
            async with frame.db.snapshot() as session:
                await incidents.get(session, asked.scope, asked.number)
            return RedirectResponse(f"/incidents/{asked.number}", 303)
        except NotFound:
            return frame.show("search.html", SearchView(text, ()), here="")
    found = await _found(frame.db, frame.clock, house.directory, house.store, asked)
    groups = [(kind, ones) for kind, ones in found if ones]
    return frame.show("search.html", SearchView(text, groups), here="")


@rest.get("/search")
async def search(
    request: Request, reader: Reader, caller: Caller, db: Db, clock: AppClock, text: Text = ""
) -> FoundList:
    """Return what the caller may see that has this text in its name, title or labels."""
    caller.need(Right.READ)
    house = request.app.state.house
    asked = Searching(text.strip(), caller.scope, reader.locale)
    found = await _found(db, clock, house.directory, house.store, asked)
    return FoundList(items=[one for _, ones in found for one in ones])


async def _found(
    db: Db, clock: AppClock, directory: Directory, store: Store, asked: Searching
) -> list[tuple[str, list[FoundOut]]]:
    if not asked.text:
        return []
    return [
        ("incident", await _incidents(db, clock, asked)),
        ("client", _best(_clients(directory, asked), asked)),
        ("system", _best(_systems(directory, asked), asked)),
        ("host", await asyncio.to_thread(_hosts, store, asked)),
        ("alert", await _alerts(db, asked)),
        ("rule", await _rules(db, asked)),
        ("person", await _people(db, asked)),
        ("metric", await asyncio.to_thread(_metrics, store, asked)),
    ]


def _best(found: Iterator[FoundOut], asked: Searching) -> list[FoundOut]:
    return sorted(found, key=asked.rank)[:EACH_MOST]


async def _incidents(db: Db, clock: AppClock, asked: Searching) -> list[FoundOut]:
    async with db.snapshot() as session:
        rows = await incidents.listed(
            session, asked.scope, now=clock(), limit=EACH_MOST, text=asked.text
        )
    return [
        FoundOut(
            kind="incident",
            title=f"#{row.incident.number} {titled(row.incident.title, asked.locale)}",
            more=f"{row.incident.client} / {row.incident.system}".rstrip(" /"),
            href=f"/incidents/{row.incident.number}",
        )
        for row in rows
    ]


def _clients(directory: Directory, asked: Searching) -> Iterator[FoundOut]:
    for name, facts in directory.clients.items():
        if asked.scope.allows(name) and name != HOUSE and asked.fits(name, facts.title):
            yield FoundOut(kind="client", title=facts.title, more=name, href=f"/clients/{name}")


def _systems(directory: Directory, asked: Searching) -> Iterator[FoundOut]:
    for system in directory.systems:
        if asked.scope.allows(system.client) and asked.fits(system.name, system.title):
            more = f"{system.client} / {system.name}"
            href = f"/clients/{system.client}#system-{system.name}"
            yield FoundOut(kind="system", title=system.title, more=more, href=href)


def _hosts(store: Store, asked: Searching) -> list[FoundOut]:
    found = (
        FoundOut(kind="host", title=name, more="", href=f"/alerts?text={quote(name, safe='')}")
        for name in store.index.values(
            "instance", asked.text, limit=LOOKED_AT, clients=asked.scope.clients
        )
    )
    return _best(found, asked)


def _metrics(store: Store, asked: Searching) -> list[FoundOut]:
    found = (
        FoundOut(kind="metric", title=name, more="", href=f"/explore?expr={quote(name, safe='')}")
        for name in store.index.values(
            "__name__", asked.text, limit=LOOKED_AT, clients=asked.scope.clients
        )
    )
    return _best(found, asked)


async def _alerts(db: Db, asked: Searching) -> list[FoundOut]:
    async with db.snapshot() as session:
        chosen = alerting.Chosen(text=asked.text)
        rows = await alerting.alerts(session, asked.scope, chosen=chosen, limit=EACH_MOST)
    return [
        FoundOut(
            kind="alert",
            title=titled(row.title, asked.locale),
            more=" ".join(value for _, value in labels_of(row.labels)),
            href=f"/alerts/{row.id}",
        )
        for row in rows
    ]


async def _rules(db: Db, asked: Searching) -> list[FoundOut]:
    async with db.snapshot() as session:
        rows = await alerting.rows_of_rules(session)
    found = (
        FoundOut(
            kind="rule",
            title=titled(row.title, asked.locale),
            more=row.name,
            href=f"/rules/{row.name}",
        )
        for row in rows
        if alerting.concerns(row, asked.scope)
        and asked.fits(row.name, row.expr, *row.title.values())
    )
    return _best(found, asked)


async def _people(db: Db, asked: Searching) -> list[FoundOut]:
    async with db.snapshot() as session:
        rows = await access.people(session, asked.scope, limit=LOOKED_AT)
    found = (
        FoundOut(kind="person", title=row.title, more=row.name, href="/oncall")
        for row in rows
        if not row.disabled and asked.fits(row.name, row.title)
    )
    return _best(found, asked)
