"""The embedded database of an older major version of PostgreSQL, moved to the one that we bring.

The old programs read it once more, into a backup; a new database is made from that, and the old
folder stays aside. Interrupted anywhere, the command can be given again.
"""

import asyncio
from datetime import datetime
from pathlib import Path

from app.backup.archive import Archive
from app.backup.progress import Tell
from app.backup.restoring import fill_new, ours, stage_in, verify
from app.backup.taking import write
from app.opening import STAGE
from kit.db import Database
from kit.errors import Conflict, Invalid
from kit.postgres import files, programs
from kit.postgres.server import start
from kit.settings import Settings

MOVED = "installation.upgrade_database"
PLACE, WHOLE = "postgres", "whole"


async def move(
    settings: Settings, binaries: Path | None, *, now: datetime, tell: Tell
) -> Path | None:
    """Bring the database to our version; return where the old one lies, None if it is already."""
    if settings.database_url:
        raise Invalid("LANGYAN_DATABASE_URL is set: that database is yours to upgrade")
    folder = settings.data_dir
    if not folder.is_dir():
        raise Invalid(f"there is no installation in {folder}")
    async with ours(folder):
        _finish(folder)
        found = files.read(folder / PLACE / "data" / "PG_VERSION").strip()
        if not found.isdigit():
            raise Invalid(f"there is no embedded database in {folder}")
        if int(found) == programs.MAJOR:
            return None
        aside = folder / f"{PLACE}.{found}"
        if aside.exists():
            raise Conflict(f"{aside} is there already: move it away first")
        old = await asyncio.to_thread(programs.older, found, binaries)
        saved = folder / f"before-upgrade-{now:%Y%m%d-%H%M%S}.backup"
        await _save(settings, old, saved, now=now, tell=tell)
        stage = await stage_in(folder)
        with Archive(saved) as archive:
            verify(archive, tell)
            await fill_new(stage / PLACE, archive, now=now, tell=tell, did=MOVED)
        (stage / WHOLE).touch()
        (folder / PLACE).rename(aside)
        _finish(folder)
        saved.unlink()
    return aside


async def _save(
    settings: Settings, old: programs.Programs, path: Path, *, now: datetime, tell: Tell
) -> None:
    server = await start(settings.data_dir / PLACE, brought=old)
    db = Database(server.url, pool=2)
    try:
        await write(settings, db, path, now=now, tell=tell)
    finally:
        await db.close()
        await server.stop()


def _finish(folder: Path) -> None:
    """Put a new database that is whole into the place that the old one has left."""
    stage = folder / STAGE
    if (stage / WHOLE).exists() and not (folder / PLACE).exists():
        (stage / PLACE).rename(folder / PLACE)
        (stage / WHOLE).unlink()
        stage.rmdir()
        files.sync(folder)
