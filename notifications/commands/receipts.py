"""Write down what an attempt came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Insert, Select, and_, case, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

from kit.db import table_of
from kit.kept import keep
from kit.outbox import publish
from kit.rows import Given
from notifications.events import NotificationFailed
from notifications.lifecycle import (
    Kind,
    Outcome,
    Status,
    Verdict,
    judge,
    reason,
    receiver_host,
)
from notifications.schemas import Leaving
from notifications.tables import Attempt, Notification

DETAIL_MOST = 300


@dataclass(frozen=True)
class Done:
    """An attempt that is over, to be written down."""

    sent: Leaving
    outcome: Outcome
    took: timedelta


class _Row(NamedTuple):
    """What a notification becomes; `leased_until` is the lease under which it was tried."""

    id: UUID
    leased_until: datetime
    status: Status
    at_contact: int
    channel: str
    address: str
    host: str
    attempts: int
    tried_since: datetime | None
    next_try_at: datetime
    held_reason: str | None
    last_error: str | None
    sent_at: datetime | None


class _AttemptRow(NamedTuple):
    """The receipt of one try as the columns of its row."""

    notification_id: UUID
    at: datetime
    contact: int
    channel: str
    outcome: Kind
    code: int | None
    detail: str
    reference: str | None
    duration_ms: int


async def record(
    tx: AsyncSession, sent: Leaving, outcome: Outcome, *, took: timedelta, now: datetime
) -> Status | None:
    """Write down what an attempt led to; None: the lease has passed to another worker."""
    return (await record_all(tx, [Done(sent, outcome, took)], now=now)).get(sent.id)


async def record_all(
    tx: AsyncSession, attempts: Sequence[Done], *, now: datetime
) -> dict[UUID, Status]:
    """Write down what attempts led to, in two statements; without those whose lease has passed."""
    verdicts = [judge(done.sent, done.outcome, now=now) for done in attempts]
    rows = [_row(done, verdict, now=now) for done, verdict in zip(attempts, verdicts, strict=True)]
    moved = await tx.execute(MOVED, GIVEN.rows(rows))
    found = {id: status for id, status in moved}
    kept = []
    for done, verdict in zip(attempts, verdicts, strict=True):
        sent, outcome = done.sent, done.outcome
        status = found.get(sent.id)
        if status is None and await tx.scalar(_told(sent, outcome, done.took)):
            continue  # it was written, and only the answer to the commit was lost
        if outcome.kind is not Kind.HELD or _kept(outcome.detail) != sent.held_reason:
            kept.append(_attempt(done, now=now))
        if status is Status.FAILED:
            await publish(tx, _failed(sent, verdict.why), now=now)
    if kept:
        await tx.execute(TRIED, ATTEMPTS.rows(kept))
    return found


def _row(done: Done, verdict: Verdict, *, now: datetime) -> _Row:
    sent, outcome = done.sent, done.outcome
    contact = sent.contacts[verdict.at_contact]
    held = outcome.kind is Kind.HELD
    return _Row(
        id=sent.id,
        leased_until=sent.leased_until,
        status=verdict.status,
        at_contact=verdict.at_contact,
        channel=contact.channel,
        address=contact.address,
        host=receiver_host(contact.channel, contact.address),
        attempts=verdict.attempts,
        tried_since=verdict.tried_since,
        next_try_at=verdict.next_try_at,
        held_reason=_kept(outcome.detail) if held else None,
        last_error=None if held or outcome.kind is Kind.SENT else _kept(reason(outcome)),
        sent_at=now if verdict.status is Status.SENT else None,
    )


def _moving() -> ReturningUpdate[tuple[UUID, Status]]:
    given = GIVEN.table
    kind = Notification.status.type
    taken_back = and_(
        Notification.cancelled_at.is_not(None), given.c.status != literal(Status.SENT, kind)
    )
    same = {name: given.c[name] for name in _Row._fields[3:]}
    status = case((taken_back, literal(Status.CANCELLED, kind)), else_=given.c.status)
    return (
        update(Notification)
        .where(Notification.id == given.c.id, Notification.leased_until == given.c.leased_until)
        .values(**same, status=status, leased_until=None)
        .returning(Notification.id, Notification.status)
        .execution_options(synchronize_session=False)
    )


def _trying() -> Insert:
    names = _AttemptRow._fields
    values = select(*(ATTEMPTS.table.c[name] for name in names))
    return insert(table_of(Attempt)).from_select(names, values)


GIVEN = Given(*(getattr(Notification, name) for name in _Row._fields))
ATTEMPTS = Given(*(getattr(Attempt, name) for name in _AttemptRow._fields))
MOVED, TRIED = _moving(), _trying()
"""Built once: building them costs more than what they do for a few rows."""
keep(lambda: (MOVED, GIVEN.rows([])))
keep(lambda: (TRIED, ATTEMPTS.rows([])))


def _told(sent: Leaving, outcome: Outcome, took: timedelta) -> Select[tuple[bool]]:
    return select(
        exists().where(
            Attempt.notification_id == sent.id,
            Attempt.contact == sent.at_contact,
            Attempt.outcome == outcome.kind,
            Attempt.duration_ms == _milliseconds(took),
        )
    )


def _milliseconds(took: timedelta) -> int:
    return round(took / timedelta(milliseconds=1))


def _attempt(done: Done, *, now: datetime) -> _AttemptRow:
    sent, outcome = done.sent, done.outcome
    return _AttemptRow(
        notification_id=sent.id,
        at=now - done.took,
        contact=sent.at_contact,
        channel=sent.contact.channel,
        outcome=outcome.kind,
        code=outcome.code,
        detail=_kept(outcome.detail),
        reference=outcome.reference and _kept(outcome.reference),
        duration_ms=_milliseconds(done.took),
    )


def _kept(text: str) -> str:
    """What receivers say may hold what PostgreSQL refuses to store."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:DETAIL_MOST]


def _failed(lost: Leaving, why: str) -> NotificationFailed:
    return NotificationFailed(
        notification=lost.id,
        about=lost.about,
        client=lost.client,
        person=lost.person,
        event=lost.event,
        why=_kept(why),
    )
