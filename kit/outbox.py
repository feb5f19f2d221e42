"""News that is told later: facts written in the transaction that makes them true, relayed after.

One row and one transaction for each (event, reaction); every reaction may run twice.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Index, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from kit.clock import Clock
from kit.db import Base, Database
from kit.errors import NotFound
from kit.notices import notify

log = logging.getLogger(__name__)

CHANNEL = "outbox"
TRIES_MOST = 10
LEASE = timedelta(minutes=1)


class Event(BaseModel):
    """A fact: ids and values, never rows. `topic` names it on the wire for ever."""

    model_config = ConfigDict(frozen=True)
    topic: ClassVar[str]


Reaction = Callable[[AsyncSession, Any, datetime], Awaitable[None]]
Reactions = Mapping[type[Event], Sequence[Reaction]]


class OutboxRow(Base):
    """One event that one reaction has yet to answer; `parked_at` set: a person must look."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "next_try_at", postgresql_where=text("parked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    topic: Mapped[str]
    reaction: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    happened_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    parked_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


async def publish(tx: AsyncSession, event: Event, *, now: datetime) -> None:
    """Announce `event`; it leaves if and only if the transaction commits."""
    facts = event.model_dump(mode="json")
    tx.add(OutboxRow(topic=event.topic, facts=facts, happened_at=now, next_try_at=now))
    notify(tx, CHANNEL)


async def waiting(session: AsyncSession) -> tuple[datetime | None, int]:
    """Return since when the oldest event waits, and how many failed so often that they are parked.

    A person has to look at these.
    """
    parked = OutboxRow.parked_at.is_not(None)
    oldest = func.min(OutboxRow.happened_at).filter(~parked)
    since, count = (await session.execute(select(oldest, func.count().filter(parked)))).one()
    return since, count


async def parked_rows(
    session: AsyncSession, *, offset: int = 0, limit: int = 100
) -> Sequence[OutboxRow]:
    """Return the parked events, the latest first."""
    given_up = select(OutboxRow).where(OutboxRow.parked_at.is_not(None))
    ordered = given_up.order_by(OutboxRow.parked_at.desc(), OutboxRow.id)
    return (await session.scalars(ordered.offset(offset).limit(limit))).all()


async def parked_row(tx: AsyncSession, id: UUID) -> OutboxRow:
    """Return a parked event, held until the end of the transaction; else refuse."""
    row = await tx.get(OutboxRow, id, with_for_update=True)
    if row is None or row.parked_at is None:
        raise NotFound("no event {event} waits for anybody", event=id)
    return row


async def unpark(tx: AsyncSession, row: OutboxRow, *, now: datetime) -> None:
    """Hand a parked event to its reaction again, as often as a new one."""
    row.parked_at, row.tries, row.next_try_at = None, 0, now
    notify(tx, CHANNEL)


async def relay(db: Database, reactions: Reactions, clock: Clock, *, limit: int = 100) -> int:
    """Hand due events to their reactions; return how many were answered."""
    answered = 0
    kinds = {kind.topic: (kind, by) for kind, by in reactions.items()}
    for _ in range(limit):
        row = await _claim(db, now=clock())
        if row is None:
            break
        if row.topic not in kinds:
            log.error(
                "no reaction is known for the topic %s; event %s is parked", row.topic, row.id
            )
            await _failed(db, row, "unknown topic", now=clock(), final=True)
            continue
        kind, known = kinds[row.topic]
        if row.reaction is None:
            await _spread(db, row, [_name(reaction) for reaction in known], now=clock())
            continue
        reaction = next((r for r in known if _name(r) == row.reaction), None)
        if reaction is None:
            await _failed(db, row, "the reaction is gone", now=clock(), final=True)
            continue
        answered += await _answer(db, row, kind, reaction, clock)
    return answered


def _name(reaction: Reaction) -> str:
    return f"{reaction.__module__}.{reaction.__name__}"


async def _claim(db: Database, *, now: datetime) -> OutboxRow | None:
    due = (
        select(OutboxRow)
        .where(OutboxRow.parked_at.is_(None), OutboxRow.next_try_at <= now)
        .order_by(OutboxRow.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    async with db.transaction() as tx:
        row = await tx.scalar(due)
        if row is not None:
            row.next_try_at = now + LEASE
            row.tries += 1
        return row


async def _spread(db: Database, row: OutboxRow, names: Sequence[str], *, now: datetime) -> None:
    async with db.transaction() as tx:
        mine = await tx.get(OutboxRow, row.id, with_for_update=True)
        if mine is None:
            return
        for name in names:
            tx.add(
                OutboxRow(
                    topic=row.topic,
                    reaction=name,
                    facts=row.facts,
                    happened_at=row.happened_at,
                    next_try_at=now,
                )
            )
        await tx.delete(mine)


async def _answer(
    db: Database, row: OutboxRow, kind: type[Event], reaction: Reaction, clock: Clock
) -> int:
    try:
        async with db.transaction() as tx:
            mine = await tx.get(OutboxRow, row.id, with_for_update=True)
            if mine is None:
                return 0
            await reaction(tx, kind.model_validate(row.facts), clock())
            await tx.delete(mine)
    except Exception as error:
        log.exception("the reaction %s to %s failed", row.reaction, row.topic)
        await _failed(db, row, repr(error), now=clock(), final=row.tries >= TRIES_MOST)
        return 0
    return 1


async def _failed(db: Database, row: OutboxRow, why: str, *, now: datetime, final: bool) -> None:
    async with db.transaction() as tx:
        mine = await tx.get(OutboxRow, row.id, with_for_update=True)
        if mine is not None:
            mine.last_error = why[:1000]
            mine.parked_at = now if final else None
            mine.next_try_at = now + timedelta(seconds=min(2**row.tries, 300))
