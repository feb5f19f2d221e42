"""Commands that keep an installation: backup, restore, rotate-key, upgrade-database."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import SYSTEM
from app import muting, opening
from app.backup.archive import Archive
from app.backup.moving import move
from app.backup.progress import in_words
from app.backup.restoring import restore, verify
from app.backup.taking import take
from app.cli.running import end, run, settings_here, tell
from app.migrations import upgrade
from app.rekeying import rotate
from kit.clock import system_clock
from kit.errors import Refusal

T = TypeVar("T")
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("backup")
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write the whole installation into one new file, also while it serves."""
    taken = run(take(settings_here(), file, now=system_clock(), tell=tell))
    tell(f"{file}: {taken}")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--check", is_flag=True, help="Only see whether the file is whole and say what it is."
)
@click.option("--move-aside", is_flag=True, help="Keep the installation that is there beside it.")
@click.option("--live", is_flag=True, help="Let it tell people at once: it takes over.")
def restore_command(file: Path, check: bool, move_aside: bool, live: bool) -> None:
    """Make an installation out of a backup, muted unless --live; the service must not run."""
    try:
        with Archive(file) as archive:
            if check:
                verify(archive, tell)
                click.echo(described(archive))
                return
            how = {"aside": move_aside, "live": live}
            old = run(restore(settings_here(), archive, **how, now=system_clock(), tell=tell))
            tell(f"restored what was kept {archive.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
            if old is not None:
                tell(f"the installation that was there lies in {old}")
            if not live:
                tell("it is muted: nobody is told anything until `langyan unmute`")
    except Refusal as error:
        end(error)


@click.command("mute")
@click.option("--reason", required=True, help="Why; it stands on every page.")
def mute(reason: str) -> None:
    """Tell nobody anything until `langyan unmute`, also while it serves."""
    run(_switched(lambda tx, now: muting.mute(tx, why=reason, by=SYSTEM, now=now)))
    tell("muted: messages are held")


@click.command("unmute")
def unmute() -> None:
    """Tell people again, also while it serves; what was held and is still owed leaves."""
    found = run(_switched(lambda tx, now: muting.unmute(tx, now=now)))
    if found is None:
        tell("it was not muted; nothing was changed")
    else:
        tell(f"unmuted: {found[0]} held messages leave, {found[1]} older ones were let go")


async def _switched(verb: Callable[[AsyncSession, datetime], Awaitable[T]]) -> T:
    async with opening.reach_database(settings_here()) as db:
        await upgrade(db)
        async with db.transaction() as tx:
            return await verb(tx, system_clock())


def described(archive: Archive) -> str:
    """Return in one line what a backup is."""
    found = archive.manifest
    total = in_words(sum(part.bytes for part in found.parts.values()))
    rows = sum(table.rows for table in found.tables)
    return (
        f"whole: made {found.made_at:%Y-%m-%d %H:%M:%S} UTC by Langyan {found.langyan} on "
        f"PostgreSQL {found.postgres}, tables at {found.revision}, key {found.key}, "
        f"{rows:,} rows, {total} unpacked"
    )


@click.command("rotate-key")
@click.option("--reseal", is_flag=True, help="Make no new key, only seal all with the newest.")
@click.option("--at-once", is_flag=True, help="Forget the old key now: links that were sent end.")
def rotate_key(reseal: bool, at_once: bool) -> None:
    """Give the installation another key and seal everything anew, also while it serves."""
    settings = settings_here()
    done = run(rotate(settings, reseal_only=reseal, at_once=at_once, now=system_clock()))
    tell(f"the key in use is {done.key}; {done.anew} secrets were sealed anew with it")
    if done.shut:
        tell(
            f"{done.shut} secrets cannot be opened with any key that is known: enter them again, "
            "or put their key back; former keys are kept until then"
        )
    if done.until:
        tell(f"links signed with former keys hold until {done.until:%Y-%m-%d %H:%M} UTC at most")
    elif settings.secret_key:
        tell("LANGYAN_SECRET_KEY_PREVIOUS can be taken away when no link is needed any more")
    else:
        tell("links that were sent before have ended")


@click.command("upgrade-database")
@click.option(
    "--old-binaries",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="LANGYAN_OLD_POSTGRES_BIN",
    help="The folder bin of the PostgreSQL that wrote the database; it is looked for else.",
)
def upgrade_database(old_binaries: Path | None) -> None:
    """Move the embedded database of an older PostgreSQL to the one that this Langyan brings."""
    old = run(move(settings_here(), old_binaries, now=system_clock(), tell=tell))
    if old is None:
        tell("the database is of this version already; nothing was changed")
    else:
        tell(f"moved; the old database lies in {old}: remove it when you are content")
