"""What rules and alerts did in the past, over REST."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from access.schemas import Name
from access.scope import Right
from access.web import Caller
from alerting import queries as alerting
from alerting.lifecycle import Priority
from incidents.queries import history
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1", tags=["alerting"])

DAYS_MOST = 400


class FiringOut(BaseModel):
    """One alert in one incident; `ended_at` null: it fires still."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "incident": 7,
                    "client": "acme",
                    "rule": "disk-space",
                    "alert": "5f0e5a0e-4a53-4d7e-9f0b-3f0c6c1c9b52",
                    "priority": "P2",
                    "fired_at": "2026-11-02T03:12:05Z",
                    "ended_at": "2026-11-02T03:31:20Z",
                    "times": 1,
                }
            ]
        }
    )

    incident: int
    client: str
    rule: str
    alert: UUID
    priority: Priority
    fired_at: datetime
    ended_at: datetime | None
    times: int

    @classmethod
    def of(cls, one: history.Firing) -> Self:
        """Return what is shown of a firing."""
        return cls(**{**vars(one), "incident": one.number, "alert": one.alert_id})


class HistoryOut(BaseModel):
    """What a rule did: its firings, newest first, and what became of the incidents."""

    since: datetime
    incidents: int
    acknowledged: int
    by_themselves: int
    firings: list[FiringOut]


class AlertHistoryOut(BaseModel):
    """When an alert fired, newest first."""

    since: datetime
    firings: list[FiringOut]


Days = Annotated[int, Query(ge=1, le=DAYS_MOST, description="How many days back")]


@router.get("/rules/{name}/history")
async def get_history(
    name: Name, caller: Caller, db: Db, clock: AppClock, days: Days = 30
) -> HistoryOut:
    """Return when a rule fired for the clients the caller reaches, and who came."""
    caller.need(Right.READ)
    since = clock() - timedelta(days=days)
    async with db.snapshot() as session:
        await alerting.rule(session, caller.scope, name)
        found = await history.firings(session, caller.scope, since=since, rule=name)
        answers = await history.answers(session, caller.scope, since=since, rule=name)
    firings = [FiringOut.of(one) for one in found]
    return HistoryOut(since=since, **vars(answers), firings=firings)


@router.get("/alerts/{alert_id}/history")
async def get_alert_history(
    alert_id: UUID, caller: Caller, db: Db, clock: AppClock, days: Days = 30
) -> AlertHistoryOut:
    """Return when one alert fired."""
    caller.need(Right.READ)
    since = clock() - timedelta(days=days)
    async with db.snapshot() as session:
        await alerting.get(session, caller.scope, alert_id)
        found = await history.firings(session, caller.scope, since=since, alert=alert_id)
    return AlertHistoryOut(since=since, firings=[FiringOut.of(one) for one in found])
