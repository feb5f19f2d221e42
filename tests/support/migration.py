"""Writes a new migration from the tables: `python -m tests.support.migration "what it does"`."""

import asyncio
import sys

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from app.migrations import config, head, move
from tests.support import postgres


def _written(connection: Connection, message: str) -> None:
    move(connection)
    known = config()
    known.attributes["connection"] = connection
    number = f"{int(head() or 0) + 1:04d}"
    command.revision(known, message=message, autogenerate=True, rev_id=number)


async def main(message: str) -> None:
    """Bring an empty database to head, compare it with the tables, write what differs."""
    engine = create_async_engine(await postgres.create_database("migration", "template1"))
    async with engine.connect() as connection:
        await connection.run_sync(_written, message)
        await connection.rollback()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
