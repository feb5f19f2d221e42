"""Bringing the tables up to date at start, one process at a time."""

import asyncio
import logging

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from kit.db import Database
from kit.settings import ROOT

log = logging.getLogger(__name__)

LOCK = 7_145_991_204_331
"""The advisory lock under which one process migrates while the others wait."""
PARTS = ("chunks_", "rollups_5m_", "rollups_1h_")
"""What the parts of tables are called; they come and go."""


def config() -> Config:
    """Return Alembic's configuration, found from the checkout and not from the working folder."""
    found = Config(str(ROOT / "alembic.ini"))
    found.set_main_option("script_location", str(ROOT / "alembic"))
    return found


def ours(name: str | None, kind: str, _: object) -> bool:
    """Tell whether a name in the database is one that the tables declare: no part of one is."""
    return kind != "table" or not str(name).startswith(PARTS)


def move(connection: Connection, *, to: str = "head", down: bool = False) -> None:
    """Bring the tables behind `connection` up (or down) to a revision."""
    found = config()
    found.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(found, to)


def revision(connection: Connection) -> str | None:
    """Return the revision the database stands at; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the newest revision that this program brings."""
    return ScriptDirectory.from_config(config()).get_current_head()


def chain() -> list[str]:
    """Return every revision that this program knows, the newest first."""
    return [step.revision for step in ScriptDirectory.from_config(config()).walk_revisions()]


async def upgrade(db: Database) -> None:
    """Bring the tables up to this program's revision; safe when several processes start at once."""
    async with db.engine.connect() as guard:
        await guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        try:
            async with db.engine.connect() as connection:
                at = await connection.run_sync(revision)
                await connection.rollback()
                if at != head():
                    log.info("migrating the database from %s to %s", at or "nothing", head())
                    await connection.run_sync(move)
                    await connection.commit()
        finally:
            await asyncio.shield(
                guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            )
