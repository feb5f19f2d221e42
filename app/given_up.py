"""What was given up and waits for a person: rows refused, messages failed, events parked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from access.scope import Identity, Right, Scope
from alerting import queries as alerting
from app.people.trying import EVENT as TEST
from incidents import queries as incidents
from incidents.lifecycle import OPEN
from kit import outbox
from kit.errors import Conflict, Forbidden
from notifications import commands as telling
from notifications import queries as notifications
from notifications.lifecycle import ALWAYS_PASS
from notifications.schemas import NotificationOut
from oncall import queries as oncall

if TYPE_CHECKING:
    from alerting.tables import SetAside
    from incidents.tables import Incident

AT_ONCE = 500
"""So many are tried again, or left, by one press of a button."""


class Sort(StrEnum):
    """What it is that was given up."""

    ROWS = "rows"
    MESSAGES = "messages"
    EVENTS = "events"


class Act(StrEnum):
    """What a person does about it: try again, or leave it as it is."""

    RETRY = "retry"
    SETTLE = "settle"


class NothingToTell(Conflict):
    """A message that would come too late, or to nobody, is not sent again."""

    slug, title = "nothing-to-tell", "There is nothing left to tell, or nobody to tell it to"


@dataclass(frozen=True)
class GivenUp:
    """One thing that was given up: what, when and why, and whether to try again makes sense."""

    sort: Sort
    id: UUID
    client: str | None
    at: datetime
    why: str
    retry: bool
    times: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)


async def counts(session: AsyncSession, scope: Scope) -> dict[Sort, int]:
    """Return how much of each sort waits for a person."""
    _, parked = await outbox.waiting(session)
    return {
        Sort.ROWS: await alerting.set_aside_count(session, scope),
        Sort.MESSAGES: await notifications.failed_count(session, scope, but=[TEST]),
        Sort.EVENTS: parked if scope.clients is None else 0,
    }


async def listed(
    session: AsyncSession, scope: Scope, sort: Sort, *, offset: int = 0, limit: int = 100
) -> list[GivenUp]:
    """Return what was given up of one sort, the latest first."""
    if sort is Sort.ROWS:
        rows = await alerting.set_aside(session, scope, offset=offset, limit=limit)
        return [_of_row(row) for row in rows]
    if sort is Sort.MESSAGES:
        sent = await notifications.failed(session, scope, but=[TEST], offset=offset, limit=limit)
        about = await incidents.by_ids(session, {one.about for one in sent})
        return [_of_message(one, about.get(one.about)) for one in sent]
    if scope.clients is not None:
        return []  # what an event is about, its reaction alone knows
    return [_of_event(row) for row in await outbox.parked_rows(session, offset=offset, limit=limit)]


async def see_to(
    tx: AsyncSession, sort: Sort, id: UUID, act: Act, *, by: Identity, now: datetime
) -> None:
    """Do about one of them what a person decided; it stands in the audit trail."""
    by.need(Right.ADMIN)
    if sort is Sort.ROWS:
        what = await _see_to_row(tx, id, act, by)
    elif sort is Sort.MESSAGES:
        what = await _see_to_message(tx, id, act, by, now)
    else:
        what = await _see_to_event(tx, id, act, by, now)
    audit(
        tx,
        who=by.name,
        did=f"trouble.{act}",
        on=f"{sort} {id}",
        client=what.client,
        now=now,
        facts={**what.facts, "why": what.why},
    )


async def see_to_all(tx: AsyncSession, sort: Sort, act: Act, *, by: Identity, now: datetime) -> int:
    """Do the same about all of a sort for which it makes sense, the latest; return how many."""
    by.need(Right.ADMIN)
    waiting = await listed(tx, by.scope, sort, limit=AT_ONCE)
    chosen = [one for one in waiting if one.retry or act is Act.SETTLE]
    done = 0
    for one in chosen:
        try:
            async with tx.begin_nested():
                await see_to(tx, sort, one.id, act, by=by, now=now)
        except NothingToTell:  # it stays, and says why when it is asked for alone
            continue
        done += 1
    return done


async def _see_to_row(tx: AsyncSession, id: UUID, act: Act, by: Identity) -> GivenUp:
    """A row is heard again at each sweep anyhow, and goes when it passes."""
    row = await alerting.set_aside_row(tx, by.scope, id)
    if act is Act.SETTLE:
        await tx.delete(row)
    return _of_row(row)


async def _see_to_message(
    tx: AsyncSession, id: UUID, act: Act, by: Identity, now: datetime
) -> GivenUp:
    row = await notifications.failed_row(tx, by.scope, id)
    incident = (await incidents.by_ids(tx, [row.about])).get(row.about)
    (shown,) = await notifications.shown(tx, [row])
    what = _of_message(shown, incident)
    if act is Act.SETTLE:
        telling.settle(row, now=now)
        return what
    if not what.retry:
        raise NothingToTell("what this message was about is over")
    roster = await oncall.roster(tx, now=now)
    contacts = roster.contacts.get(row.person)
    if not contacts:
        raise NothingToTell("{person} is disabled or has no contact", person=row.person)
    await telling.try_again(tx, row, contacts, now=now)
    return what


async def _see_to_event(
    tx: AsyncSession, id: UUID, act: Act, by: Identity, now: datetime
) -> GivenUp:
    if by.scope.clients is not None:
        raise Forbidden("only who reaches every client may see to events")
    row = await outbox.parked_row(tx, id)
    what = _of_event(row)
    if act is Act.RETRY:
        await outbox.unpark(tx, row, now=now)
    else:
        await tx.delete(row)
    return what


def _of_row(row: "SetAside") -> GivenUp:
    facts = {"rule": row.rule, "labels": row.labels}
    return GivenUp(Sort.ROWS, row.id, row.client, row.at, row.error, True, row.count, facts)


def _of_message(one: NotificationOut, about: "Incident | None") -> GivenUp:
    facts = {"event": one.event, "person": one.person, "channel": one.channel}
    if about is not None:
        facts["incident"] = str(about.number)
    last = one.receipts[-1] if one.receipts else None
    return GivenUp(
        Sort.MESSAGES,
        one.id,
        one.client,
        last.at if last else one.created_at,
        one.last_error or "",
        about is not None and (about.status in OPEN or one.event in ALWAYS_PASS),
        max(1, len(one.receipts)),
        facts,
    )


def _of_event(row: outbox.OutboxRow) -> GivenUp:
    facts = {"topic": row.topic, "reaction": row.reaction or "", "facts": row.facts}
    at = row.parked_at or row.happened_at
    return GivenUp(Sort.EVENTS, row.id, None, at, row.last_error or "", True, row.tries, facts)
