"""Connections of one's own: who takes all of them leaves the others theirs."""

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import select

from kit.db import Database


async def test_who_holds_all_its_connections_starves_nobody_else(db: Database) -> None:
    greedy, other = db.share(1), db.share(1)
    async with AsyncExitStack() as held:
        for _ in range(2):
            tx = await held.enter_async_context(greedy.transaction())
            await tx.execute(select(1))
        waiting = asyncio.create_task(_asks(greedy))
        async with asyncio.timeout(2):
            assert await _asks(other) == 1
            assert await _asks(db) == 1
        assert not waiting.done()
    assert await waiting == 1


async def _asks(db: Database) -> int | None:
    async with db.snapshot() as session:
        found: int | None = await session.scalar(select(1))
        return found
