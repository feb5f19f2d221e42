"""Rows of incidents: what happened, who has it, what happens next and when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from alerting.lifecycle import Priority
from incidents.clocks import Goal, Kind, Span
from incidents.lifecycle import OPEN, Status, What
from kit.calendars import Hours
from kit.db import Base
from oncall.escalation import Policy, Position

IS_OPEN = text("status IN ('triggered', 'acknowledged')")


class Incident(Base):
    """What a person works on. `status` changes only in `commands`; `version` catches a race.

    `policy`, `sla`, `zone` and `locale` are copies made when it opened. `gathers`: new alerts of
    its client, system and drill join it; at most one open incident does so. `waits_for` are the
    people of the last step whom a message may still reach.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_one_gathers",
            "client",
            "system",
            "drill",
            unique=True,
            postgresql_where=text("status IN ('triggered', 'acknowledged') AND gathers"),
        ),
        Index("ix_incidents_step", "next_step_at", postgresql_where=text("status = 'triggered'")),
        Index("ix_incidents_resolve_at", "resolve_at", postgresql_where=IS_OPEN),
        Index("ix_incidents_client_number", "client", "number"),
        Index("ix_incidents_open", "priority", "number", postgresql_where=IS_OPEN),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    client: Mapped[str] = mapped_column(ForeignKey("clients.name"))
    system: Mapped[str]
    drill: Mapped[str] = mapped_column(default="")
    title: Mapped[dict[str, str]]
    priority: Mapped[Priority]
    status: Mapped[Status] = mapped_column(default=Status.TRIGGERED)
    gathers: Mapped[bool] = mapped_column(default=True)
    opened_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    last_alert_at: Mapped[datetime]
    recovered_at: Mapped[datetime | None]
    resolve_at: Mapped[datetime | None]
    policy: Mapped[dict[str, Any]]
    sla: Mapped[dict[str, Any]]
    zone: Mapped[str]
    locale: Mapped[str]
    step: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(default=0)
    next_step_at: Mapped[datetime | None]
    retriggers: Mapped[int] = mapped_column(default=0)
    waits_for: Mapped[list[str]] = mapped_column(default=list)
    needs_admin: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form

    @property
    def open(self) -> bool:
        """Whether somebody still has to work on it."""
        return self.status in OPEN

    @property
    def steps(self) -> Policy:
        """The escalation policy as it was when the incident opened."""
        return Policy.model_validate(self.policy)

    @property
    def position(self) -> Position:
        """Where the escalation stands."""
        return Position(self.step, self.round, self.next_step_at)

    @position.setter
    def position(self, position: Position) -> None:
        self.step, self.round = position.step, position.round
        self.next_step_at = position.due_at


class IncidentAlert(Base):
    """One alert of an incident as it was last heard of; `times` counts how often it fired."""

    __tablename__ = "incident_alerts"
    __table_args__ = (
        Index("ix_incident_alerts_alert_id", "alert_id"),
        Index("ix_incident_alerts_rule_fired_at", "rule", "fired_at"),
    )

    incident_id: Mapped[UUID] = mapped_column(
        ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True
    )
    alert_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule: Mapped[str]
    title: Mapped[dict[str, str]]
    labels: Mapped[dict[str, str]]
    priority: Mapped[Priority]
    value: Mapped[float | None]
    unit: Mapped[str]
    fired_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    unknown_since: Mapped[datetime | None]
    times: Mapped[int] = mapped_column(default=1)


class TimelineNote(Base):
    """One line of an incident's story; only ever added."""

    __tablename__ = "timeline_notes"
    __table_args__ = (Index("ix_timeline_notes_incident_id_id", "incident_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[What]
    facts: Mapped[dict[str, Any]]


class SlaClock(Base):
    """One of an incident's two clocks: its goals, and what follows from them and its intervals.

    `told` is the last mark (percent) of the present goal that was told; `next_mark_at` the next.
    """

    __tablename__ = "sla_clocks"
    __table_args__ = (Index("ix_sla_clocks_next_mark_at", "next_mark_at"),)

    incident_id: Mapped[UUID] = mapped_column(
        ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[Kind] = mapped_column(primary_key=True)
    zone: Mapped[str]
    goals: Mapped[list[dict[str, Any]]]
    told: Mapped[int] = mapped_column(default=0)
    next_mark_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]


def goal_of(kept: Mapping[str, Any]) -> Goal:
    """Return a goal as `SlaClock.goals` keeps it."""
    limit = timedelta(milliseconds=kept["limit_ms"])
    return Goal(datetime.fromisoformat(kept["at"]), limit, Hours(kept["hours"]), kept["priority"])


class SlaInterval(Base):
    """What a clock did from `since` to `until`; `reason` and `who` explain why it did not run."""

    __tablename__ = "sla_intervals"
    __table_args__ = (Index("ix_sla_intervals_incident_id", "incident_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    kind: Mapped[Kind]
    span: Mapped[Span]
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    reason: Mapped[str | None]
    who: Mapped[str | None]


class SlaPolicy(Base):
    """Limits and hours for each priority; `origin` is the file that owns it, None: by hand."""

    __tablename__ = "sla_policies"

    name: Mapped[str] = mapped_column(primary_key=True)
    levels: Mapped[dict[str, Any]]
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form
