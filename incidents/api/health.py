"""How a client's systems are and have been, over REST."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from access import queries as access
from access.schemas import Name
from access.scope import Right
from access.web import Caller
from alerting.lifecycle import Priority
from incidents.clocks import Kind
from incidents.health import Kept, Outage, availability
from incidents.queries import health
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1/clients", tags=["clients"])

SYSTEMS_MOST = 500


class KeptOut(BaseModel):
    """How often one kind of goal was kept this month."""

    met: int
    breached: int

    @classmethod
    def of(cls, one: Kept | None) -> Self:
        """Return what is shown of it."""
        return cls(met=one.met if one else 0, breached=one.breached if one else 0)


class SystemHealthOut(BaseModel):
    """One system; `availability` is this month's, from 0 to 1."""

    name: str
    title: str
    core: bool
    open: int
    priority: Priority | None
    availability: float = Field(ge=0, le=1)


class HealthOut(BaseModel):
    """A client's month so far, in its own zone; `availability` is that of its core systems."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client": "acme",
                    "since": "2026-11-01T00:00:00+08:00",
                    "availability": 0.9987,
                    "open": 1,
                    "response": {"met": 4, "breached": 0},
                    "recovery": {"met": 3, "breached": 1},
                    "systems": [
                        {
                            "name": "pos",
                            "title": "点餐系统",
                            "core": True,
                            "open": 1,
                            "priority": "P1",
                            "availability": 0.9987,
                        }
                    ],
                }
            ]
        }
    )

    client: str
    since: datetime
    availability: float = Field(ge=0, le=1)
    open: int
    response: KeptOut
    recovery: KeptOut
    systems: list[SystemHealthOut]


@router.get("/{name}/health")
async def get_health(name: Name, caller: Caller, db: Db, clock: AppClock) -> HealthOut:
    """Return how a client's systems are now and were this month."""
    caller.need(Right.READ)
    now, scope = clock(), caller.scope
    async with db.snapshot() as session:
        client = await access.client(session, scope, name)
        since = month_of(now, client.timezone)
        systems = await access.systems(session, scope, client=name, limit=SYSTEMS_MOST)
        lost = await health.outages(session, scope, name, since=since)
        open_ = await health.open_by_system(session, scope)
        kept = await health.kept(session, scope, name, since=since, now=now)
    core = {system.name for system in systems if system.core}
    grave = [one for one in lost if one.system in core]
    return HealthOut(
        client=name,
        since=since,
        availability=availability(grave, since=since, until=now),
        open=sum(count for (of, _), (count, _) in open_.items() if of == name),
        response=KeptOut.of(kept.get(Kind.RESPONSE)),
        recovery=KeptOut.of(kept.get(Kind.RECOVERY)),
        systems=[
            SystemHealthOut(
                name=system.name,
                title=system.title,
                core=system.core,
                **_now(open_.get((name, system.name))),
                availability=_share(lost, system.name, since, now),
            )
            for system in systems
        ],
    )


def _now(found: tuple[int, str] | None) -> dict[str, Any]:
    count, priority = found or (0, None)
    return {"open": count, "priority": priority}


def _share(lost: Sequence[Outage], system: str, since: datetime, until: datetime) -> float:
    own = [one for one in lost if one.system == system]
    return availability(own, since=since, until=until)


def month_of(now: datetime, zone: str) -> datetime:
    """Return when the present month began in a zone."""
    here = now.astimezone(ZoneInfo(zone))
    return here.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
