"""Schedules and who is on call, over REST.

Who may reach certain clients only sees the schedules whose people all work for those.
"""

from uuid import UUID

from fastapi import APIRouter

from access.commands import audit, once
from access.scope import Right
from access.web import Caller
from kit.web import AppClock, Db, IdempotencyKey
from oncall import commands, queries
from oncall.schemas import (
    Name,
    OnCallList,
    OverrideIn,
    OverrideList,
    OverrideOut,
)

router = APIRouter(prefix="/api/v1", tags=["oncall"])


@router.get("/oncall")
async def who_is_on_call(caller: Caller, db: Db, clock: AppClock) -> OnCallList:
    """Return for each schedule who is on call now, until when, and who is next."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        found = await queries.now_and_next(session, clock())
        return OnCallList(items=await queries.inside(session, caller.scope, found))


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


@router.get("/schedules/{name}/overrides")
async def list_overrides(name: Name, caller: Caller, db: Db, clock: AppClock) -> OverrideList:
    """Return who stands in on a schedule now and later, the next one first."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        await queries.get_schedule(session, caller.scope, name)
        rows = await queries.overrides(session, name, now=clock())
    shown = [OverrideOut.model_validate(row, from_attributes=True) for row in rows]
    return OverrideList(items=shown)


@router.delete("/schedules/{name}/overrides/{override_id}", status_code=204)
async def delete_override(
    name: Name, override_id: UUID, caller: Caller, db: Db, clock: AppClock
) -> None:
    """Take back that somebody stands in."""
    caller.need(Right.WORK)
    async with db.transaction() as tx:
        row = await commands.stand_down(tx, name, override_id, by=caller)
        said = OverrideOut.model_validate(row, from_attributes=True).model_dump(mode="json")
        audit(tx, who=caller.name, did="oncall.stand_down", on=name, now=clock(), facts=said)
