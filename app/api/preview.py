"""A threshold tried on the past: what would have fired, before anybody is woken by it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from access import queries
from access.schemas import Name
from access.scope import Right, Scope
from access.web import Caller
from alerting.lifecycle import Priority
from alerting.rehearsal import Span, Would, rehearse
from alerting.schemas import ThresholdSpec
from alerting.thresholds import CompiledRule
from app.configuration.examples import EXAMPLES
from app.house import House
from app.provisioning.checks import wrong_with
from kit.clock import from_milliseconds, milliseconds
from kit.durations import Duration
from kit.errors import Invalid
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1", tags=["configuration"])

DAY = timedelta(days=1)
LONGEST = timedelta(days=31)
STEP = timedelta(seconds=15)
ALERTS_MOST = 500
LINES_MOST = 20


class TimeIn(BaseModel):
    """Whose series of the past are gone through, and over which time: the last day if left out."""

    model_config = ConfigDict(extra="forbid")

    client: Name | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    step: Duration = STEP


class PreviewIn(TimeIn):
    """A threshold that need not exist, whose series it is tried on, and over which time.

    `since` and `until`: the last day if left out. A threshold that computes is looked at in
    steps; one that is a single selector sees every sample.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"threshold": EXAMPLES["thresholds"][0], "client": "shop"}]
        },
    )

    threshold: ThresholdSpec


class MoveOut(BaseModel):
    """From when an alert had which priority."""

    at: datetime
    priority: Priority


class WouldOut(BaseModel):
    """An alert that would have fired; `until` null: it would still. `priority` is the gravest."""

    client: str
    system: str
    labels: dict[str, str]
    priority: Priority
    since: datetime = Field(serialization_alias="from")
    until: datetime | None
    moves: list[MoveOut]


class LineOut(BaseModel):
    """One series as it is drawn: of each point the gravest value, null where there is none."""

    labels: dict[str, str]
    fired: bool
    values: list[float | None]


class ChartOut(BaseModel):
    """The series that fired first, then those with the greatest values; a point each `step`."""

    since: datetime
    step_seconds: float
    lines: list[LineOut]


class PreviewOut(BaseModel):
    """What would have fired; `counts` by the gravest priority, `alerts` at most the first 500."""

    since: datetime
    until: datetime
    series: int
    samples: int
    fired: int
    counts: dict[Priority, int]
    alerts: list[WouldOut]
    chart: ChartOut


async def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


@router.post("/thresholds/preview")
async def preview_threshold(
    given: PreviewIn,
    caller: Caller,
    db: Db,
    clock: AppClock,
    house: Annotated[House, Depends(house_of)],
) -> PreviewOut:
    """Try a threshold on what is stored: what would have fired, without anybody being told.

    The same rules pass the verdict that pass it on what comes, `overrides` included.
    """
    caller.need(Right.READ)
    if given.client is not None:
        async with db.snapshot() as session:
            await queries.client(session, caller.scope, given.client)
    span = span_of(given, clock())
    if wrong := wrong_with(given.threshold.expr):
        raise Invalid(wrong, field="threshold.expr")
    rule = CompiledRule(within(given.threshold, caller.scope, given.client))
    found, samples = await rehearse(house.store, rule, house.directory, span)
    return _shown(found, span, samples)


def within(spec: ThresholdSpec, scope: Scope, client: str | None) -> ThresholdSpec:
    """Return the threshold as it holds for those clients alone that are asked for and reached."""
    asked = asked_for(scope, client)
    if asked is None:
        return spec
    named = [name for name in asked if spec.clients is None or name in spec.clients]
    return spec.model_copy(update={"clients": named})


def asked_for(scope: Scope, client: str | None) -> list[str] | None:
    """Return the clients that are asked for and reached, None for all there are."""
    if client is not None:
        return [client] if scope.allows(client) else []
    return None if scope.clients is None else sorted(scope.clients)


def span_of(given: TimeIn, now: datetime) -> Span:
    """Return the time that is asked for, or refuse one that is too long or none at all."""
    until = min(given.until or now, now)
    since = given.since or until - DAY
    if not timedelta() < until - since <= LONGEST:
        raise Invalid("a preview goes over more than nothing and at most 31 days", field="since")
    if not timedelta(seconds=1) <= given.step <= DAY:
        raise Invalid("a step lies between 1s and 1d", field="step")
    step = given.step // timedelta(milliseconds=1)
    return Span(milliseconds(since), milliseconds(until), step)


def _shown(found: Sequence[Would], span: Span, samples: int) -> PreviewOut:
    alerts = [
        WouldOut(
            client=one.client,
            system=one.system,
            labels=one.labels,
            priority=firing.priority,
            since=firing.since,
            until=firing.until,
            moves=[MoveOut(at=at, priority=priority) for at, priority in firing.moves],
        )
        for one in found
        for firing in one.firings
    ]
    alerts.sort(key=lambda alert: alert.since)
    counts = Counter(alert.priority for alert in alerts)
    return PreviewOut(
        since=from_milliseconds(span.start_ms),
        until=from_milliseconds(span.end_ms),
        series=len(found),
        samples=samples,
        fired=len(alerts),
        counts={priority: counts[priority] for priority in Priority},
        alerts=alerts[:ALERTS_MOST],
        chart=_chart(found, span),
    )


def _chart(found: Sequence[Would], span: Span) -> ChartOut:
    drawn = [one for one in found if not np.isnan(one.line).all()]
    drawn.sort(key=lambda one: (not one.firings, -float(np.nanmax(one.line))))
    lines = [
        LineOut(
            labels=one.labels,
            fired=bool(one.firings),
            values=[None if value != value else value for value in one.line.tolist()],
        )
        for one in drawn[:LINES_MOST]
    ]
    since, step = from_milliseconds(span.start_ms), span.bucket_ms / 1000
    return ChartOut(since=since, step_seconds=step, lines=lines)
