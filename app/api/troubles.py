"""What was given up, over REST: rows refused, messages failed, events parked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from access.scope import Right
from access.web import Caller
from app import given_up
from app.given_up import Act, Sort
from kit.web import AppClock, Db, Paging

router = APIRouter(prefix="/api/v1/troubles", tags=["troubles"])


class GivenUpOut(BaseModel):
    """One thing that was given up; `retry`: to try again makes sense."""

    id: UUID
    client: str | None
    at: datetime
    why: str
    times: int
    retry: bool
    facts: dict[str, Any]


class GivenUpList(BaseModel):
    """What was given up of one sort, the latest first."""

    items: list[GivenUpOut]
    next: str | None


class TroublesOut(BaseModel):
    """What is wrong at this moment, and how much was given up and waits for a person."""

    wrong: list[str]
    rows: int
    messages: int
    events: int


class SeenToOut(BaseModel):
    """About how many something was done."""

    done: int


@router.get("")
async def get_troubles(caller: Caller, request: Request, db: Db) -> TroublesOut:
    """Return what is wrong with the program itself, and how much it has given up."""
    caller.need(Right.ADMIN)
    async with db.snapshot() as session:
        found = await given_up.counts(session, caller.scope)
    condition = await request.app.state.house.condition()
    wrong = [str(trouble) for trouble in condition.troubles]
    return TroublesOut(wrong=wrong, **{sort.value: n for sort, n in found.items()})


@router.get("/{sort}")
async def list_given_up(sort: Sort, caller: Caller, db: Db, page: Paging) -> GivenUpList:
    """Return rows that the database refused, messages that failed, or events that are parked."""
    caller.need(Right.ADMIN)
    start = page.cursor or 0
    async with db.snapshot() as session:
        found = await given_up.listed(
            session, caller.scope, sort, offset=start, limit=page.limit + 1
        )
    items = [GivenUpOut.model_validate(one, from_attributes=True) for one in found[: page.limit]]
    following = str(start + page.limit) if len(found) > page.limit else None
    return GivenUpList(items=items, next=following)


@router.post("/{sort}/{act}")
async def see_to_all(
    sort: Sort, act: Act, caller: Caller, request: Request, db: Db, clock: AppClock
) -> SeenToOut:
    """Try the latest 500 of a sort again (`retry`), or leave them as they are (`settle`)."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        done = await given_up.see_to_all(tx, sort, act, by=caller, now=clock())
    if sort is Sort.ROWS:
        request.app.state.house.scheduler.hurry("sweep")
    return SeenToOut(done=done)


@router.post("/{sort}/{trouble_id}/{act}")
async def see_to_one(
    sort: Sort,
    trouble_id: UUID,
    act: Act,
    caller: Caller,
    request: Request,
    db: Db,
    clock: AppClock,
) -> SeenToOut:
    """Try one of them again (`retry`), or leave it as it is (`settle`)."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await given_up.see_to(tx, sort, trouble_id, act, by=caller, now=clock())
    if sort is Sort.ROWS:
        request.app.state.house.scheduler.hurry("sweep")
    return SeenToOut(done=1)
