"""An installation that tells nobody anything: a copy must not page the people of the original.

What would leave is held, and is still owed when somebody lifts the muting.
"""

from datetime import datetime

from sqlalchemy import and_, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from kit.notices import notify
from notifications.commands.promises import CHANNEL
from notifications.lifecycle import HELD_FOR, MUTED, UNFINISHED, Status
from notifications.tables import Muting, Notification

BLIND = {"synchronize_session": False}


async def mute(tx: AsyncSession, *, why: str, who: str, now: datetime) -> bool:
    """Let nothing leave from now on; return whether that is new."""
    row = insert(Muting).values(only=True, why=why, who=who, since=now)
    added = await tx.scalar(row.on_conflict_do_nothing().returning(Muting.only))
    return added is not None


async def unmute(tx: AsyncSession, *, now: datetime) -> tuple[int, int] | None:
    """Let messages leave again; return how many do and how many are let go; None: not muted.

    Of several for one person about one thing only the newest leaves: an escalation that went
    round for days has nothing new to say in each.
    """
    if await tx.scalar(delete(Muting).returning(Muting.since)) is None:
        return None
    held = and_(Notification.status.in_(UNFINISHED), Notification.held_reason == MUTED)
    later = aliased(Notification)
    repeated = exists().where(
        later.about == Notification.about,
        later.person == Notification.person,
        later.event == Notification.event,
        later.status.in_(UNFINISHED),
        later.seq > Notification.seq,
    )
    old = update(Notification).where(held, repeated)
    gone = {"status": Status.CANCELLED, "cancelled_at": now, "last_error": MUTED}
    dropped = (
        await tx.scalars(old.values(gone).returning(Notification.id), execution_options=BLIND)
    ).all()
    owed = update(Notification).where(held).values(held_reason=None, next_try_at=now)
    leaving = (await tx.scalars(owed.returning(Notification.id), execution_options=BLIND)).all()
    notify(tx, CHANNEL)
    return len(leaving), len(dropped)


async def hold_muted(tx: AsyncSession, *, now: datetime) -> int:
    """Write down at what is due that it is held; return at how much. Nothing while unmuted."""
    due = update(Notification).where(
        Notification.status.in_(UNFINISHED),
        Notification.next_try_at <= now,
        select(Muting.only).exists(),
    )
    held = due.values(held_reason=MUTED, next_try_at=now + HELD_FOR)
    found = await tx.scalars(held.returning(Notification.id), execution_options=BLIND)
    return len(found.all())
