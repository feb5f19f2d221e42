"""Write down what an attempt came to."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

from kit.outbox import publish
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


async def record(
    tx: AsyncSession, sent: Leaving, outcome: Outcome, *, took: timedelta, now: datetime
) -> Status | None:
    """Write down what an attempt led to; None: the lease has passed to another worker."""
    verdict = judge(sent, outcome, now=now)
    status = await tx.scalar(_moved(sent, outcome, verdict, now=now))
    if status is None and await tx.scalar(_told(sent, outcome, took)):
        return None  # it was written, and only the answer to the commit was lost
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
        .execution_options(synchronize_session=False)
    )


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
        duration_ms=_milliseconds(took),
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
