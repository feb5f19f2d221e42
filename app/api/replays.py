"""A rule, or two versions of it, over the past: alerts, incidents and who would have been told."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.schemas import Name
from access.scope import Right, Scope
from access.web import Caller
from alerting import queries as alerting
from alerting.course import Firing
from alerting.lifecycle import Priority
from alerting.rehearsal import Would
from alerting.schemas import ThresholdSpec
from app.api.preview import TimeIn, house_of, span_of, within
from app.configuration.examples import EXAMPLES
from app.house import House
from app.provisioning.checks import wrong_with
from app.replay.difference import difference
from app.replay.playing import Played, in_time, played
from app.replay.telling import Folder, Notice
from incidents.lifecycle import Tell
from kit.clock import from_milliseconds
from kit.durations import Duration
from kit.errors import Invalid, Said
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1", tags=["configuration"])

SHOWN_MOST = 500


class ReplayIn(TimeIn):
    """A threshold that stands here (`rule`), one that need not (`threshold`), or both.

    Both: what the new one would have made otherwise; `against` is another former version.
    `acknowledge_after`: so long after the first message somebody answers; left out: nobody does.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"rule": "disk-full", "client": "shop"},
                {"threshold": EXAMPLES["thresholds"][0], "acknowledge_after": "5m"},
            ]
        }
    )

    rule: Name | None = None
    threshold: ThresholdSpec | None = None
    against: ThresholdSpec | None = None
    acknowledge_after: Duration | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.rule is None and self.threshold is None:
            raise ValueError(Said("name a rule that stands here, or give a threshold"))
        return self


class AlertOut(BaseModel):
    """An alert that would have fired; `until` null: it would still."""

    client: str
    system: str
    labels: dict[str, str]
    priority: Priority
    pending_since: datetime | None
    since: datetime = Field(serialization_alias="from")
    until: datetime | None


class IncidentReplayed(BaseModel):
    """An incident that would have been opened; `resolved_at` null: it would still be open."""

    client: str
    system: str
    priority: Priority
    opened_at: datetime
    resolved_at: datetime | None
    alerts: int


class NoticeOut(BaseModel):
    """A message that would have called somebody; `local` is the time in `zone`."""

    at: datetime
    local: datetime
    zone: str
    night: bool
    person: str
    channel: str
    event: Tell
    priority: Priority


class SumsOut(BaseModel):
    """How many there are of what; `night` counts messages from 22:00 to 07:00 in their zone."""

    alerts: int
    incidents: int
    notifications: int
    night: int
    by_priority: dict[Priority, int]
    by_person: dict[str, int]
    night_by_person: dict[str, int]


class VersionOut(BaseModel):
    """What one version would have made; of each list at most the first 500."""

    rule: str
    series: int
    samples: int
    sums: SumsOut
    alerts: list[AlertOut]
    incidents: list[IncidentReplayed]
    notifications: list[NoticeOut]


class DifferenceOut(BaseModel):
    """Alerts by labels and common time; the numbers count all, the lists have the first 500."""

    only_before: list[AlertOut]
    only_now: list[AlertOut]
    counts: dict[str, int]


class ReplayOut(BaseModel):
    """What would have been; `before` and `difference` null: there is one version only."""

    since: datetime
    until: datetime
    acknowledge_after: Duration | None
    now: VersionOut
    before: VersionOut | None = None
    difference: DifferenceOut | None = None


@router.post("/replays")
async def replay(
    given: ReplayIn,
    caller: Caller,
    db: Db,
    clock: AppClock,
    house: Annotated[House, Depends(house_of)],
) -> ReplayOut:
    """Lead a threshold, or two versions of it, through what is stored; nobody is told anything.

    People, contacts and policies are those of now; whose turn it was, the schedules say.
    """
    caller.need(Right.READ)
    now = clock()
    span = span_of(given, now)
    if given.acknowledge_after is not None and given.acknowledge_after <= timedelta():
        raise Invalid("somebody answers after more than no time", field="acknowledge_after")
    async with db.snapshot() as session:
        if given.client is not None:
            await access.client(session, caller.scope, given.client)
        newer, older = await _versions(session, caller.scope, given)

    async def version(spec: ThresholdSpec) -> Played:
        narrowed = within(spec, caller.scope, given.client)
        waits = given.acknowledge_after
        return await played(house, narrowed, span, acknowledge_after=waits, now=now)

    found = await version(newer)
    out = ReplayOut(
        since=from_milliseconds(span.start_ms),
        until=from_milliseconds(span.end_ms),
        acknowledge_after=given.acknowledge_after,
        now=await asyncio.to_thread(_version, found),
    )
    if older is not None:
        former = await version(older)
        out.before = await asyncio.to_thread(_version, former)
        out.difference = await asyncio.to_thread(_differ, former, found)
    return out


async def _versions(
    session: AsyncSession, scope: Scope, given: ReplayIn
) -> tuple[ThresholdSpec, ThresholdSpec | None]:
    """Return the version that is asked about, and the former one if there is one."""
    for field in ("threshold", "against"):
        spec: ThresholdSpec | None = getattr(given, field)
        if spec is not None and (wrong := wrong_with(spec.expr)):
            raise Invalid(wrong, field=f"{field}.expr")
    standing = None
    if given.rule is not None:
        standing = alerting.spec_of(await alerting.rule(session, scope, given.rule))
    if given.threshold is None:
        assert standing is not None  # the shape asks for one of the two
        return standing, given.against
    return given.threshold, given.against or standing


def _version(found: Played) -> VersionOut:
    return VersionOut(
        rule=found.rule,
        series=len(found.found),
        samples=found.samples,
        sums=SumsOut.model_validate(found.sums, from_attributes=True),
        alerts=[_alert(*one) for one in found.fired[:SHOWN_MOST]],
        incidents=[_incident(folder) for folder in found.folders[:SHOWN_MOST]],
        notifications=[_notice(one) for one in found.notices[:SHOWN_MOST]],
    )


def _alert(would: Would, firing: Firing) -> AlertOut:
    return AlertOut(
        client=would.client,
        system=would.system,
        labels=would.labels,
        priority=firing.priority,
        pending_since=firing.pending_since,
        since=firing.since,
        until=firing.until,
    )


def _incident(folder: Folder) -> IncidentReplayed:
    return IncidentReplayed(
        client=folder.client,
        system=folder.system,
        priority=folder.priority,
        opened_at=folder.opened_at,
        resolved_at=folder.resolved_at,
        alerts=len(folder.alerts),
    )


def _notice(one: Notice) -> NoticeOut:
    return NoticeOut(
        at=one.at,
        local=one.at.astimezone(ZoneInfo(one.zone)),
        zone=one.zone,
        night=one.night,
        person=one.person,
        channel=one.channel,
        event=one.event,
        priority=one.priority,
    )


def _differ(before: Played, now: Played) -> DifferenceOut:
    found = difference(before.found, now.found)
    only_before, only_now = in_time(found.only_before), in_time(found.only_now)
    return DifferenceOut(
        only_before=[_alert(*one) for one in only_before[:SHOWN_MOST]],
        only_now=[_alert(*one) for one in only_now[:SHOWN_MOST]],
        counts={
            "only_before": len(only_before),
            "only_now": len(only_now),
            "both": len(found.both),
        },
    )
