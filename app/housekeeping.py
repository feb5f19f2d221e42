"""What is kept is kept for a time: old samples, ended alerts, told notifications, old sessions."""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from access import commands as access
from alerting import commands as alerting
from incidents import queries as incidents
from notifications import commands as notifications

if TYPE_CHECKING:
    from app.house import House

log = logging.getLogger(__name__)

FOR_EVER = timedelta()


async def clean(house: "House", now: datetime) -> None:
    """Delete what is older than the retention; incidents and the audit trail stay for ever."""
    await house.store.upkeep.retain(now)
    retention = house.settings.retention
    async with house.db.transaction() as tx:
        await access.forget_sessions(tx, now=now)
        await access.forget_links(tx, now=now)
        if retention != FOR_EVER:
            await alerting.forget(tx, before=now - retention)
            going_on = await incidents.all_open(tx)
            await notifications.forget(tx, before=now - retention, but_about=going_on)
