"""People over REST: who works here, their browsers, and what each role allows."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from access import queries
from access.api.paging import ByName, listed
from access.commands import (
    change_person,
    disable_person,
    enable_person,
    end_session,
    make_person,
    sign_out_everywhere,
)
from access.commands.governing import governed
from access.schemas import (
    Name,
    PersonIn,
    PersonList,
    PersonOut,
    PersonPatch,
    RoleList,
    RoleOut,
    SessionList,
    SessionOut,
)
from access.scope import RIGHTS, Right
from access.tables import Person
from access.web import Caller
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/people")
async def list_people(
    caller: Caller,
    db: Db,
    page: ByName,
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> PersonList:
    """Return who works for the clients that the caller reaches, by name.

    `text` is looked for in name, title and address.
    """
    caller.need(Right.READ)
    async with db.snapshot() as session:
        rows = await queries.people(
            session, caller.scope, text=text, after=page.after, limit=page.limit + 1
        )
    return PersonList(**listed(rows, page, lambda row: _shown(row, caller), lambda row: row.name))


@router.get("/people/{name}")
async def get_person(name: Name, caller: Caller, db: Db) -> PersonOut:
    """Return one person."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        return _shown(await queries.person(session, caller.scope, name), caller)


@router.post("/people", status_code=201)
async def post_person(given: PersonIn, caller: Caller, db: Db, clock: AppClock) -> PersonOut:
    """Make somebody, who signs in after an invitation or by single sign-on."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return _shown(await make_person(tx, given, by=caller, now=clock()), caller)


@router.patch("/people/{name}")
async def patch_person(
    name: Name, given: PersonPatch, caller: Caller, db: Db, clock: AppClock
) -> PersonOut:
    """Change what is named; the last administrator stays one, and nobody changes their own role."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return _shown(await change_person(tx, name, given, by=caller, now=clock()), caller)


@router.post("/people/{name}/disable")
async def post_disable(name: Name, caller: Caller, db: Db, clock: AppClock) -> PersonOut:
    """Let somebody in no more: their sessions and links end, and they are told nothing more."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return _shown(await disable_person(tx, name, by=caller, now=clock()), caller)


@router.post("/people/{name}/enable")
async def post_enable(name: Name, caller: Caller, db: Db, clock: AppClock) -> PersonOut:
    """Let somebody in again."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return _shown(await enable_person(tx, name, by=caller, now=clock()), caller)


@router.get("/people/{name}/sessions")
async def list_sessions(name: Name, caller: Caller, db: Db, clock: AppClock) -> SessionList:
    """Return the browsers in which somebody is signed in, the one seen last first."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await governed(tx, name, caller)
        rows = await queries.sessions_of(tx, name, clock())
    return SessionList(items=[SessionOut.of(row) for row in rows])


@router.delete("/people/{name}/sessions", status_code=204)
async def delete_sessions(name: Name, caller: Caller, db: Db, clock: AppClock) -> None:
    """Sign somebody out everywhere."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await sign_out_everywhere(tx, name, by=caller, now=clock())


@router.delete("/people/{name}/sessions/{session_id}", status_code=204)
async def delete_session(
    name: Name, session_id: UUID, caller: Caller, db: Db, clock: AppClock
) -> None:
    """Sign somebody out in one browser."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await end_session(tx, name, session_id, by=caller, now=clock())


@router.get("/roles")
async def list_roles(caller: Caller) -> RoleList:
    """Return what each role allows."""
    caller.need(Right.READ)
    shown = [RoleOut(role=role, rights=sorted(rights)) for role, rights in RIGHTS.items()]
    return RoleList(items=shown)


def _shown(row: Person, caller: Caller) -> PersonOut:
    return PersonOut.of(row, seen_by=caller.scope.clients)
