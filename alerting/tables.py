"""Rows of alerting: rules, alerts, how far the rules have read, and what could not be written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from alerting.lifecycle import Phase, Priority, State
from kit.clock import from_milliseconds, milliseconds
from kit.db import Base

OPEN = text("phase IN ('pending', 'firing')")


class Rule(Base):
    """A threshold. `ladder` has P1 to P4, `recover` and `absent` as they were written."""

    __tablename__ = "rules"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[dict[str, str]]
    expr: Mapped[str]
    unit: Mapped[str] = mapped_column(default="")
    ladder: Mapped[dict[str, Any]]
    clients: Mapped[list[str] | None]
    systems: Mapped[list[str] | None]
    core: Mapped[bool | None]
    escalation: Mapped[str | None]
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class RuleGroup(Base):
    """A group of a Prometheus rule file; written by provisioning alone.

    `spec` is the group as it was written, `lines` are those of its rules.
    """

    __tablename__ = "rule_groups"

    file: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    spec: Mapped[dict[str, Any]]
    lines: Mapped[list[Any]]
    clients: Mapped[list[str] | None]
    severities: Mapped[dict[str, str]]
    origin: Mapped[str | None]


class Alert(Base):
    """One rule on one label set of a client; written by `commands.observe` alone.

    A pending row keeps its waits over a restart; a resolved one stays and fires again later.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("client", "rule", "fingerprint"),
        Index("ix_alerts_open", "client", "priority", postgresql_where=OPEN),
        Index("ix_alerts_resolved_at", "resolved_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    client: Mapped[str] = mapped_column(ForeignKey("clients.name"))
    system: Mapped[str]
    rule: Mapped[str]
    fingerprint: Mapped[str]
    labels: Mapped[dict[str, str]]
    annotations: Mapped[dict[str, str]] = mapped_column(server_default="{}")
    title: Mapped[dict[str, str]]
    expr: Mapped[str]
    unit: Mapped[str]
    drill: Mapped[str]
    phase: Mapped[Phase]
    priority: Mapped[Priority | None]
    reached: Mapped[Priority | None]
    since: Mapped[dict[str, Any]]
    clear_since: Mapped[datetime | None]
    absent_since: Mapped[datetime | None]
    fired_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    value: Mapped[float | None]
    at: Mapped[datetime | None]
    written_at: Mapped[datetime]
    version: Mapped[int] = mapped_column()

    @property
    def state(self) -> State:
        """The alert as the lifecycle knows it."""
        return state_of(self)


def state_of(row: Any) -> State:
    """Return the state that a row of `alerts` keeps, be it an `Alert` or bare columns."""
    return State(
        phase=row.phase,
        priority=row.priority,
        reached=row.reached,
        since=read_since(row.since),
        clear_since=row.clear_since,
        absent_since=row.absent_since,
        fired_at=row.fired_at,
        resolved_at=row.resolved_at,
        value=row.value,
        at=row.at,
    )


def read_since(kept: Mapping[str, int]) -> dict[Priority, datetime]:
    """Return since when each level holds, from its milliseconds in the row."""
    return {Priority(name): from_milliseconds(at) for name, at in kept.items()}


def write_since(since: Mapping[Priority, datetime]) -> dict[str, int]:
    """Return since when each level holds, as the row keeps it."""
    return {priority.value: milliseconds(at) for priority, at in since.items()}


class Progress(Base):
    """How far the rules have read the journal for one client; moves with its alerts, forward."""

    __tablename__ = "alert_progress"

    client: Mapped[str] = mapped_column(ForeignKey("clients.name"), primary_key=True)
    segment: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)


class SetAside(Base):
    """An observation that the database refused, kept where a person sees it; labels escaped."""

    __tablename__ = "alerts_set_aside"

    id: Mapped[UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    client: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    labels: Mapped[str]
    error: Mapped[str]
    at: Mapped[datetime]
    count: Mapped[int]
