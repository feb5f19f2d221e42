"""Somebody at the query API of a store in memory, alone: no house around it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from access.scope import Identity, Right, Role, Scope
from metrics import catalogue
from metrics.api import PREFIX, Engine, router
from metrics.promql.terms import Limits
from tests.support.clock import FakeClock
from tests.support.shelf import Shelf

NOW = datetime(1970, 1, 1, 0, 10, tzinfo=UTC)
DISKS = [
    ({"__name__": "disk", "client": client, "host": "a"}, [(540_000, value), (600_000, value + 1)])
    for client, value in (("acme", 91.5), ("bolt", 20.0), ("axme", 7.0))
]


class Office:
    """Who asks, and of which store; both may change between two questions."""

    def __init__(self, clock: FakeClock) -> None:
        self.store = Shelf(DISKS)
        self.who = self.reads(None)
        app = FastAPI()
        app.state.clock = clock
        app.include_router(router(lambda: self.store, lambda: self.who, Engine(Limits(series=50))))
        app.include_router(catalogue.router(lambda: self.store, lambda: self.who, PREFIX))
        self.web = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://langyan.test"
        )

    def reads(self, clients: Sequence[str] | None) -> Identity:
        """Return somebody who may read what is of these clients."""
        scope = Scope(None if clients is None else frozenset(clients))
        return Identity("g", "Grafana", Role.AGENT, scope, frozenset((Right.READ,)))

    async def ask(self, path: str, **asked: str | list[str]) -> httpx.Response:
        """Ask a path of the API."""
        return await self.web.get(PREFIX + path, params=asked)

    async def values(self, query: str) -> list[tuple[str | None, str]]:
        """Return the value of each series that an instant query finds, with its client."""
        answer = (await self.ask("/query", query=query)).json()
        result = answer["data"]["result"]
        return sorted(((r["metric"].get("client"), r["value"][1]) for r in result), key=str)


@asynccontextmanager
async def open_office() -> AsyncIterator[Office]:
    """Let somebody in, ten minutes after 1970 began."""
    found = Office(FakeClock(NOW))
    async with found.web:
        yield found
