"""An installation out of a backup: checked as a whole first, put into place at the end.

Everything is built in the folder `restoring` inside the data folder; `langyan serve` refuses to
start while it is there.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from access.commands import audit
from access.scope import SYSTEM
from app import migrations, muting
from app.backup import rows
from app.backup.archive import Archive, Manifest, TableFacts
from app.backup.progress import Progress, Tell
from app.backup.taking import SAMPLES
from app.opening import STAGE
from kit.db import Database
from kit.errors import Conflict, Invalid
from kit.folder import private, write
from kit.keys import FORMER, NAME, fingerprint
from kit.postgres import files
from kit.postgres.reaching import running
from kit.postgres.server import start
from kit.settings import Settings
from metrics import ownership
from metrics.folder import FolderLock

PLACES = ("postgres", SAMPLES, NAME, FORMER)
RESTORED = "installation.restore"
LET_GO = 2.0


@dataclass(frozen=True)
class How:
    """What becomes of an installation that is there, and whether the new one tells people."""

    aside: bool
    live: bool
    now: datetime


def verify(archive: Archive, tell: Tell) -> None:
    """Refuse a backup of which any byte is not as it was written, or that is not for us."""
    _known(archive.manifest.revision, archive.manifest)
    total = sum(part.bytes for part in archive.manifest.parts.values())
    progress = Progress(tell, "check", total)
    for count in archive.verify():
        progress.add(count)


def _known(revision: str, manifest: Manifest) -> None:
    if revision not in migrations.chain():
        raise Invalid(
            f"the backup was made by Langyan {manifest.langyan}, which is newer "
            f"(its tables are at {revision}): restore it with that one"
        )


async def restore(
    settings: Settings,
    archive: Archive,
    *,
    aside: bool,
    now: datetime,
    tell: Tell,
    live: bool = False,
) -> Path | None:
    """Make the installation of the settings what the backup holds; unless `live` it is muted.

    One that is there is refused, or moved `aside`: then the folder it went to is returned.
    """
    verify(archive, tell)
    _check_key(settings, archive.manifest)
    folder = private(settings.data_dir)
    async with ours(folder):
        if running(folder / "postgres"):
            raise Conflict(f"the database of {folder} is in use: wait for the command that uses it")
        found = [name for name in PLACES if (folder / name).exists()]
        if found and not aside:
            raise Conflict(
                f"{folder} holds an installation ({', '.join(found)}): restore into an empty "
                "folder, or say --move-aside"
            )
        stage = await stage_in(folder)
        _write_files(archive, stage)
        await _fill(settings, archive, stage, How(aside, live, now), tell)
        old = _move_aside(folder, found, now) if found else None
        for name in PLACES:
            if (stage / name).exists():
                (stage / name).rename(folder / name)
        stage.rmdir()
        files.sync(folder)
    return old


def _check_key(settings: Settings, manifest: Manifest) -> None:
    if settings.secret_key:
        if fingerprint(settings.secret_key) != manifest.key:
            raise Invalid(
                "LANGYAN_SECRET_KEY is not the key of this backup: what is sealed in it could "
                f"not be opened (the backup's is {manifest.key}, this one is "
                f"{fingerprint(settings.secret_key)})",
                field="SECRET_KEY",
            )
    elif settings.database_url or NAME not in manifest.parts:
        where = " (unzip -p FILE secret_key shows it)" if NAME in manifest.parts else ""
        raise Invalid(
            f"set LANGYAN_SECRET_KEY to the key {manifest.key}{where}", field="SECRET_KEY"
        )


@asynccontextmanager
async def ours(folder: Path) -> AsyncIterator[None]:
    """The folder, which nobody may serve from meanwhile."""
    owned = FolderLock(folder)
    try:
        async with asyncio.timeout(LET_GO):
            await owned.acquire()
    except TimeoutError:
        raise Conflict(f"a service runs on {folder}: stop it first") from None
    try:
        yield
    finally:
        owned.release()


async def stage_in(folder: Path) -> Path:
    """Return the folder to build in, without what an earlier try has left there."""
    stage = folder / STAGE
    if stage.exists():
        await asyncio.to_thread(shutil.rmtree, stage)
    stage.mkdir(mode=0o711)  # the embedded database may run as somebody else
    return stage


def _write_files(archive: Archive, stage: Path) -> None:
    """Write the journal, the folder's identity and the key."""
    for name in archive.manifest.parts:
        place, _, rest = name.partition("/")
        if place == "journal":
            path = stage / SAMPLES / "journal" / Path(rest).name
        elif name in (NAME, FORMER, f"{SAMPLES}/{ownership.NAME}"):
            path = stage / name
        else:
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(path, archive.blocks(name))


