"""Finding the moment at which the program is in the middle of writing."""

import asyncio
import time

import asyncpg

PATIENCE = 8.0
WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
WHERE NOT granted AND relname = $1
"""


async def in_the_middle_of_writing(url: str, table: str) -> asyncpg.Connection | None:
    """Hold `table` until somebody is stuck writing to it inside a transaction; None if nobody is.

    The lock is still held when this returns: kill first, then terminate the connection.
    """
    holder = await asyncpg.connect(url)
    await holder.execute("BEGIN")
    await holder.execute(f"LOCK TABLE {table} IN SHARE MODE")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if await holder.fetchval(WAITING, table):
            return holder
        await asyncio.sleep(0.005)
    holder.terminate()
    return None
