"""What crosses the room's borders: incidents over REST, SLA policies as people write them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from alerting.lifecycle import Priority
from incidents.clocks import ClockState, ClockView, Goal, Kind
from incidents.lifecycle import Status, What
from kit.calendars import Hours
from kit.durations import Duration
from kit.moments import Moment

NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"

NoteText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=r"^[^\x00]*$"),
]


class SlaLevel(BaseModel):
    """How soon somebody answers and the system is back, in which hours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    response: Duration
    recovery: Duration
    hours: Hours = Hours.ALWAYS

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if min(self.response, self.recovery) < timedelta(seconds=1):
            raise ValueError("a limit is at least 1s")
        if self.response > self.recovery:
            raise ValueError("an answer is due before the recovery")
        return self

    def goal(self, kind: Kind, priority: Priority, *, at: datetime) -> Goal:
        """Return what a clock of this kind has to keep from `at` on."""
        limit = self.response if kind is Kind.RESPONSE else self.recovery
        return Goal(at, limit, self.hours, priority.value)


class SlaSpec(BaseModel):
    """An SLA policy as in the YAML; a priority that is left out has the built-in limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    P1: SlaLevel = SlaLevel(response=timedelta(minutes=15), recovery=timedelta(hours=2))
    P2: SlaLevel = SlaLevel(response=timedelta(minutes=30), recovery=timedelta(hours=4))
    P3: SlaLevel = SlaLevel(
        response=timedelta(hours=2), recovery=timedelta(hours=24), hours=Hours.BUSINESS
    )
    P4: SlaLevel = SlaLevel(
        response=timedelta(hours=8), recovery=timedelta(hours=72), hours=Hours.BUSINESS
    )

    @property
    def levels(self) -> dict[str, Any]:
        """The four levels as a row keeps them."""
        return self.model_dump(mode="json", include={p.value for p in Priority})

    def goal(self, kind: Kind, priority: Priority, *, at: datetime) -> Goal:
        """Return what a clock of an incident of that priority has to keep from `at` on."""
        level: SlaLevel = getattr(self, priority.value)
        return level.goal(kind, priority, at=at)


STANDARD = SlaSpec(name="standard")
"""Stands in when nobody has written a policy."""


class ClockOut(BaseModel):
    """One SLA clock; `elapsed_seconds` counts only the time in which it ran."""

    due_at: datetime
    state: ClockState
    elapsed_seconds: int
    limit_seconds: int
    percent: int
    met_at: datetime | None
    breached_at: datetime | None

    @classmethod
    def of(cls, view: ClockView) -> Self:
        """Return the clock as it goes over the wire."""
        return cls(
            due_at=view.due_at,
            state=view.state,
            elapsed_seconds=int(view.elapsed.total_seconds()),
            limit_seconds=int(view.limit.total_seconds()),
            percent=int(view.share * 100),
            met_at=view.met_at,
            breached_at=view.breached_at,
        )


class SlaOut(BaseModel):
    """Both clocks of an incident."""

    response: ClockOut
    recovery: ClockOut


class AlertOut(BaseModel):
    """One alert of an incident; `state` is firing, unknown or resolved.

    `annotations` are what a rule of a file says of it.
    """

    id: UUID
    rule: str
    title: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    priority: Priority
    state: str
    value: float | None
    unit: str
    fired_at: datetime
    resolved_at: datetime | None
    times: int


class TimelineOut(BaseModel):
    """One line of the story."""

    id: int
    at: datetime
    who: str
    what: What
    facts: Mapping[str, Any]


class IncidentOut(BaseModel):
    """An incident. `title` is in the language asked for, `titles` has both."""

    id: UUID
    number: int
    title: str
    titles: Mapping[str, str]
    client: str
    system: str
    drill: str
    priority: Priority
    status: Status
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    recovered_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    next_step_at: datetime | None
    needs_admin: bool
    sla: SlaOut
    alert_count: int
    alerts: list[AlertOut]
    timeline: list[TimelineOut]
    version: int
    message: str | None = None


class IncidentPage(BaseModel):
    """A part of the list; `next` is the cursor of the part that follows."""

    items: list[IncidentOut]
    next: str | None


class NoteIn(BaseModel):
    """What somebody has to say."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "disk is being cleared"}]}
    )

    text: NoteText


class AnswerIn(BaseModel):
    """With an answer: the version it was decided on, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"version": 3, "reason": "restarted"}]}
    )

    version: Annotated[int | None, Field(strict=True, ge=0, lt=2**63)] = None
    reason: NoteText | None = None


class ReasonIn(BaseModel):
    """Why somebody does what needs an explanation."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "waiting for the client"}]}
    )

    reason: NoteText


class ExcludeIn(ReasonIn):
    """A span of the past that an SLA clock should not count."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "the client had switched the system off",
                    "since": "2026-11-08T19:40:00Z",
                    "until": "2026-11-08T20:10:00Z",
                }
            ]
        }
    )

    since: Moment
    until: Moment
