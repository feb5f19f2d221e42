"""What is done with a target besides changing it: asked at once, paused, resumed."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from access import queries
from access.commands import pause_target, resume_target
from access.schemas import Name
from access.scope import Right
from access.web import Caller
from app.asking import ask_now
from app.house import facts_of
from collectors.samples import Look
from kit.web import AppClock, Db

if TYPE_CHECKING:
    from access.tables import Target

router = APIRouter(prefix="/api/v1/targets/{client}/{name}", tags=["configuration"])

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
]


class PauseIn(BaseModel):
    """Why the target is left alone."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "moved to another host"}]}
    )

    reason: Reason


class PauseOut(BaseModel):
    """Whether the target is left alone: why, by whom and since when; null: it is asked."""

    paused: str | None
    by: str | None
    since: datetime | None

    @classmethod
    def of(cls, row: "Target") -> Self:
        """Return how a target stands."""
        return cls(paused=row.paused_why, by=row.paused_by, since=row.paused_at)


class LookOut(BaseModel):
    """What came of asking once; `why` is what is wrong, null if it is up. Nothing is kept of it."""

    good: bool
    status: int | None
    seconds: float
    samples: int
    why: str | None

    @classmethod
    def of(cls, look: Look) -> Self:
        """Return a look as it is told."""
        return cls(
            good=look.good,
            status=look.status,
            seconds=round(look.seconds, 6),
            samples=len(look.samples),
            why=look.why or None,
        )


@router.post("/try", description="Ask the target at once, as its turn would.")
async def try_target(
    client: Name, name: Name, caller: Caller, db: Db, clock: AppClock, request: Request
) -> LookOut:
    """Ask over the same guarded way as always: what may not be reached is told in `why`."""
    caller.need(Right.ADMIN)
    async with db.snapshot() as session:
        facts = facts_of(await queries.target(session, caller.scope, client, name))
    return LookOut.of(await ask_now(request.app.state.house, facts, by=caller, now=clock()))


@router.post("/pause", description="Ask the target no more until somebody resumes it.")
async def pause(
    client: Name, name: Name, given: PauseIn, caller: Caller, db: Db, clock: AppClock
) -> PauseOut:
    """Leave a target alone, also one that a file owns."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        row = await pause_target(tx, client, name, why=given.reason, by=caller, now=clock())
        return PauseOut.of(row)


@router.post("/resume", description="Ask the target again.")
async def resume(client: Name, name: Name, caller: Caller, db: Db, clock: AppClock) -> PauseOut:
    """Ask again whom somebody had paused."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return PauseOut.of(await resume_target(tx, client, name, by=caller, now=clock()))
