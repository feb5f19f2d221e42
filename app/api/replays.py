"""A rule, or two versions of it, over the past: alerts, incidents and who would have been told."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.scope import Right, Scope
from access.web import Caller
from alerting.course import Firing
from alerting.groups.rules import FileRule, compiled
from alerting.groups.schemas import GroupSpec, Placed
from alerting.lifecycle import Priority
from alerting.rehearsal import Would
from alerting.schemas import ThresholdSpec
from app.api.preview import TimeIn, house_of, span_of
from app.configuration.examples import EXAMPLES
from app.house import House
from app.provisioning.checks import wrong_with
from app.replay.difference import difference
from app.replay.playing import Played, Question, Version, in_time, played, standing
from app.replay.telling import Folder, Notice
from incidents.lifecycle import Tell
from kit.clock import from_milliseconds
from kit.durations import Duration
from kit.errors import Invalid, Said
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1", tags=["configuration"])

SHOWN_MOST = 500
GROUP: dict[str, Any] = {
    "name": "node",
    "interval": "30s",
    "rules": [
        {
            "alert": "HostDown",
            "expr": 'up{job="node"} == 0',
            "for": "2m",
            "labels": {"severity": "critical"},
        }
    ],
}


class ReplayIn(TimeIn):
    """A rule that stands here (`rule`), one that need not (`threshold`, `group`), or both.

    `rule` is the name of a threshold, or `GROUP/ALERT` of a Prometheus file; `group` is written as
    in such a file, with the one alerting rule that is meant. Both: what the new one would have made
    otherwise; `against` and `group_against` are another former version.
    `acknowledge_after`: so long after the first message somebody answers; left out: nobody does.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"rule": "disk-full", "client": "shop"},
                {"rule": "node/HostDown", "acknowledge_after": "15m"},
                {"threshold": EXAMPLES["thresholds"][0], "acknowledge_after": "5m"},
                {"rule": "node/HostDown", "group": GROUP},
            ]
        }
    )

    rule: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]+$")] | None = None
    threshold: ThresholdSpec | None = None
    against: ThresholdSpec | None = None
    group: GroupSpec | None = None
    group_against: GroupSpec | None = None
    acknowledge_after: Duration | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.rule is None and self.threshold is None and self.group is None:
            raise ValueError(Said("name a rule that stands here, or give a threshold or a group"))
        for both in ((self.threshold, self.group), (self.against, self.group_against)):
            if all(both):
                raise ValueError(Said("a version is a threshold or a group, not both"))
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
    """Lead a rule, or two versions of it, through what is stored; nobody is told anything.

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
        newer, older = await _versions(session, house, caller.scope, given)

    question = Question(span, caller.scope, given.client, given.acknowledge_after)
    found = await played(house, newer, question, now=now)
    out = ReplayOut(
        since=from_milliseconds(span.start_ms),
        until=from_milliseconds(span.end_ms),
        acknowledge_after=given.acknowledge_after,
        now=await asyncio.to_thread(_version, found),
    )
    if older is not None:
        former = await played(house, older, question, now=now)
        out.before = await asyncio.to_thread(_version, former)
        out.difference = await asyncio.to_thread(_differ, former, found)
    return out


async def _versions(
    session: AsyncSession, house: House, scope: Scope, given: ReplayIn
) -> tuple[Version, Version | None]:
    """Return the version that is asked about, and the former one if there is one."""
    for field in ("threshold", "against"):
        spec: ThresholdSpec | None = getattr(given, field)
        if spec is not None and (wrong := wrong_with(spec.expr)):
            raise Invalid(wrong, field=f"{field}.expr")
    stands = None
    if given.rule is not None:
        stands = await standing(session, house, scope, given.rule)
    newer = given.threshold or _filed(given, "group", stands)
    older = given.against or _filed(given, "group_against", stands)
    if newer is None:
        assert stands is not None  # the shape asks for one of the two
        return stands, older
    return newer, older or stands


def _filed(given: ReplayIn, field: str, stands: Version | None) -> FileRule | None:
    """Return the one alerting rule of a group; it holds for whom the one that stands holds."""
    group: GroupSpec | None = getattr(given, field)
    if group is None:
        return None
    if [bool(rule.alert) for rule in group.rules] != [True]:
        raise Invalid("a group is given with one alerting rule", field=field)
    placed = Placed("", group)
    if isinstance(stands, FileRule):
        placed = replace(stands.group, spec=group)
    return next(compiled([placed]))


def _version(found: Played) -> VersionOut:
    return VersionOut(
        rule=found.rule,
        series=found.series,
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
