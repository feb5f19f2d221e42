"""The command line: serve, apply, check, token, phone; what keeps an installation is beside it."""

import sys
from pathlib import Path

import click

from access.commands import make_token
from access.scope import SYSTEM, Right
from app import opening, phone, provisioning, server
from app.cli import examining, keeping, replaying
from app.cli.running import end, run, settings_here
from app.migrations import upgrade
from kit import logs
from kit.clock import system_clock
from kit.errors import Refusal
from kit.postgres.errors import CannotStart
from kit.sealing import Sealer

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Langyan 狼烟: metrics in, P1–P4 alerts out, somebody answers in time."""


@main.command()
def serve() -> None:
    """Serve until told to stop; settings are the environment, prefix LANGYAN_."""
    settings = settings_here()
    logs.start(settings.log_format)
    try:
        server.run(settings, system_clock)
    except (Refusal, CannotStart) as error:
        end(error)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--tests", is_flag=True, help="Run files of promtool's rule tests.")
def check(paths: tuple[Path, ...], tests: bool) -> None:
    """Read a folder of YAML and name every mistake by file, line and field."""
    if tests:
        examining.rule_tests(paths)
        return
    if len(paths) != 1 or not paths[0].is_dir():
        raise click.UsageError("check reads one folder; files of rule tests need --tests")
    (folder,) = paths
    found = provisioning.load([provisioning.DEFAULTS, folder])
    if isinstance(found, provisioning.Mistakes):
        click.echo(provisioning.report(found.mistakes), err=True)
        sys.exit(1)
    click.echo(provisioning.summary(found))


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
def apply(folder: Path, dry_run: bool) -> None:
    """Bring the installation to what a folder of YAML says."""
    run(_apply(folder, dry_run))


async def _apply(folder: Path, dry_run: bool) -> None:
    settings = settings_here()
    folders = [provisioning.DEFAULTS, folder]
    seal = Sealer(opening.keys_of(settings)).seal
    async with opening.reach_database(settings) as db:
        await upgrade(db)
        changes = await provisioning.apply(
            db, folders, seal=seal, now=system_clock(), dry_run=dry_run
        )
    click.echo(provisioning.describe(changes))


@main.group()
def token() -> None:
    """Tokens for programs."""


@token.command("create")
@click.argument("name")
@click.option("--client", help="The one client it is for; none: all of them.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([right.value for right in Right]),
)
def create_token(name: str, client: str | None, scopes: tuple[str, ...]) -> None:
    """Make a token and show it once."""
    run(_create_token(name, client, scopes))


async def _create_token(name: str, client: str | None, scopes: tuple[str, ...]) -> None:
    now = system_clock()
    async with opening.reach_database(settings_here()) as db:
        await upgrade(db)
        async with db.transaction() as tx:
            raw = await make_token(
                tx,
                name=name,
                client=client,
                rights=[Right(scope) for scope in scopes],
                by=SYSTEM,
                now=now,
            )
    click.echo(raw)


@main.command("phone")
@click.argument("port", type=click.IntRange(1, 65535), default=9911)
def listen(port: int) -> None:
    """Be a phone on loopback: answer 200 to webhooks and print what they say."""
    phone.listen(port)


COMMANDS = (
    keeping.backup,
    keeping.restore_command,
    keeping.mute,
    keeping.unmute,
    keeping.rotate_key,
    keeping.upgrade_database,
    examining.doctor,
    replaying.replay,
)
for command in COMMANDS:
    main.add_command(command)
