"""Clients and their systems over REST."""

from fastapi import APIRouter

from access import queries
from access.api.paging import ByName, listed
from access.schemas import ClientList, ClientOut, Name, SystemList, SystemOut
from access.scope import Right
from access.web import Caller
from kit.web import Db

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/clients")
async def list_clients(caller: Caller, db: Db, page: ByName) -> ClientList:
    """Return the clients that the caller reaches, by name."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        rows = await queries.clients(session, caller.scope, after=page.after, limit=page.limit + 1)
    return ClientList(**listed(rows, page, ClientOut.of, lambda row: row.name))


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
    return SystemList(**listed(rows, page, SystemOut.of, place))
