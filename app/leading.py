"""Which of several replicas passes verdicts: the one that holds the lease, renewed all the time.

Only where another engine keeps the samples are there several; over our own store one process owns
the data folder, and always leads.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from kit import leases
from kit.db import UNREACHED, Database
from kit.leases import Taken

log = logging.getLogger(__name__)

RULES = "rules"
REPLICA = "replica"
EVERY = 1.5
WITHIN = 3.0
"""Seconds that PostgreSQL may take to renew it; the lease is twice as long."""


class Lead:
    """Holds the lease or waits for it; `gained` and `lost` are called when that changes."""

    def __init__(self, db: Database, holder: Callable[[], str]) -> None:
        self.held = False
        self.others = 0
        self._db, self._holder = db, holder
        self._renewed = 0.0
        self._unreached = False

    async def follow(
        self,
        gained: Callable[[datetime | None], Awaitable[None]],
        lost: Callable[[], Awaitable[None]],
    ) -> None:
        """Renew the lease, or try to take it, until cancelled."""
        while True:
            taken = await self._try()
            now = asyncio.get_running_loop().time()
            if taken:
                self._renewed = now
            if taken and not self.held:
                await gained(taken.former)
                self.held = True
                log.info("this process passes verdicts now")
            elif self.held and not taken and not self._trusted(now):
                self.held = False
                log.warning("another process passes verdicts now")
                await lost()
            await asyncio.sleep(EVERY)

    async def still(self, tx: AsyncSession) -> None:
        """Refuse to write what only the leader may, if that is no longer us."""
        await leases.ours(tx, RULES, self._holder())

    async def close(self) -> None:
        """Let another replica take over at once."""
        try:
            async with asyncio.timeout(WITHIN), self._db.transaction() as tx:
                await leases.give_back(tx, RULES, self._holder())
        except (*UNREACHED, TimeoutError) as error:
            log.warning("the lease runs out by itself: %s", error)

    def _trusted(self, now: float) -> bool:
        """While PostgreSQL is away nobody can take the lease, and nothing can be written."""
        return self._unreached and now - self._renewed < leases.LENGTH.total_seconds()

    async def _try(self) -> Taken | None:
        self._unreached = False
        try:
            async with asyncio.timeout(WITHIN), self._db.transaction() as tx:
                self.others = await leases.present(tx, REPLICA, self._holder())
                return await leases.take(tx, RULES, self._holder())
        except (*UNREACHED, TimeoutError) as error:
            self._unreached = True
            log.warning("the lease was not renewed: %s", error)
            return None
