"""Before the doors open: the database found or started, secrets, what must always be there."""

import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access.commands import ensure_built_ins
from app import provisioning
from kit.db import Database
from kit.errors import Conflict, Invalid
from kit.folder import private
from kit.keys import NAME, Former, KeptRing, Ring
from kit.postgres.reaching import running
from kit.postgres.server import start
from kit.sealing import Sealer
from kit.settings import Settings

log = logging.getLogger(__name__)

STAGE = "restoring"
"""The folder in a data folder where a restore or an upgrade builds what it will put into place."""


@dataclass(frozen=True)
class Secrets:
    """The installation's keys, and the admin token if it was made just now."""

    keys: Ring
    admin_token: str | None = None


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of the settings: somebody's PostgreSQL, or our own, started and stopped here."""
    refuse_half_made(settings.data_dir)
    if settings.database_url:
        db = Database(settings.database_url)
        try:
            yield db
        finally:
            await db.close()
        return
    server = await start(settings.data_dir / "postgres")
    db = Database(server.url)
    try:
        yield db
    finally:
        await db.close()
        await server.stop()


@asynccontextmanager
async def reach_database(settings: Settings) -> AsyncIterator[Database]:
    """The database for a command: the one of a service that runs, else as `open_database`."""
    url = None if settings.database_url else running(settings.data_dir / "postgres")
    if url is None:
        async with open_database(settings) as db:
            yield db
        return
    db = Database(url, pool=2)
    try:
        yield db
    finally:
        await db.close()


def refuse_half_made(folder: Path) -> None:
    """Keep everybody from working on what an interrupted restore or upgrade has left."""
    if (folder / STAGE).exists():
        raise Conflict(
            "a restore into {folder}, or an upgrade of its database, was interrupted: run "
            "`langyan restore` (with --move-aside if it says that there is an installation) or "
            "`langyan upgrade-database` again",
            folder=str(folder),
        )


def keys_of(settings: Settings) -> Ring:
    """Return the keys that sign and seal; ours is made once and kept in the data folder."""
    if settings.secret_key:
        before = settings.secret_key_previous
        return Ring(settings.secret_key, [Former(before)] if before else [])
    if settings.database_url:
        raise Invalid(
            "set LANGYAN_SECRET_KEY: with a database of your own every replica needs the same key",
            field="SECRET_KEY",
        )
    kept = KeptRing(private(settings.data_dir))
    if kept.made:
        log.info("made the installation's key: %s", settings.data_dir / NAME)
    return kept


async def prepare(
    db: Database,
    settings: Settings,
    *,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
) -> Secrets:
    """See that built-ins stand and the YAML is applied; a bad file stops us here."""
    keys = keys_of(settings)
    async with db.transaction() as tx:
        made = await ensure_built_ins(tx, admin_token=settings.admin_token, now=now)
    if made.admin_token:
        show_once(made.admin_token)
    seal = Sealer(keys).seal
    changes = await provisioning.apply(db, folders(settings), seal=seal, now=now, environ=environ)
    if changes:
        log.info("configuration: %d changes", len(changes))
    return Secrets(keys, made.admin_token)


def folders(settings: Settings) -> list[Path]:
    """Return the folders of YAML that hold: what we ship, then the operator's own."""
    return [provisioning.DEFAULTS, *([settings.config] if settings.config else [])]


def show_once(token: str) -> None:
    """Show the admin token; it is kept as a digest and never shown again."""
    line = "─" * 64
    sys.stderr.write(
        f"{line}\n  The admin token, shown this once:\n\n      {token}\n\n"
        f"  Sign in as `admin` with it, or send it as a Bearer token.\n{line}\n"
    )
    sys.stderr.flush()
