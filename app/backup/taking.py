"""Taking a backup, also while the service writes.

The order is the point. The journal's segments are held open, then the database's snapshot begins,
then newer segments are held as well: what the snapshot does not have in chunks stands in them,
though the service cut them meanwhile. A start on both goes on like one after a crash.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from access.scope import SYSTEM
from app import migrations, opening
from app.backup import rows
from app.backup.archive import FORMAT, Manifest, TableFacts, Writer
from app.backup.progress import Progress, Tell, in_words
from kit.db import Database
from kit.errors import Conflict, Invalid, Overloaded
from kit.keys import FORMER, NAME, fingerprint
from kit.settings import Settings
from metrics import ownership
from metrics.segments import Held

SAMPLES, JOURNAL = "samples", "samples/journal"
TAKEN = "installation.backup"
SOON = 60.0
"""Seconds to begin in; the journal keeps a segment for six minutes after its last record."""


@dataclass(frozen=True)
class Taken:
    """What a backup came to."""

    bytes: int
    rows: int
    segments: int

    def __str__(self) -> str:
        return f"{in_words(self.bytes)}: {self.rows:,} rows, {self.segments} segments of journal"


async def take(settings: Settings, path: Path, *, now: datetime, tell: Tell) -> Taken:
    """Write the whole installation into one new file at `path`."""
    if not settings.database_url and not (settings.data_dir / "postgres" / "data").exists():
        raise Invalid(f"there is no installation in {settings.data_dir}")
    async with opening.reach_database(settings) as db:
        return await write(settings, db, path, now=now, tell=tell)


async def write(
    settings: Settings, db: Database, path: Path, *, now: datetime, tell: Tell
) -> Taken:
    """Write the installation whose database is `db` into one new file at `path`."""
    key = _key(settings)
    with Writer(path) as writer, Held(settings.data_dir / JOURNAL) as held:
        await _leave_a_trace(db, path, now)
        return await _written(settings, db, writer, held, (key, now), tell)


def _key(settings: Settings) -> str:
    if not settings.secret_key and not (settings.data_dir / NAME).exists():
        raise Invalid(
            f"the key is missing: neither LANGYAN_SECRET_KEY nor {settings.data_dir}/{NAME}"
        )
    return opening.keys_of(settings).current


async def _leave_a_trace(db: Database, path: Path, now: datetime) -> None:
    """Write into the audit trail that everything was copied; old tables have no place for it."""
    async with db.engine.connect() as connection:
        at = await connection.run_sync(migrations.revision)
    if at is None:
        raise Invalid("the database is empty: there is nothing to back up")
    if at == migrations.head():
        async with db.transaction() as tx:
            audit(tx, who=SYSTEM.name, did=TAKEN, on=path.name, now=now)


async def _written(
    settings: Settings,
    db: Database,
    writer: Writer,
    held: Held,
    made: tuple[str, datetime],
    tell: Tell,
) -> Taken:
    key, now = made
    began = time.monotonic()
    held.look()
    async with db.snapshot() as session:
        tables = await rows.tables(session)  # with this the snapshot begins
        held.look()
        if time.monotonic() - began > SOON:
            raise Overloaded("the snapshot took more than a minute to begin; try again")
        await rows.hold(session, tables)
        _put_identity(settings, writer, await ownership.owner(session))
        progress = Progress(tell, "backup", await rows.size(session) + held.size)
        facts = [await _table(session, table, writer, progress) for table in tables]
        manifest = await _manifest(session, facts, key, now)
    segments = 0
    for name, blocks in held.copies():
        writer.put(f"journal/{name}", _counted(blocks, progress))
        segments += 1
    if not settings.secret_key:
        _put_keys(settings.data_dir, writer)
    size = writer.finish(manifest.model_copy(update={"parts": writer.parts}))
    return Taken(size, sum(table.rows for table in facts), segments)


def _put_identity(settings: Settings, writer: Writer, owner: str | None) -> None:
    """Take along which folder this is, after seeing that the journal here is the database's."""
    if owner is None:
        return
    path = settings.data_dir / SAMPLES / ownership.NAME
    if not path.exists() or path.read_text().strip() != owner:
        raise Conflict(
            f"the journal of this database is not in {settings.data_dir}: its newest samples would "
            "be missing; set LANGYAN_DATA_DIR to the folder that goes with it"
        )
    writer.put(f"{SAMPLES}/{ownership.NAME}", [owner.encode()])


def _put_keys(folder: Path, writer: Writer) -> None:
    for name in (NAME, FORMER):
        if (folder / name).exists():
            writer.put(name, [(folder / name).read_bytes()])


async def _table(
    session: AsyncSession, table: rows.Table, writer: Writer, progress: Progress
) -> TableFacts:
    with writer.part(f"tables/{table.name}") as part:

        async def sink(block: bytes) -> None:
            part.write(block)
            progress.add(len(block))

        count = await rows.copy_out(session, table, sink)
    return TableFacts(name=table.name, columns=list(table.columns), rows=count)


async def _manifest(
    session: AsyncSession, tables: list[TableFacts], key: str, now: datetime
) -> Manifest:
    connection = await session.connection()
    at = await connection.run_sync(migrations.revision)
    assert at is not None
    return Manifest(
        format=FORMAT,
        made_at=now,
        langyan=version("langyan"),
        postgres=await session.scalar(text("SHOW server_version")) or "",
        revision=at,
        key=fingerprint(key),
        tables=tables,
        # read last: numbers are given outside of transactions, and must not be given twice
        sequences=await rows.sequences(session),
        parts={},
    )


def _counted(blocks: Iterable[bytes], progress: Progress) -> Iterable[bytes]:
    for block in blocks:
        progress.add(len(block))
        yield block
