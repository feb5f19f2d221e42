"""Commands that keep an installation: backup, restore."""

from pathlib import Path

import click

from app.backup.archive import Archive
from app.backup.progress import in_words
from app.backup.restoring import restore, verify
from app.backup.taking import take
from app.cli.running import end, run, settings_here, tell
from kit.clock import system_clock
from kit.errors import Refusal

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
def restore_command(file: Path, check: bool, move_aside: bool) -> None:
    """Make an installation out of a backup; the service must not run."""
    try:
        with Archive(file) as archive:
            if check:
                verify(archive, tell)
                click.echo(described(archive))
                return
            work = restore(
                settings_here(), archive, aside=move_aside, now=system_clock(), tell=tell
            )
            old = run(work)
            tell(f"restored what was kept {archive.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
            if old is not None:
                tell(f"the installation that was there lies in {old}")
    except Refusal as error:
        end(error)


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
