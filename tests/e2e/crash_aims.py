"""Finding the moment at which the program is in the middle of something."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.support.embedded import url_of
from tests.support.phone import Answer, Phone
from tests.support.postgres import connect
from tests.support.program import Program

PATIENCE = 8.0
SLOW = Answer(delay=0.4)
STUCK = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query ILIKE $1 AND datname = current_database()
"""


@dataclass
class Moment:
    """What is being done at this moment, if we found it, and the lock that keeps it there."""

    hit: bool
    holder: Any = None

    def passes(self) -> None:
        """Let go, after the kill."""
        if self.holder is not None:
            self.holder.terminate()


async def at_random(program: Program, phone: Phone) -> Moment:
    """Wait for no particular moment."""
    await asyncio.sleep(random.uniform(0.2, 2.0))
    return Moment(hit=True)


async def in_the_transaction(program: Program, phone: Phone) -> Moment:
    """Wait until a batch is stuck between its incidents and its notifications."""
    return await _stuck(program, "notifications", "INSERT INTO notifications%")


async def in_the_flush(program: Program, phone: Phone) -> Moment:
    """Wait until the chunk writer is stuck in its COPY."""
    return await _stuck(program, "chunks", "COPY%chunks%")


async def in_the_send(program: Program, phone: Phone) -> Moment:
    """Wait until the receiver has a message and has not answered yet."""
    heard = len(phone.calls)
    phone.always_answers(SLOW, name="li")
    try:
        await phone.rings(heard + 1, within=PATIENCE)
    except TimeoutError:
        return Moment(hit=False)
    await asyncio.sleep(random.uniform(0, 0.3))
    return Moment(hit=True)


async def in_the_start(program: Program, phone: Phone) -> Moment:
    """Kill once before, and wait until the next life is somewhere on its way up."""
    program.kill()
    program.spawn()
    await asyncio.sleep(random.uniform(0.5, 4.0))
    return Moment(hit=True)


async def _stuck(program: Program, table: str, statement: str) -> Moment:
    """Hold `table` until somebody is stuck writing to it inside a transaction."""
    await asyncio.sleep(random.uniform(0.2, 1.0))
    holder = await connect(url_of(program.folder))
    watcher = await connect(url_of(program.folder))
    await holder.execute("BEGIN")
    await holder.execute(f"LOCK TABLE {table} IN SHARE MODE")
    try:
        return Moment(await _seen(watcher, statement), holder)
    finally:
        watcher.terminate()


async def _seen(watcher: asyncpg.Connection, statement: str) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if await watcher.fetchval(STUCK, statement):
            return True
        await asyncio.sleep(0.005)
    return False


Aim = Callable[[Program, Phone], Awaitable[Moment]]
AIMS: tuple[Aim, ...] = (at_random, in_the_transaction, in_the_flush, in_the_send, in_the_start)
