"""What is due, for the ticks: claimed rows that other replicas skip; and what the auditor asks."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from alerting.lifecycle import Priority
from incidents.lifecycle import OPEN, Status
from incidents.tables import Incident, SlaClock
from kit.db import not_among
from oncall.escalation import LOUD


async def to_escalate(
    session: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID] = ()
) -> Sequence[Incident]:
    """Return incidents nobody has taken whose next step is due, most overdue first."""
    stmt = (
        select(Incident)
        .where(Incident.status == Status.TRIGGERED, Incident.next_step_at <= now)
        .where(not_among(Incident.id, but))
        .order_by(Incident.next_step_at)
        .limit(limit)
        .with_for_update(skip_locked=True)  # another replica takes the others
    )
    return (await session.scalars(stmt)).all()


async def to_resolve(
    session: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID] = ()
) -> Sequence[Incident]:
    """Return open incidents whose alerts have been over for long enough."""
    stmt = (
        select(Incident)
        .where(Incident.status.in_(OPEN), Incident.resolve_at <= now)
        .where(not_among(Incident.id, but))
        .order_by(Incident.resolve_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(stmt)).all()


async def at_a_mark(
    session: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID] = ()
) -> Sequence[Incident]:
    """Return incidents of which a clock has reached a mark that was not told."""
    due = exists().where(SlaClock.incident_id == Incident.id, SlaClock.next_mark_at <= now)
    stmt = select(Incident).where(due, not_among(Incident.id, but))
    stmt = stmt.order_by(Incident.number).limit(limit)
    return (await session.scalars(stmt.with_for_update(of=Incident, skip_locked=True))).all()


async def all_open(session: AsyncSession) -> Sequence[UUID]:
    """Return every incident that has not ended."""
    return (await session.scalars(select(Incident.id).where(Incident.status.in_(OPEN)))).all()


async def without_prospect(session: AsyncSession, now: datetime) -> Sequence[Incident]:
    """Return open incidents that nothing will ever move: no due time, no owner, no admin's item."""
    forgotten = and_(
        Incident.status == Status.TRIGGERED,
        Incident.next_step_at.is_(None),
        Incident.resolve_at.is_(None),
        Incident.needs_admin.is_(False),
    )
    ownerless = and_(Incident.status == Status.ACKNOWLEDGED, Incident.acknowledged_by.is_(None))
    stmt = select(Incident).where(or_(forgotten, ownerless), Incident.opened_at <= now)
    return (await session.scalars(stmt.order_by(Incident.number).limit(100))).all()


async def unreached(session: AsyncSession) -> Sequence[Incident]:
    """Return the grave incidents of which nobody could be told: no step reaches anybody."""
    grave = [priority for priority in Priority if priority.rank <= LOUD]
    stmt = select(Incident).where(
        Incident.status == Status.TRIGGERED,
        Incident.needs_admin,
        Incident.priority.in_(grave),
    )
    return (await session.scalars(stmt.order_by(Incident.number).limit(100))).all()


async def oldest_step_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Return since when the longest overdue step waits, None if none does."""
    oldest: datetime | None = await session.scalar(
        select(func.min(Incident.next_step_at)).where(
            Incident.status == Status.TRIGGERED, Incident.next_step_at <= now
        )
    )
    return oldest
