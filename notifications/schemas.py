"""What crosses the door of notifications: promises in, messages out, receipts for pages."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.lifecycle import Kind, Outcome, Status, key_for


class Reachable(Protocol):
    """A way to reach somebody, whoever keeps it."""

    @property
    def channel(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def secret(self) -> str | None: ...


@dataclass(frozen=True)
class ContactFacts:
    """A way to reach somebody as it was when the promise was made; `secret` is sealed."""

    channel: str
    address: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Promise:
    """One message that one person is owed; `contacts` are tried in order, `key` is unique."""

    key: str
    client: str
    about: UUID
    event: str
    priority: int
    person: str
    contacts: Sequence[Reachable]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """A person and the contact at which they were told, or may have been."""

    person: str
    contact: ContactFacts


@dataclass(frozen=True)
class Leaving:
    """A notification that this worker has leased and is about to send."""

    id: UUID
    key: str
    client: str
    about: UUID
    event: str
    priority: int
    person: str
    contacts: tuple[ContactFacts, ...]
    at_contact: int
    attempts: int
    tried_since: datetime
    leased_until: datetime
    created_at: datetime
    host: str
    held_reason: str | None
    facts: Mapping[str, Any]

    @property
    def contact(self) -> ContactFacts:
        """The contact whose turn it is."""
        return self.contacts[self.at_contact]

    @property
    def sent_key(self) -> str:
        """The key that the receiver sees, the same at each repeat."""
        return key_for(self.key, self.at_contact)


WORDLESS = frozenset({"webhook"})
"""Channels at whose end a program reads the payload: nothing is put into words for them."""


@dataclass(frozen=True)
class Message:
    """What a person reads, and what a program reads; words are empty for the `WORDLESS`."""

    subject: str
    text: str
    html: str
    payload: dict[str, Any]
    locale: str = "zh-CN"


@dataclass(frozen=True)
class Receipt:
    """One attempt, as a page shows it."""

    at: datetime
    contact: int
    channel: str
    outcome: Kind
    code: int | None
    detail: str
    duration: timedelta
    reference: str | None = None


@dataclass(frozen=True)
class NotificationOut:
    """A notification with its receipts, oldest first, as a page shows it."""

    id: UUID
    client: str
    about: UUID
    event: str
    priority: int
    person: str
    status: Status
    channel: str
    address: str
    created_at: datetime
    next_try_at: datetime
    sent_at: datetime | None
    held_reason: str | None
    last_error: str | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True)
class Muted:
    """Nothing leaves this installation: since when, by whom and why."""

    why: str
    who: str
    since: datetime


Gate = Callable[[AsyncSession, Leaving], Awaitable[str | None]]
"""Asked before a message leaves: None lets it pass, a reason holds it back."""

Render = Callable[[AsyncSession, Sequence[Leaving]], Awaitable[Sequence[Message]]]
"""Puts notifications into words, in their order, with what is true at this moment."""


class Channel(Protocol):
    """A way out: sends one message to one contact; failures of the outside world are values."""

    async def send(
        self, message: Message, contact: ContactFacts, *, key: str, now: datetime
    ) -> Outcome:
        """Hand the message over; `key` is the same when it is sent again."""
        ...


Channels = Mapping[str, Channel]
