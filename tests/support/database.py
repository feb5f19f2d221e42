"""A database of its own for each parallel worker, copied from a template that was migrated."""

import asyncio
import os

from sqlalchemy.ext.asyncio import create_async_engine

from app.migrations import move
from tests.support import postgres


async def migrated(url: str) -> None:
    """Bring an empty database to the newest form."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(move)
        await connection.commit()
    await engine.dispose()


async def _prepared(worker: str) -> str:
    await postgres.build_template(migrated)
    return await postgres.create_database(f"langyan_test_{worker}")


def prepared(worker: str) -> str:
    """Return the URL of a fresh database for `worker`."""
    return asyncio.run(_prepared(f"{worker}_{os.getpid()}"))
