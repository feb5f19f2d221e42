"""Lease what is due: by priority, a few for each receiver, each row to one worker."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    String,
    Update,
    Uuid,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from kit.db import Moment, among
from kit.kept import LONG_AGO, keep
from notifications.lifecycle import GRAVE, LEASE, UNFINISHED, Kind, Status
from notifications.schemas import ContactFacts, Leaving
from notifications.tables import Attempt, Muting, Notification

CANDIDATES = 4
"""Rows looked at for each free place: some of them wait for a receiver that is busy."""

LEAST = 9
"""No priority is less grave: all of them may be leased."""

ROUNDS_MOST = 64
"""Each round but the last finds a receiver that has no room left."""
BLIND = {"synchronize_session": False}
FAULTS = (SQLAlchemyError, LookupError, ValueError, TypeError)
log = logging.getLogger(__name__)


class _Candidate(NamedTuple):
    """What is needed to choose."""

    id: UUID
    host: str
    priority: int


CHOSEN_BY = [getattr(Notification, name) for name in _Candidate._fields]


def _due() -> Select[Any]:
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
        select(*CHOSEN_BY)
        .where(
            Notification.status.in_(UNFINISHED),
            Notification.next_try_at <= NOW,
            Notification.priority <= bindparam("least", type_=Integer),
            Notification.host != func.all(bindparam("full", type_=ARRAY(String))),
            Notification.id != func.all(bindparam("passed", type_=ARRAY(Uuid))),
            ~blocked,
            ~select(Muting.only).exists(),
        )
        .order_by(Notification.priority, Notification.next_try_at, Notification.seq)
        .limit(bindparam("most", type_=Integer))
    )


def _locking() -> Select[tuple[Notification]]:
    still = Notification.status.in_(UNFINISHED), Notification.next_try_at <= NOW
    stmt = select(Notification).where(Notification.id == OF_THESE, *still)
    return stmt.with_for_update(skip_locked=True)


def _leasing() -> Update:
    until = bindparam("until", type_=Moment)
    return (
        update(Notification)
        .where(Notification.id == OF_THESE)
        .values(
            status=Status.SENDING,
            leased_until=until,
            next_try_at=until,
            attempts=Notification.attempts + 1,
            tried_since=func.coalesce(Notification.tried_since, NOW),
            held_reason=None,
        )
        .execution_options(**BLIND)
    )


NOW, OF_THESE = bindparam("now", type_=Moment), func.any(bindparam("these", type_=ARRAY(Uuid)))
DUE, LOCKED, LEASED = _due(), _locking(), _leasing()
"""Built once: each claim asks them, and building costs more than asking."""
keep(lambda: (DUE, {"now": LONG_AGO, "least": 0, "full": [], "passed": [], "most": 0}))
keep(lambda: (LOCKED, {"these": [], "now": LONG_AGO}))
keep(lambda: (LEASED, {"these": [], "now": LONG_AGO, "until": LONG_AGO}))


@dataclass
class _Places:
    """How many more may be leased: of each host, of P3 and P4 together."""

    of_host: dict[str, int]
    minor: int
    per_host: int

    @property
    def full(self) -> list[str]:
        """The hosts that have no place left."""
        return [host for host, places in self.of_host.items() if places <= 0]

    def take(self, row: _Candidate) -> bool:
        """Take the place of a message; tell whether there was one."""
        places, minor = self.of_host.get(row.host, self.per_host), row.priority > GRAVE
        if places <= 0 or (minor and self.minor <= 0):
            return False
        self.of_host[row.host] = places - 1
        self.minor -= minor
        return True

    def give_back(self, row: _Candidate) -> None:
        """Free the place of a message that another worker has."""
        self.of_host[row.host] += 1
        self.minor += row.priority > GRAVE


async def claim(
    tx: AsyncSession,
    *,
    now: datetime,
    limit: int,
    minor: int | None = None,
    rooms: Mapping[str, int] | None = None,
    per_host: int,
    aside: set[UUID] | None = None,
) -> list[Leaving]:
    """Lease up to `limit` due notifications, gravest first; `rooms` are hosts' free places.

    Of a host that is not in `rooms` at most `per_host` are leased, of P3 and P4 at most `minor`.
    Those `aside` are left alone; what cannot be leased is put there.
    """
    aside = set() if aside is None else aside
    places = _Places(dict(rooms or {}), limit if minor is None else minor, per_host)
    passed, taken = set(aside), list[Notification]()
    for _ in range(ROUNDS_MOST):
        free = limit - len(taken)
        asked = {
            "now": now,
            "least": LEAST if places.minor > 0 else GRAVE,
            "full": places.full,
            "passed": list(passed),
            "most": free * CANDIDATES,
        }
        rows = [_Candidate(*row) for row in await tx.execute(DUE, asked)]
        chosen = {row.id: row for row in islice(filter(places.take, rows), free)}
        locked = await _locked(tx, list(chosen), now=now)
        for elsewhere in chosen.keys() - {row.id for row in locked}:
            places.give_back(chosen[elsewhere])
        taken += locked
        passed |= chosen.keys()
        all_seen = len(rows) < free * CANDIDATES and len(locked) == len(chosen)
        if len(taken) >= limit or all_seen:
            break
    try:
        async with tx.begin_nested():
            return await _lease(tx, taken, now=now)
    except FAULTS:
        return await _lease_each(tx, taken, now=now, aside=aside)


async def _locked(tx: AsyncSession, ids: list[UUID], *, now: datetime) -> list[Notification]:
    """Lock these rows as far as no other worker has them: only what is sent is held from others.

    Whoever takes a promise back would otherwise wait for all that was merely looked at.
    """
    if not ids:
        return []
    rows = (await tx.scalars(LOCKED, {"these": ids, "now": now})).all()
    return sorted(rows, key=lambda row: ids.index(row.id))


async def _lease_each(
    tx: AsyncSession, rows: Sequence[Notification], *, now: datetime, aside: set[UUID]
) -> list[Leaving]:
    """Lease what can be leased: one row that cannot be written, or read, holds up no other."""
    leased = []
    for row in rows:
        try:
            async with tx.begin_nested():
                leased += await _lease(tx, [row], now=now)
        except FAULTS as error:
            said = str(error).partition("\n")[0][:300]
            log.error("notification %s cannot be claimed: %s", row.key, said)
            aside.add(row.id)
    return leased


async def _lease(tx: AsyncSession, rows: Sequence[Notification], *, now: datetime) -> list[Leaving]:
    if not rows:
        return []
    lost = [_lost(row, row.leased_until) for row in rows if row.leased_until]
    if lost:
        await tx.execute(insert(Attempt), lost)
    over = [row.id for row in rows if row.cancelled_at]  # taken back while a worker died with it
    if over:
        ended = update(Notification).where(among(Notification.id, over))
        await tx.execute(ended.values(status=Status.CANCELLED), execution_options=BLIND)
    mine = [row for row in rows if not row.cancelled_at]
    if mine:
        leased = {"these": [row.id for row in mine], "now": now, "until": now + LEASE}
        await tx.execute(LEASED, leased)
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
