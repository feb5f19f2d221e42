"""The audit trail over REST."""

from fastapi import APIRouter

from access import queries
from access.schemas import AuditList, AuditOut, Name
from access.scope import Right
from access.web import Caller
from kit.errors import NotFound
from kit.web import Db, Paging, page_of

router = APIRouter(prefix="/api/v1", tags=["access"])


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
