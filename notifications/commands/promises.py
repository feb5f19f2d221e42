"""Promise to send, and take back what has not left."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    Boolean,
    Select,
    String,
    TextClause,
    Uuid,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.tables import Person
from kit.db import among, table_of
from kit.kept import LONG_AGO, keep
from kit.notices import notify
from kit.outbox import publish
from kit.rows import Given
from kit.sql import written_out
from notifications.events import NotificationFailed
from notifications.lifecycle import UNFINISHED, Status, receiver_host
from notifications.schemas import ContactFacts, Promise
from notifications.tables import Notification

CHANNEL = "notifications"
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
GIVEN = Given(*COLUMNS)


@cache
def _queueing() -> TextClause:
    given = GIVEN.table.c
    moment = bindparam("now", type_=Notification.created_at.type)
    gone = exists().where(Person.name == given.person, Person.disabled)
    names = [column.key for column in COLUMNS]
    stmt = (
        insert(table_of(Notification))
        .from_select(
            [*names, "created_at", "next_try_at"],
            select(*(given[name] for name in names), moment, moment).where(~gone),
        )
        .on_conflict_do_nothing(index_elements=[Notification.key])
        .returning(Notification.id)
    )
    return written_out(stmt)


async def queue(tx: AsyncSession, messages: Sequence[Promise], *, now: datetime) -> int:
    """Promise to send `messages`; a key that is known is not promised again; return how many.

    Somebody who is disabled is told nothing any more, not even the end of what they heard of.
    """
    if not messages:
        return 0
    rows = [_row(promise) for promise in messages]
    stmt = _queueing()
    added = set((await tx.scalars(stmt, {**GIVEN.rows(rows), "now": now})).all())
    for row in rows:
        if row.status is Status.FAILED and row.id in added:
            await publish(tx, _failed(row), now=now)
    notify(tx, CHANNEL)
    return len(added)


def _unsent() -> Select[Any]:
    these = func.any(bindparam("abouts", type_=ARRAY(Uuid)))
    named = Notification.event == func.any(bindparam("events", type_=ARRAY(String)))
    mine = Notification.about == these, Notification.status.in_(UNFINISHED)
    stmt = select(Notification.id, Notification.leased_until)
    stmt = stmt.where(*mine, or_(bindparam("every", type_=Boolean), named))
    return stmt.order_by(Notification.seq).with_for_update()


UNSENT = _unsent()
"""Built once: each acknowledgement asks it."""
keep(lambda: (UNSENT, {"abouts": [], "every": False, "events": []}))
keep(lambda: (_queueing(), {**GIVEN.rows([]), "now": LONG_AGO}))


async def cancel(
    tx: AsyncSession,
    *,
    about: UUID | Collection[UUID],
    events: Collection[str] | None = None,
    now: datetime,
) -> int:
    """Take back what has not left; return how many. What is on its way is not tried again."""
    abouts = [about] if isinstance(about, UUID) else list(about)
    asked = {"abouts": abouts, "every": events is None, "events": list(events or ())}
    rows = (await tx.execute(UNSENT, asked)).all()
    leaving = [row.id for row in rows if row.leased_until and row.leased_until > now]
    waiting = [row.id for row in rows if row.id not in set(leaving)]
    if leaving:
        marked = update(Notification).where(among(Notification.id, leaving))
        await tx.execute(marked.values(cancelled_at=now))
    if waiting:
        ended = update(Notification).where(among(Notification.id, waiting))
        await tx.execute(ended.values(status=Status.CANCELLED, cancelled_at=now))
    return len(waiting)


def _failed(row: _Row) -> NotificationFailed:
    return NotificationFailed(
        notification=row.id,
        about=row.about,
        client=row.client,
        person=row.person,
        event=row.event,
        why=NO_CONTACT,
    )
