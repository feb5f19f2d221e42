"""A rule, or two versions of it, over the past: alerts, incidents and who would have been told."""

import asyncio
from collections import Counter
from collections.abc import Sequence
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
from alerting.rehearsal import Span, Would, rehearse
from alerting.schemas import ThresholdSpec
from alerting.thresholds import CompiledRule
from app.api.preview import TimeIn, house_of, span_of, within
from app.configuration.examples import EXAMPLES
from app.house import House
from app.provisioning.checks import wrong_with
from app.replay.difference import difference
from app.replay.telling import Folder, Notice, Office, Settled, Telling
from incidents import queries as incidents
from incidents.lifecycle import Tell
from kit.clock import from_milliseconds
from kit.durations import Duration
from kit.errors import Invalid, NotFound, Said
from kit.web import AppClock, Db
from oncall import queries as oncall

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
    shown, found = await _played(newer, given, caller.scope, house, span, now)
    out = ReplayOut(
        since=from_milliseconds(span.start_ms),
        until=from_milliseconds(span.end_ms),
        acknowledge_after=given.acknowledge_after,
        now=shown,
    )
    if older is not None:
        out.before, former = await _played(older, given, caller.scope, house, span, now)
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
        named = {rule.name: rule.spec for rule in await alerting.rules_for(session, scope)}
        standing = named.get(given.rule)
        if standing is None:
            raise NotFound("no rule {rule}", rule=given.rule)
    if given.threshold is None:
        assert standing is not None  # the shape asks for one of the two
        return standing, given.against
    return given.threshold, given.against or standing


async def _played(
    spec: ThresholdSpec, given: ReplayIn, scope: Scope, house: House, span: Span, now: datetime
) -> tuple[VersionOut, list[Would]]:
    rule = CompiledRule(within(spec, scope, given.client))
    found, samples = await rehearse(house.store, rule, house.directory, span)
    async with house.db.snapshot() as session:
        office = Office(
            await oncall.roster(session, now=now),
            await oncall.plans(
                session, from_milliseconds(span.start_ms), from_milliseconds(span.end_ms)
            ),
        )
        settled = await _settled(session, spec, given, house, found)
    end = from_milliseconds(span.end_ms)
    folders = await asyncio.to_thread(Telling(office, settled).lead, found, end)
    return await asyncio.to_thread(_version, spec.name, found, samples, folders), found


async def _settled(
    session: AsyncSession,
    spec: ThresholdSpec,
    given: ReplayIn,
    house: House,
    found: Sequence[Would],
) -> Settled:
    systems: dict[str, set[str]] = {}
    for would in found:
        if would.firings:
            systems.setdefault(would.client, set()).add(would.system)
    terms = await incidents.terms_of(session, systems)
    return Settled(
        policy=lambda client, system: terms[client].policy(system, spec.escalation),
        zone=lambda client: terms[client].zone,
        resolve_after=house.settings.resolve_after,
        acknowledge_after=given.acknowledge_after,
    )


def _version(
    name: str, found: Sequence[Would], samples: int, folders: Sequence[Folder]
) -> VersionOut:
    fired = _in_time([(would, firing) for would in found for firing in would.firings])
    notices = sorted((one for each in folders for one in each.notices), key=lambda one: one.at)
    counts = Counter(firing.priority for _, firing in fired)
    return VersionOut(
        rule=name,
        series=len(found),
        samples=samples,
        sums=SumsOut(
            alerts=len(fired),
            incidents=len(folders),
            notifications=len(notices),
            night=sum(one.night for one in notices),
            by_priority={priority: counts[priority] for priority in Priority},
            by_person=dict(Counter(one.person for one in notices).most_common()),
        ),
        alerts=[_alert(*one) for one in fired[:SHOWN_MOST]],
        incidents=[_incident(folder) for folder in folders[:SHOWN_MOST]],
        notifications=[_notice(one) for one in notices[:SHOWN_MOST]],
    )


def _in_time(fired: Sequence[tuple[Would, Firing]]) -> list[tuple[Would, Firing]]:
    return sorted(fired, key=lambda one: one[1].since)


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


def _differ(before: Sequence[Would], now: Sequence[Would]) -> DifferenceOut:
    found = difference(before, now)
    only_before, only_now = _in_time(found.only_before), _in_time(found.only_now)
    return DifferenceOut(
        only_before=[_alert(*one) for one in only_before[:SHOWN_MOST]],
        only_now=[_alert(*one) for one in only_now[:SHOWN_MOST]],
        counts={
            "only_before": len(only_before),
            "only_now": len(only_now),
            "both": len(found.both),
        },
    )
