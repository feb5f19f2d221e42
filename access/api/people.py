"""People over REST."""

from fastapi import APIRouter

from access import queries
from access.api.paging import ByName, listed
from access.schemas import PersonList, PersonOut
from access.scope import Right
from access.web import Caller
from kit.web import Db

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/people")
async def list_people(caller: Caller, db: Db, page: ByName) -> PersonList:
    """Return who works for the clients that the caller reaches, by name."""
    caller.need(Right.READ)
    seen_by = caller.scope.clients
    async with db.snapshot() as session:
        rows = await queries.people(session, caller.scope, after=page.after, limit=page.limit + 1)
    return PersonList(
        **listed(rows, page, lambda row: PersonOut.of(row, seen_by=seen_by), lambda row: row.name)
    )
