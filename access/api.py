"""Clients, systems, people, tokens and the audit trail over REST."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query

from access import queries
from access.commands import make_token, revoke_token
from access.schemas import (
    AuditList,
    AuditOut,
    ClientList,
    ClientOut,
    Name,
    PersonList,
    PersonOut,
    SystemList,
    SystemOut,
    TokenIn,
    TokenList,
    TokenOut,
)
from access.scope import Right
from access.web import Caller
from kit.errors import NotFound
from kit.web import LIMIT_MOST, AppClock, Db, Paging, page_of

router = APIRouter(prefix="/api/v1", tags=["access"])


@dataclass(frozen=True)
class Named:
    """Which part of a list by name is asked for: at most `limit` behind `after`."""

    limit: int
    after: str


def _named(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MOST)] = 50,
    cursor: Annotated[str, Query(max_length=127, pattern=r"^[a-z0-9_./-]*$")] = "",
) -> Named:
    return Named(limit, cursor)


ByName = Annotated[Named, Depends(_named)]
Row = TypeVar("Row")


def _listed(
    rows: Sequence[Row], page: Named, shown: Callable[[Row], Any], place: Callable[[Row], str]
) -> dict[str, Any]:
    more = len(rows) > page.limit
    kept = rows[: page.limit]
    return {"items": [shown(row) for row in kept], "next": place(kept[-1]) if more else None}


@router.get("/clients")
async def list_clients(caller: Caller, db: Db, page: ByName) -> ClientList:
    """Return the clients that the caller reaches, by name."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        rows = await queries.clients(session, caller.scope, after=page.after, limit=page.limit + 1)
    return ClientList(**_listed(rows, page, ClientOut.of, lambda row: row.name))


@router.get("/clients/{name}")
async def get_client(name: Name, caller: Caller, db: Db) -> ClientOut:
    """Return one client."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        return ClientOut.of(await queries.client(session, caller.scope, name))


@router.get("/systems")
async def list_systems(
    caller: Caller, db: Db, page: ByName, client: Name | None = None
) -> SystemList:
    """Return the systems that the caller reaches, by client and name."""
    caller.need(Right.READ)
    of, _, name = page.after.partition("/")
    async with db.snapshot() as session:
        if client is not None:
            await queries.client(session, caller.scope, client)
        rows = await queries.systems(
            session, caller.scope, client=client, after=(of, name), limit=page.limit + 1
        )
    place = "{0.client}/{0.name}".format
    return SystemList(**_listed(rows, page, SystemOut.of, place))


@router.get("/people")
async def list_people(caller: Caller, db: Db, page: ByName) -> PersonList:
    """Return who works for the clients that the caller reaches, by name."""
    caller.need(Right.READ)
    seen_by = caller.scope.clients
    async with db.snapshot() as session:
        rows = await queries.people(session, caller.scope, after=page.after, limit=page.limit + 1)
    return PersonList(
        **_listed(rows, page, lambda row: PersonOut.of(row, seen_by=seen_by), lambda row: row.name)
    )


@router.get("/tokens")
async def list_tokens(caller: Caller, db: Db, page: ByName) -> TokenList:
    """Return the tokens by name; what they are made of is not kept."""
    caller.need(Right.ADMIN)
    async with db.snapshot() as session:
        rows = await queries.tokens(session, caller.scope, after=page.after, limit=page.limit + 1)
    return TokenList(**_listed(rows, page, TokenOut.of, lambda row: row.name))


@router.post("/tokens", status_code=201)
async def post_token(wanted: TokenIn, caller: Caller, db: Db, clock: AppClock) -> TokenOut:
    """Make a token; `token` in the answer is shown this once.

    There is no Idempotency-Key here: to answer again, we would have to keep the token itself.
    """
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        raw = await make_token(
            tx,
            name=wanted.name,
            client=wanted.client,
            rights=wanted.rights,
            by=caller,
            now=clock(),
        )
        row = await queries.token(tx, caller.scope, wanted.name)
    return TokenOut.of(row, raw=raw)


@router.delete("/tokens/{name}", status_code=204)
async def delete_token(name: Name, caller: Caller, db: Db, clock: AppClock) -> None:
    """Revoke a token; it is refused from now on."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await revoke_token(tx, name, by=caller, now=clock())


@router.get("/audit")
async def list_audit(caller: Caller, db: Db, page: Paging, client: Name | None = None) -> AuditList:
    """Return who did what, newest first."""
    caller.need(Right.ADMIN)
    if client is not None and not caller.scope.allows(client):
        raise NotFound(f"no client is called {client!r}", client=client)
    async with db.snapshot() as session:
        rows = await queries.audit_entries(
            session, caller.scope, client=client, before=page.cursor, limit=page.limit + 1
        )
    return AuditList(**page_of([AuditOut.of(row) for row in rows], page, "id"))
