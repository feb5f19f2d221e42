"""Verbs: promise, cancel, claim, record. Each takes a transaction and commits nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, case, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate

from kit.db import as_rows
from kit.notices import notify
from kit.outbox import publish
from notifications.events import NotificationFailed
from notifications.lifecycle import (
    LEASE,
    UNFINISHED,
    Kind,
    Outcome,
    Status,
    Verdict,
    judge,
    reason,
    receiver_host,
)
from notifications.schemas import ContactFacts, Leaving, Promise
from notifications.tables import Attempt, Notification

CHANNEL = "notifications"
DETAIL_MOST = 300
CANDIDATES = 4
"""Rows looked at for each free place: some of them wait for a receiver that is busy."""

ROUNDS_MOST = 8
BLIND = {"synchronize_session": False}
NO_CONTACT = "the person has no contact"


@dataclass(frozen=True)
class _Row:
    """A promise as the columns of its row."""

    id: UUID
    key: str
    client: str
    about: UUID
    event: str
    priority: int
    person: str
    contacts: list[dict[str, Any]]
    facts: dict[str, Any]
    status: Status
    channel: str
    address: str
    host: str
    last_error: str | None


def _row(promise: Promise) -> _Row:
    contacts = [
        asdict(ContactFacts(way.channel, way.address, way.secret)) for way in promise.contacts
    ]
    first = contacts[0] if contacts else {"channel": "", "address": ""}
    return _Row(
        id=uuid4(),
        key=promise.key,
        client=promise.client,
        about=promise.about,
        event=promise.event,
        priority=promise.priority,
        person=promise.person,
        contacts=contacts,
        facts=dict(promise.facts),
        status=Status.DUE if contacts else Status.FAILED,
        channel=first["channel"],
        address=first["address"],
        host=receiver_host(first["channel"], first["address"]),
        last_error=None if contacts else NO_CONTACT,
    )


COLUMNS = [getattr(Notification, name) for name in _Row.__dataclass_fields__]


async def queue(tx: AsyncSession, messages: Sequence[Promise], *, now: datetime) -> int:
    """Promise to send `messages`; a key that is known is not promised again; return how many."""
    if not messages:
        return 0
    rows = [_row(promise) for promise in messages]
    given = as_rows(rows, *COLUMNS)
    columns = [given.c[column.key] for column in COLUMNS]
    moment = literal(now, Notification.created_at.type)
    stmt = (
        upsert(Notification)
        .from_select(
            [*(column.key for column in COLUMNS), "created_at", "next_try_at"],
            select(*columns, moment, moment),
        )
        .on_conflict_do_nothing(index_elements=[Notification.key])
        .returning(Notification.id)
    )
    added = set((await tx.scalars(stmt)).all())
    for row in rows:
        if row.status is Status.FAILED and row.id in added:
            await publish(tx, _failed(row, NO_CONTACT), now=now)
    await notify(tx, CHANNEL)
    return len(added)


async def cancel(
    tx: AsyncSession,
    *,
    about: UUID | Collection[UUID],
    events: Collection[str] | None = None,
    now: datetime,
) -> int:
    """Take back what has not left; return how many. What is on its way is not tried again."""
    abouts = [about] if isinstance(about, UUID) else list(about)
    mine = [Notification.about.in_(abouts), Notification.status.in_(UNFINISHED)]
    if events is not None:
        mine.append(Notification.event.in_(events))
    locked = select(Notification.id, Notification.leased_until).where(*mine)
    rows = (await tx.execute(locked.order_by(Notification.seq).with_for_update())).all()
    leaving = [row.id for row in rows if row.leased_until and row.leased_until > now]
    waiting = [row.id for row in rows if row.id not in set(leaving)]
    marked = update(Notification).where(Notification.id.in_(leaving)).values(cancelled_at=now)
    ended = update(Notification).where(Notification.id.in_(waiting))
    if leaving:
        await tx.execute(marked)
    if waiting:
        await tx.execute(ended.values(status=Status.CANCELLED, cancelled_at=now))
    return len(waiting)


def _due(now: datetime, full: Collection[str]) -> Select[tuple[Notification]]:
    earlier = aliased(Notification)
    blocked = (
        select(earlier.id)
        .where(
            earlier.about == Notification.about,
            earlier.address == Notification.address,
            earlier.channel == Notification.channel,
            earlier.seq < Notification.seq,
            earlier.status.in_(UNFINISHED),
            earlier.held_reason.is_(None),
        )
        .exists()
    )
    return (
        select(Notification)
        .where(
            Notification.status.in_(UNFINISHED),
            Notification.next_try_at <= now,
            Notification.host.not_in(full),
            ~blocked,
        )
        .order_by(Notification.priority, Notification.next_try_at, Notification.seq)
    )


async def claim(
    tx: AsyncSession,
    *,
    now: datetime,
    limit: int,
    rooms: Mapping[str, int] | None = None,
    per_host: int = 4,
) -> list[Leaving]:
    """Lease up to `limit` due notifications, gravest first; `rooms` are hosts' free places.

    Of a host that is not in `rooms` at most `per_host` are leased.
    """
    free = dict(rooms or {})
    chosen: list[Notification] = []
    for _ in range(ROUNDS_MOST):
        full = [host for host, places in free.items() if places <= 0]
        wanted = limit - len(chosen)
        looked_at = wanted * CANDIDATES
        due = _due(now, full).where(Notification.id.not_in([row.id for row in chosen]))
        rows = (await tx.scalars(due.limit(looked_at).with_for_update(skip_locked=True))).all()
        for row in rows:
            places = free.get(row.host, per_host)
            if places > 0 and len(chosen) < limit:
                free[row.host] = places - 1
                chosen.append(row)
        if len(rows) < looked_at or len(chosen) >= limit:
            break
    return await _lease(tx, chosen, now=now)


async def _lease(tx: AsyncSession, rows: Sequence[Notification], *, now: datetime) -> list[Leaving]:
    if not rows:
        return []
    lost = [_lost(row, row.leased_until) for row in rows if row.leased_until]
    if lost:
        await tx.execute(insert(Attempt), lost)
    over = [row.id for row in rows if row.cancelled_at]  # taken back while a worker died with it
    if over:
        ended = update(Notification).where(Notification.id.in_(over))
        await tx.execute(ended.values(status=Status.CANCELLED), execution_options=BLIND)
    mine = [row for row in rows if not row.cancelled_at]
    until = now + LEASE
    leased = (
        update(Notification)
        .where(Notification.id.in_([row.id for row in mine]))
        .values(
            status=Status.SENDING,
            leased_until=until,
            next_try_at=until,
            attempts=Notification.attempts + 1,
            tried_since=func.coalesce(Notification.tried_since, now),
            held_reason=None,
        )
    )
    if mine:
        await tx.execute(leased, execution_options=BLIND)
    return [_leaving(row, now=now) for row in mine]


def _lost(row: Notification, leased_until: datetime) -> dict[str, Any]:
    return {
        "notification_id": row.id,
        "at": leased_until - LEASE,
        "contact": row.at_contact,
        "channel": row.channel,
        "outcome": Kind.LOST,
        "detail": "the lease ran out before the outcome was recorded",
        "duration_ms": round(LEASE / timedelta(milliseconds=1)),
    }


def _leaving(row: Notification, *, now: datetime) -> Leaving:
    return Leaving(
        id=row.id,
        key=row.key,
        client=row.client,
        about=row.about,
        event=row.event,
        priority=row.priority,
        person=row.person,
        contacts=tuple(ContactFacts(**way) for way in row.contacts),
        at_contact=row.at_contact,
        attempts=row.attempts + 1,
        tried_since=row.tried_since or now,
        leased_until=now + LEASE,
        created_at=row.created_at,
        host=row.host,
        held_reason=row.held_reason,
        facts=row.facts,
    )


async def record(
    tx: AsyncSession, sent: Leaving, outcome: Outcome, *, took: timedelta, now: datetime
) -> Status | None:
    """Write down what an attempt led to; None: the lease has passed to another worker."""
    verdict = judge(sent, outcome, now=now)
    status = await tx.scalar(_moved(sent, outcome, verdict, now=now))
    if outcome.kind is not Kind.HELD or _kept(outcome.detail) != sent.held_reason:
        tx.add(_attempt(sent, outcome, took=took, now=now))
    if status is Status.FAILED:
        await publish(tx, _failed(sent, verdict.why), now=now)
    return status


def _moved(
    sent: Leaving, outcome: Outcome, verdict: Verdict, *, now: datetime
) -> ReturningUpdate[tuple[Status]]:
    contact = sent.contacts[verdict.at_contact]
    held = outcome.kind is Kind.HELD
    taken_back = Notification.cancelled_at.is_not(None)
    status: ColumnElement[Status] = literal(verdict.status, Notification.status.type)
    if verdict.status is not Status.SENT:
        status = case((taken_back, literal(Status.CANCELLED, status.type)), else_=status)
    return (
        update(Notification)
        .where(Notification.id == sent.id, Notification.leased_until == sent.leased_until)
        .values(
            status=status,
            at_contact=verdict.at_contact,
            channel=contact.channel,
            address=contact.address,
            host=receiver_host(contact.channel, contact.address),
            attempts=verdict.attempts,
            tried_since=verdict.tried_since,
            next_try_at=verdict.next_try_at,
            leased_until=None,
            held_reason=_kept(outcome.detail) if held else None,
            last_error=None if held or outcome.kind is Kind.SENT else _kept(reason(outcome)),
            sent_at=now if verdict.status is Status.SENT else None,
        )
        .returning(Notification.status)
        .execution_options(**BLIND)
    )


def _attempt(sent: Leaving, outcome: Outcome, *, took: timedelta, now: datetime) -> Attempt:
    return Attempt(
        notification_id=sent.id,
        at=now - took,
        contact=sent.at_contact,
        channel=sent.contact.channel,
        outcome=outcome.kind,
        code=outcome.code,
        detail=_kept(outcome.detail),
        reference=outcome.reference,
        duration_ms=round(took / timedelta(milliseconds=1)),
    )


def _kept(text: str) -> str:
    """What receivers say may hold what PostgreSQL refuses to store."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:DETAIL_MOST]


def _failed(lost: Leaving | _Row, why: str) -> NotificationFailed:
    return NotificationFailed(
        notification=lost.id,
        about=lost.about,
        client=lost.client,
        person=lost.person,
        event=lost.event,
        why=_kept(why),
    )