async def _fill(settings: Settings, archive: Archive, stage: Path, how: How, tell: Tell) -> None:
    """Bring the rows into the database: our own, new in the stage, or the operator's."""
    muted = not how.live
    if settings.database_url is None:
        await fill_new(stage / "postgres", archive, now=how.now, tell=tell, muted=muted)
        return
    db = Database(settings.database_url, pool=2)
    try:
        await _make_room(db, how.aside, how.now)
        await fill(db, archive, now=how.now, tell=tell, muted=muted)
    finally:
        await db.close()


async def fill_new(
    folder: Path,
    archive: Archive,
    *,
    now: datetime,
    tell: Tell,
    did: str = RESTORED,
    muted: bool | None = None,
) -> None:
    """Make an embedded database in `folder` and bring the rows into it."""
    server = await start(folder)
    db = Database(server.url, pool=2)
    try:
        await fill(db, archive, now=now, tell=tell, did=did, muted=muted)
    finally:
        await db.close()
        await server.stop()


async def _make_room(db: Database, aside: bool, now: datetime) -> None:
    """See that the operator's database has nothing in it, or rename the schema it is in."""
    async with db.transaction() as tx:
        if await rows.empty(tx):
            return
        if not aside:
            raise Conflict(
                "the database holds an installation: restore into an empty one, or say --move-aside"
            )
        schema = rows.quoted(await tx.scalar(text("SELECT current_schema()")) or "public")
        old = rows.quoted(_stamped(now).replace("-", "_"))
        await tx.execute(text(f"ALTER SCHEMA {schema} RENAME TO {old}"))
        await tx.execute(text(f"CREATE SCHEMA {schema}"))


async def fill(
    db: Database,
    archive: Archive,
    *,
    now: datetime,
    tell: Tell,
    did: str = RESTORED,
    muted: bool | None = None,
) -> None:
    """Make the tables as they were at the backup, write their rows, bring all of it up to date.

    `muted` None: it tells people or not, as it did.
    """
    manifest = archive.manifest
    async with db.engine.connect() as connection:
        if await connection.run_sync(migrations.revision):  # tables without a row
            await connection.rollback()
            await connection.run_sync(migrations.move, to="base", down=True)
        await connection.run_sync(migrations.move, to=manifest.revision)
        await connection.commit()
    total = sum(part.bytes for name, part in manifest.parts.items() if name.startswith("tables/"))
    progress = Progress(tell, "restore", total)
    given = {table.name: table for table in manifest.tables}
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL statement_timeout = 0"))
        await rows.clear(tx)
        known = {table.name for table in await rows.tables(tx)}
        for name in sorted(given.keys() - known):
            tell(f"left out: the table {name}, which is not Langyan's")
        for name in await rows.in_order(tx, given.keys() & known):
            table = rows.Table(name, tuple(given[name].columns))
            count = await rows.copy_in(tx, table, _blocks(archive, given[name], progress))
            assert count == given[name].rows, f"{name}: {count} rows"
        await rows.go_on(tx, manifest.sequences)
    await migrations.upgrade(db)
    async with db.transaction() as tx:
        made = {"made_at": manifest.made_at.isoformat(), "langyan": manifest.langyan}
        audit(tx, who=SYSTEM.name, did=did, on=archive.path.name, now=now, facts=made)
        if muted:
            why = f"restored from {archive.path.name}"
            await muting.mute(tx, why=why, by=SYSTEM, now=now)
        elif muted is False:
            await muting.unmute(tx, now=now)


async def _blocks(archive: Archive, table: TableFacts, progress: Progress) -> AsyncIterator[bytes]:
    for block in archive.blocks(f"tables/{table.name}"):
        progress.add(len(block))
        yield block


def _move_aside(folder: Path, names: list[str], now: datetime) -> Path:
    old = folder / _stamped(now)
    old.mkdir(mode=0o711)
    for name in names:
        (folder / name).rename(old / name)
    return old


def _stamped(now: datetime) -> str:
    return f"before-restore-{now:%Y%m%d-%H%M%S}"
