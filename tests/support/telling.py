"""A sender with a phone at the other end, driven in the words of notifications."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from kit.clock import Clock
from kit.db import Database
from kit.notices import Notices
from notifications import commands, queries
from notifications.batches import Outside
from notifications.channels.webhook import Webhook, open_client
from notifications.schemas import (
    Channel,
    ContactFacts,
    Leaving,
    Message,
    NotificationOut,
    Promise,
    Render,
)
from notifications.sender import Limits, Sender
from tests.support.phone import Phone

INCIDENT = UUID("11111111-1111-1111-1111-111111111111")


async def words(session: AsyncSession, leavings: Sequence[Leaving]) -> list[Message]:
    """Put notifications into words: their own key and event."""
    return [
        Message(
            subject=f"{one.event} {one.person}",
            text=f"{one.event} {one.person}",
            html="",
            payload={"facts": dict(one.facts)},
        )
        for one in leavings
    ]


@dataclass
class Telling:
    """What a test of notifications holds in its hands."""

    db: Database
    clock: Clock
    phone: Phone
    sender: Sender
    notices: Notices
    webhook: Webhook
    holds: dict[str, str] = field(default_factory=dict)
    observed: list[str] = field(default_factory=list)

    async def promises(
        self,
        *names: str,
        event: str = "triggered",
        key: str = "",
        priority: int = 1,
        about: UUID = INCIDENT,
    ) -> int:
        """Owe one person a message, at these names of the phone in turn."""
        contacts = [ContactFacts("webhook", self.phone.url(name)) for name in names]
        promise = Promise(
            key=key or f"{uuid4()}:{event}:0.0:{names[0]}",
            client="acme",
            about=about,
            event=event,
            priority=priority,
            person=names[0],
            contacts=contacts,
        )
        async with self.db.transaction() as tx:
            return await commands.queue(tx, [promise], now=self.clock())

    async def settles(self) -> int:
        """Send what is due until nothing more is; return how many sends there were."""
        sent = 0
        while claimed := await self.sender.send_due():
            await self.sender.settle()
            sent += claimed
        return sent

    async def cancels(self, *events: str) -> int:
        """Take back what has not left."""
        async with self.db.transaction() as tx:
            return await commands.cancel(
                tx, about=INCIDENT, events=events or None, now=self.clock()
            )

    async def told(self) -> set[str]:
        """Return the names of the phone that know of it."""
        async with self.db.snapshot() as session:
            found = await queries.told(session, INCIDENT)
        return {each.contact.address.rpartition("/")[2] for each in found}

    async def shown(self) -> list[NotificationOut]:
        """Return what a page shows."""
        async with self.db.snapshot() as session:
            return await queries.of_incident(session, INCIDENT)


@asynccontextmanager
async def telling(
    db: Database,
    clock: Clock,
    *,
    limits: Limits | None = None,
    channels: Mapping[str, Channel] | None = None,
    started: bool = False,
    render: Render = words,
) -> AsyncIterator[Telling]:
    """Set up a sender and a phone; `started` opens the LISTEN connection as well."""
    trusting = limits or Limits(skew_most=None)
    notices = Notices(db)
    async with Phone() as phone, open_client() as client:
        webhook = Webhook(client)
        ways: dict[str, Any] = {"webhook": webhook, **(channels or {})}
        observed: list[str] = []
        holds: dict[str, str] = {}

        async def gate(session: AsyncSession, notification: Leaving) -> str | None:
            return holds.get(notification.event)

        def observe(event: str, seconds: float) -> None:
            observed.append(event)

        outside = Outside(ways, render, gate, observe)
        sender = Sender(db, outside, clock, notices, limits=trusting)
        if started:
            await notices.start()
        yield Telling(db, clock, phone, sender, notices, webhook, holds, observed)
        await sender.close(timedelta(seconds=0.2))
        await notices.close()
