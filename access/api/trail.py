"""The audit trail over REST."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from access import queries
from access.queries import Trail
from access.schemas import AuditList, AuditOut, Name
from access.scope import Right
from access.web import Caller
from kit.errors import NotFound
from kit.moments import Moment
from kit.web import Db, Paging, page_of

router = APIRouter(prefix="/api/v1", tags=["access"])


TEXT = Query(max_length=200, pattern=r"^[^\x00]*$")


async def _trail(
    who: Annotated[str, TEXT] = "",
    did: Annotated[str, TEXT] = "",
    on: Annotated[str, TEXT] = "",
    client: Name | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Trail:
    return Trail(who, did, on, client, since, until)


Wanted = Annotated[Trail, Depends(_trail)]


@router.get("/audit")
async def list_audit(caller: Caller, db: Db, page: Paging, wanted: Wanted) -> AuditList:
    """Return who did what, newest first; `did` may be the beginning of a deed: `person`."""
    caller.need(Right.ADMIN)
    if wanted.client is not None and not caller.scope.allows(wanted.client):
        raise NotFound("no client is called {client!r}", client=wanted.client)
    async with db.snapshot() as session:
        rows = await queries.audit_entries(
            session, caller.scope, wanted=wanted, before=page.cursor, limit=page.limit + 1
        )
    return AuditList(**page_of([AuditOut.of(row) for row in rows], page, "id"))
