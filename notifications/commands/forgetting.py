"""What was told long ago is forgotten, with its receipts."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.lifecycle import UNFINISHED
from notifications.tables import Notification


async def forget(tx: AsyncSession, *, before: datetime) -> None:
    """Delete notifications that were promised before that moment and are over."""
    over = Notification.status.not_in(UNFINISHED)
    await tx.execute(delete(Notification).where(Notification.created_at < before, over))
