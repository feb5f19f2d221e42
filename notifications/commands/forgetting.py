"""What was told long ago is forgotten, with its receipts."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, delete
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.lifecycle import UNFINISHED
from notifications.tables import Notification


async def forget(tx: AsyncSession, *, before: datetime, but_about: Collection[UUID] = ()) -> None:
    """Delete notifications that were promised before that moment and are over.

    `but_about` are things that have not ended: who was told of them is owed the end.
    """
    over = Notification.status.not_in(UNFINISHED)
    ended = Notification.about != cast(list(but_about), ARRAY(Uuid)).all_()
    await tx.execute(delete(Notification).where(Notification.created_at < before, over, ended))
