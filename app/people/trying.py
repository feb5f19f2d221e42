"""A contact tried: a real notification through the queue, and what became of it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from access.commands.governing import own_or_governed
from access.scope import HOUSE, Identity
from kit.errors import TooMany
from notifications import commands as notifications
from notifications import queries as told
from notifications.schemas import NotificationOut, Promise
from oncall import queries as oncall

EVENT = "test"
PRIORITY = 4
AGAIN_AFTER = timedelta(seconds=10)


async def send_test(
    tx: AsyncSession, name: str, contact: UUID, *, by: Identity, now: datetime
) -> None:
    """Queue a test to one contact of a person."""
    await own_or_governed(tx, name, by)
    row = await oncall.contact(tx, name, contact)
    before = await last_test(tx, contact)
    if before is not None and before.created_at > now - AGAIN_AFTER:
        raise TooMany("a test was sent a moment ago", retry_after=AGAIN_AFTER.seconds)
    promise = Promise(
        key=f"{EVENT}:{contact}:{int(now.timestamp() * 1000)}",
        client=HOUSE,
        about=contact,
        event=EVENT,
        priority=PRIORITY,
        person=name,
        contacts=[row],
        facts={"asked_by": by.name},
    )
    await notifications.queue(tx, [promise], now=now)
    facts = {"channel": row.channel, "address": oncall.shown_address(row)}
    audit(tx, who=by.name, did="contact.test", on=name, now=now, facts=facts)


async def last_test(session: AsyncSession, contact: UUID) -> NotificationOut | None:
    """Return the newest test of a contact with its receipts; None before the first."""
    tests = await told.of_incident(session, contact)
    return tests[-1] if tests else None
