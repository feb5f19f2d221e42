"""Answers to what other rooms announce; each may run twice."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from incidents import commands
from incidents.lifecycle import Tell
from kit.errors import NotFound
from notifications.events import NotificationFailed


async def notification_failed(tx: AsyncSession, event: NotificationFailed, now: datetime) -> None:
    """Write down who could not be told; go on at once when the whole step fell flat."""
    if event.event not in set(Tell):
        return
    with suppress(NotFound):  # it was about something else than an incident
        await commands.step_failed(
            tx,
            event.about,
            event.notification,
            person=event.person,
            event=event.event,
            why=event.why,
            now=now,
        )
