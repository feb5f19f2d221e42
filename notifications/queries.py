"""Reads: who was told, how much waits, what became of a promise."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Uuid,
    bindparam,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from kit.db import among
from kit.errors import NotFound
from kit.kept import LONG_AGO, keep
from notifications.lifecycle import UNFINISHED, Kind, Status
from notifications.schemas import ContactFacts, Muted, NotificationOut, Receipt, Told
from notifications.tables import Attempt, Muting, Notification

MAY_HAVE_ARRIVED = (Kind.SENT, Kind.TRY_AGAIN, Kind.LOST)
SHOWN_MOST = 1000


async def told(session: AsyncSession, about: UUID, *, since: datetime | None = None) -> set[Told]:
    """Return who was told or may have been; they are owed the end. Ask after `cancel`."""
    return (await told_each(session, [about], since=since)).get(about, set())


async def told_each(
    session: AsyncSession, abouts: Collection[UUID], *, since: datetime | None = None
) -> dict[UUID, set[Told]]:
    """Return `told` of many, in one statement."""
    found: dict[UUID, set[Told]] = {}
    asked = {"abouts": list(abouts), "since": since or LONG_AGO}
    for about, person, contacts, index in await session.execute(TOLD, asked):
        found.setdefault(about, set()).add(Told(person, ContactFacts(**contacts[index])))
    return found


def _told() -> CompoundSelect[Any]:
    these = func.any(bindparam("abouts", type_=ARRAY(Uuid)))
    mine = Notification.about == these, Notification.created_at >= bindparam("since")
    columns = (Notification.about, Notification.person, Notification.contacts)
    leaving = select(*columns, Notification.at_contact).where(
        *mine, Notification.leased_until.is_not(None)
    )
    tried = (
        select(*columns, Attempt.contact)
        .join(Attempt, Attempt.notification_id == Notification.id)
        .where(*mine, Attempt.outcome.in_(MAY_HAVE_ARRIVED))
    )
    return union_all(leaving, tried)


TOLD = _told()
"""Built once: each acknowledgement asks it."""
keep(lambda: (TOLD, {"abouts": [], "since": LONG_AGO}))


async def waiting(session: AsyncSession, now: datetime) -> tuple[datetime | None, int]:
    """Return since when the longest is due, and how many are neither sent nor given up.

    What is held is among these, but does not wait.
    """
    due = (Notification.next_try_at <= now) & Notification.held_reason.is_(None)
    oldest = func.min(Notification.next_try_at).filter(due)
    stmt = select(oldest, func.count()).where(Notification.status.in_(UNFINISHED))
    since, count = (await session.execute(stmt)).one()
    return since, count


async def muted(session: AsyncSession) -> Muted | None:
    """Return since when and why nothing leaves; None: messages leave."""
    row = await session.scalar(select(Muting))
    return Muted(row.why, row.who, row.since) if row else None


async def failed_since(session: AsyncSession, since: datetime) -> int:
    """Return how many notifications made since then reached nobody by any contact."""
    failed = select(func.count()).where(
        Notification.status == Status.FAILED, Notification.created_at >= since
    )
    return await session.scalar(failed) or 0


async def sealed(session: AsyncSession) -> set[str]:
    """Return every secret of a contact that some notification took along, sealed as it stands."""
    contact = func.jsonb_array_elements(Notification.contacts).table_valued("value").lateral()
    secret = contact.c.value.op("->>")("secret")
    stmt = select(secret).select_from(Notification).join(contact, true())
    stmt = stmt.where(secret.is_not(None)).distinct()
    return set(await session.scalars(stmt))


async def failed(
    session: AsyncSession,
    scope: Scope,
    *,
    but: Collection[str] = (),
    offset: int = 0,
    limit: int = 100,
) -> list[NotificationOut]:
    """Return what could not be sent and nobody has seen to, the latest first."""
    rows = select(Notification).where(*_failed(scope, but)).order_by(Notification.seq.desc())
    found = (await session.scalars(rows.offset(offset).limit(limit))).all()
    return await shown(session, found)


async def failed_count(session: AsyncSession, scope: Scope, *, but: Collection[str] = ()) -> int:
    """Return how much of that there is; nobody counts beyond a thousand."""
    some = select(Notification.id).where(*_failed(scope, but)).limit(SHOWN_MOST).subquery()
    return await session.scalar(select(func.count()).select_from(some)) or 0


async def failed_row(tx: AsyncSession, scope: Scope, id: UUID) -> Notification:
    """Return a notification that failed, held until the end of the transaction; else refuse."""
    wanted = select(Notification).where(Notification.id == id, *_failed(scope))
    row = await tx.scalar(wanted.with_for_update())
    if row is None:
        raise NotFound("no message {message} has failed, or somebody saw to it", message=id)
    return row


def _failed(scope: Scope, but: Collection[str] = ()) -> list[ColumnElement[bool]]:
    found = [Notification.status == Status.FAILED, Notification.settled_at.is_(None)]
    if scope.clients is not None:
        found.append(Notification.client.in_(scope.clients))
    return [*found, Notification.event.not_in(but)] if but else found


async def clock_skew(session: AsyncSession, now: datetime) -> timedelta:
    """Return how far PostgreSQL's clock is ahead of ours (negative: behind)."""
    theirs: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return theirs - now


async def of_incident(session: AsyncSession, about: UUID) -> list[NotificationOut]:
    """Return every notification about one thing, oldest first, with its receipts."""
    rows = select(Notification).where(Notification.about == about).order_by(Notification.seq)
    return await shown(session, (await session.scalars(rows.limit(SHOWN_MOST))).all())


async def shown(session: AsyncSession, rows: Sequence[Notification]) -> list[NotificationOut]:
    """Return notifications with their receipts, in their order."""
    receipts: dict[UUID, list[Receipt]] = {}
    tried = select(Attempt).where(among(Attempt.notification_id, [row.id for row in rows]))
    for attempt in await session.scalars(tried.order_by(Attempt.id)):
        receipts.setdefault(attempt.notification_id, []).append(_receipt(attempt))
    return [_out(row, tuple(receipts.get(row.id, ()))) for row in rows]


def _receipt(attempt: Attempt) -> Receipt:
    return Receipt(
        at=attempt.at,
        contact=attempt.contact,
        channel=attempt.channel,
        outcome=attempt.outcome,
        code=attempt.code,
        detail=attempt.detail,
        duration=timedelta(milliseconds=attempt.duration_ms),
        reference=attempt.reference,
    )


def _out(row: Notification, receipts: tuple[Receipt, ...]) -> NotificationOut:
    names = NotificationOut.__dataclass_fields__
    columns: dict[str, Any] = {name: getattr(row, name) for name in names if name != "receipts"}
    if "://" in row.address:
        columns["address"] = row.host  # the rest of a webhook's address is often its secret
    return NotificationOut(**columns, receipts=receipts)
