"""The main path: what one client's observations set in motion, all of it or nothing."""

from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from alerting import commands as alerting
from alerting.schemas import Observation, Observed
from incidents.commands import follow
from kit.db import Database, lock
from metrics.batch import Position
from notifications import commands as notifications

Allowed = Callable[[AsyncSession, Set[str]], Awaitable[None]]
"""Refuses if another replica has one of these groups of files by now, or "": the thresholds."""
THRESHOLDS = ""


async def carry(
    db: Database,
    client: str,
    seen: Sequence[Observation],
    *,
    position: Position | None,
    now: datetime,
    resolve_after: timedelta,
    still: Allowed | None = None,
) -> Observed:
    """Take one client's batch down the path in one transaction; return what moved.

    observations → alert rows → incidents, SLA clocks, first step → notifications queued.
    The commit wakes the sender; `position` is how far the rules have now read the journal.
    `still` is asked whether what is written is still ours: the rules of the batch, and with a
    position the thresholds, to which it belongs.
    """
    async with db.transaction() as tx:
        if still is not None:
            groups = {one.terms.group for one in seen}
            await still(tx, groups if position is None else groups | {THRESHOLDS})
        observed = await alerting.observe(tx, client, seen, position=position, now=now)
        await lock(tx, "client", client)  # so late: the next batch's alerts are written meanwhile
        promises = await follow(
            tx, client, observed.transitions, now=now, resolve_after=resolve_after
        )
        await notifications.queue(tx, promises, now=now)
    return observed
