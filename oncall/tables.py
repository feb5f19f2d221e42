"""Rows of oncall. `origin` is the file and line of the YAML that owns a row; None: made by hand."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base


class Contact(Base):
    """One way to reach a person, tried in the order of `position`; `secret` is kept sealed."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("uq_contacts_person_channel_address", "person", "channel", "address", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person: Mapped[str] = mapped_column(ForeignKey("people.name", ondelete="CASCADE"))
    channel: Mapped[str]
    address: Mapped[str]
    secret: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Schedule(Base):
    """Who is on call when: layers of rotations in one zone."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[dict[str, str] | None]
    timezone: Mapped[str]
    layers: Mapped[list[dict[str, Any]]]
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Override(Base):
    """Somebody who stands in for whoever would be on call; the latest one made wins."""

    __tablename__ = "overrides"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="takes_time"),
        Index("ix_overrides_schedule_ends_at", "schedule", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    schedule: Mapped[str] = mapped_column(ForeignKey("schedules.name", ondelete="CASCADE"))
    person: Mapped[str] = mapped_column(ForeignKey("people.name", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class EscalationPolicy(Base):
    """Steps in order and how many rounds of them; a running incident keeps a copy of its own."""

    __tablename__ = "escalation_policies"

    name: Mapped[str] = mapped_column(primary_key=True)
    steps: Mapped[list[dict[str, Any]]]
    repeat: Mapped[int] = mapped_column(default=1)
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form
