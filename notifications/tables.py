"""Rows of notifications."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base
from notifications.lifecycle import Kind, Status

UNFINISHED = text("status IN ('due', 'sending')")
OPEN_FAILURE = text("status = 'failed' AND settled_at IS NULL")


class Notification(Base):
    """One message to one person. What happens next stands in `next_try_at`; `seq` is its order.

    While a worker holds it, `leased_until` is set and equals `next_try_at`. `channel`, `address`
    and `host` are those of the contact whose turn it is. `settled_at`: it failed, and a person
    has seen to it.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        # as claims are ordered: a storm queued at once is one long tie in next_try_at
        Index(
            "ix_notifications_due", "priority", "next_try_at", "seq", postgresql_where=UNFINISHED
        ),
        Index("ix_notifications_turn", "about", "address", "seq", postgresql_where=UNFINISHED),
        Index("ix_notifications_about", "about"),
        Index("ix_notifications_failed", "seq", postgresql_where=OPEN_FAILURE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    key: Mapped[str] = mapped_column(unique=True)
    client: Mapped[str]
    about: Mapped[UUID]
    event: Mapped[str]
    priority: Mapped[int]
    person: Mapped[str]
    contacts: Mapped[list[dict[str, Any]]]
    facts: Mapped[dict[str, Any]]
    status: Mapped[Status]
    at_contact: Mapped[int] = mapped_column(default=0)
    channel: Mapped[str]
    address: Mapped[str]
    host: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    tried_since: Mapped[datetime | None]
    next_try_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    held_reason: Mapped[str | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class Attempt(Base):
    """The receipt of one try; only ever added. `contact` counts from 0 in the order of fallback."""

    __tablename__ = "notification_attempts"
    __table_args__ = (Index("ix_notification_attempts_notification_id", "notification_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(
        ForeignKey("notifications.id", ondelete="CASCADE")
    )
    at: Mapped[datetime]
    contact: Mapped[int]
    channel: Mapped[str]
    outcome: Mapped[Kind]
    code: Mapped[int | None]
    detail: Mapped[str] = mapped_column(default="")
    reference: Mapped[str | None]
    duration_ms: Mapped[int]


class Muting(Base):
    """The one row that is there while this installation tells nobody anything: since when, why."""

    __tablename__ = "muting"

    only: Mapped[bool] = mapped_column(primary_key=True, default=True)
    why: Mapped[str]
    who: Mapped[str]
    since: Mapped[datetime]
