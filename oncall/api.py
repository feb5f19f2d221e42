"""Schedules and who is on call, over REST.

Who may reach certain clients only sees the schedules whose people all work for those.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit, once
from access.queries import people
from access.scope import Identity, Right
from access.web import Caller
from kit.web import LIMIT_MOST, AppClock, Db, IdempotencyKey
from oncall import commands, queries
from oncall.schemas import (
    Name,
    OnCallList,
    OnCallOut,
    OverrideIn,
    OverrideOut,
    ScheduleList,
    ScheduleOut,
)

router = APIRouter(prefix="/api/v1", tags=["oncall"])
Shown = TypeVar("Shown", ScheduleOut, OnCallOut)


@router.get("/schedules")
async def list_schedules(caller: Caller, db: Db) -> ScheduleList:
    """Return all schedules by name, as they stand."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        rows = [ScheduleOut.model_validate(row) for row in await queries.schedules(session)]
        return ScheduleList(items=await _inside(session, caller, rows))


@router.get("/oncall")
async def who_is_on_call(caller: Caller, db: Db, clock: AppClock) -> OnCallList:
    """Return for each schedule who is on call now, until when, and who is next."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        found = await queries.now_and_next(session, clock())
        return OnCallList(items=await _inside(session, caller, found))


@router.post("/schedules/{name}/overrides", status_code=201)
async def make_override(
    name: Name,
    given: OverrideIn,
    caller: Caller,
    db: Db,
    clock: AppClock,
    key: IdempotencyKey = None,
) -> OverrideOut:
    """Let somebody stand in for whoever would be on call."""
    caller.need(Right.WORK)
    now = clock()
    request = {"schedule": name, **given.model_dump(mode="json")}
    async with db.transaction() as tx:

        async def work() -> dict[str, str]:
            made = await commands.stand_in(tx, name, given, by=caller, now=now)
            audit(tx, who=caller.name, did="oncall.override", on=name, now=now, facts=request)
            return {"id": str(made)}

        body = await once(tx, key, who=caller.name, request=request, now=now, work=work)
    return OverrideOut.model_validate({**request, **body})


async def _inside(session: AsyncSession, caller: Identity, rows: Sequence[Shown]) -> list[Shown]:
    if caller.scope.clients is None:
        return list(rows)
    known = {row.name for row in await people(session, caller.scope, limit=LIMIT_MOST)}
    return [row for row in rows if known.issuperset(_named(row))]


def _named(row: ScheduleOut | OnCallOut) -> Iterable[str]:
    if isinstance(row, OnCallOut):
        return [*row.now, *row.next]
    return [person for layer in row.layers for person in layer.get("people", ())]
