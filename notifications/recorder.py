"""Receipts on their way to the database: what comes while a statement runs goes with the next."""

import asyncio
import logging
from functools import partial

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from kit.clock import Clock
from kit.db import Database
from notifications import commands
from notifications.commands import Done
from notifications.lifecycle import Status

log = logging.getLogger(__name__)

MOST = 200
AGAIN_AFTER = 0.5

AWAY = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""How a database that is away shows itself."""


class Recorder:
    """Writes the receipts of many sends in one transaction; one it refuses is written alone."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._waiting: list[tuple[Done, asyncio.Future[Status | None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self.lost = 0
        """Receipts that could not be written while their lease lasted."""

    async def keep(self, done: Done) -> Status | None:
        """Write down an attempt; None: the lease has passed, or the database stayed away."""
        kept: asyncio.Future[Status | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((done, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="receipts")
        return await kept

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            attempts = [done for done, _ in batch]
            try:
                async with self._db.transaction() as tx:
                    found = await commands.record_all(tx, attempts, now=self._clock())
            except AWAY as error:
                log.warning("%d receipts are written one by one: %s", len(batch), error)
                for done, kept in batch:
                    alone = asyncio.create_task(self._alone(done))
                    alone.add_done_callback(partial(_pass_on, kept))
                continue
            for done, kept in batch:
                if not kept.done():
                    kept.set_result(found.get(done.sent.id))

    async def _alone(self, done: Done) -> Status | None:
        sent = done.sent
        while True:
            try:
                async with self._db.transaction() as tx:
                    now = self._clock()
                    return await commands.record(tx, sent, done.outcome, took=done.took, now=now)
            except AWAY as error:
                log.warning("cannot record %s yet: %s", sent.sent_key, error)
                if self._clock() >= sent.leased_until:
                    log.error("%s was %s, unrecorded", sent.sent_key, done.outcome.kind)
                    self.lost += 1
                    return None
            await asyncio.sleep(AGAIN_AFTER)


def _pass_on(kept: asyncio.Future[Status | None], task: asyncio.Task[Status | None]) -> None:
    if kept.done():
        return
    if task.cancelled():
        kept.cancel()
    elif error := task.exception():
        kept.set_exception(error)
    else:
        kept.set_result(task.result())
