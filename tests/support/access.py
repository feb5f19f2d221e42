"""The doors of access as a small program: its routes, its pages, and people who come through."""

import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import cache

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.routing import BaseRoute

from access import commands, pages
from access.api import people, tokens, trail
from access.authorizer import Authorizer
from access.passwords import Passwords
from access.scope import SYSTEM, Right, Role
from access.tables import Client, Person
from access.web import Caller, Csrf, PageCaller
from app import problems
from app.api import configuration
from kit.db import Database
from kit.pages import own_pages
from kit.settings import Settings
from kit.signing import Signer
from tests.support.clock import FakeClock

URL = "http://langyan.test"
PASSWORD = "correct horse battery"
HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@cache
def _routes() -> Sequence[BaseRoute]:
    whole = FastAPI(openapi_url=None)
    for room in (configuration, people, tokens, trail, pages):
        whole.include_router(room.router)
    return whole.routes


class Doors:
    """The program, and what a test does with it."""

    def __init__(self, db: Database, clock: FakeClock, *, url: str = URL) -> None:
        self.db = db
        self.clock = clock
        self.passwords = Passwords(HASHER)
        self.authorizer = Authorizer(db, clock)
        self.app = FastAPI()
        self.app.state.db, self.app.state.clock = db, clock
        self.app.state.settings = Settings(public_url=url)
        self.app.state.signer = Signer("a secret of the tests")
        self.app.state.passwords, self.app.state.authorizer = self.passwords, self.authorizer
        self.app.state.pages = own_pages()
        problems.install(self.app)
        self.app.router.routes.extend(_routes())
        self._add_pages()

    def _add_pages(self) -> None:
        @self.app.get("/board")
        async def board(caller: PageCaller, csrf: Csrf) -> dict[str, str]:
            return {"who": caller.name, "csrf": csrf}

        @self.app.post("/work")
        async def work(caller: Caller) -> str:
            caller.need(Right.WORK)
            return caller.name

    @asynccontextmanager
    async def visitor(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser or a program of its own, with its own cookies."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as visitor:
            yield visitor

    async def knows(self, *clients: str) -> None:
        """Make these clients."""
        async with self.db.transaction() as tx:
            tx.add_all([Client(name=name, title=name) for name in clients])

    async def employs(
        self, name: str, role: Role = Role.ENGINEER, clients: list[str] | None = None
    ) -> None:
        """Make a person whose password is PASSWORD."""
        known = await self.passwords.hash(PASSWORD)
        async with self.db.transaction() as tx:
            tx.add(Person(name=name, title=name, role=role, clients=clients, password_hash=known))

    async def gives(self, name: str, rights: Collection[Right], client: str | None = None) -> str:
        """Make a token and return it."""
        async with self.db.transaction() as tx:
            return await commands.make_token(
                tx, name=name, client=client, rights=rights, by=SYSTEM, now=self.clock()
            )


async def sign_in(
    visitor: httpx.AsyncClient, name: str, password: str = PASSWORD, *, back: str = "/"
) -> httpx.Response:
    """Open the page to sign in and send its form."""
    page = await visitor.get("/signin")
    form = {"name": name, "password": password, "back": back, "csrf": csrf_in(page.text)}
    return await visitor.post("/signin", data=form)


def csrf_in(html: str) -> str:
    """Return the token that a page's form carries."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, html
    return found[1]
