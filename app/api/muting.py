"""Whether this installation tells anybody, over REST."""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from access.scope import Right
from access.web import Caller
from app import muting
from app.api.targets import Reason
from kit.web import AppClock, Db
from notifications import queries
from notifications.schemas import Muted

router = APIRouter(prefix="/api/v1/muting", tags=["health"])


class MuteIn(BaseModel):
    """Why nobody is told anything."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "a copy for a drill"}]}
    )

    reason: Reason


class MutingOut(BaseModel):
    """Whether nobody is told anything, and since when, by whom and why."""

    muted: bool
    reason: str | None = None
    by: str | None = None
    since: datetime | None = None

    @classmethod
    def of(cls, found: Muted | None) -> Self:
        """Return how things stand."""
        if found is None:
            return cls(muted=False)
        return cls(muted=True, reason=found.why, by=found.who, since=found.since)


@router.get("")
async def read_muting(caller: Caller, db: Db) -> MutingOut:
    """Return whether messages leave this installation."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        return MutingOut.of(await queries.muted(session))


@router.put("")
async def mute(given: MuteIn, caller: Caller, db: Db, clock: AppClock) -> MutingOut:
    """Tell nobody anything from now on: what would leave is held."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await muting.mute(tx, why=given.reason, by=caller, now=clock())
        return MutingOut.of(await queries.muted(tx))


@router.delete("")
async def unmute(caller: Caller, db: Db, clock: AppClock) -> MutingOut:
    """Tell people again: what was held and is still owed leaves now."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await muting.unmute(tx, by=caller, now=clock())
    return MutingOut(muted=False)
