"""The command line: serve, apply, check, token, phone."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from access.commands import make_token
from access.scope import SYSTEM, Right
from app import opening, phone, provisioning, server
from app.migrations import upgrade
from kit import logs
from kit.clock import system_clock
from kit.errors import Refusal
from kit.postgres.errors import CannotStart
from kit.sealing import Sealer
from kit.settings import Settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for wrong in error.errors():
            name = "_".join(str(part) for part in wrong["loc"]).upper()
            click.echo(f"LANGYAN_{name}: {wrong['msg']}", err=True)
        sys.exit(2)


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (Refusal, CannotStart) as error:
        _end(error)


def _end(error: Exception) -> None:
    click.echo(f"langyan: {error}", err=True)
    sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Langyan 狼烟: metrics in, P1–P4 alerts out, somebody answers in time."""


@main.command()
def serve() -> None:
    """Serve until told to stop; settings are the environment, prefix LANGYAN_."""
    settings = _settings()
    logs.start(settings.log_format)
    try:
        server.run(settings, system_clock)
    except (Refusal, CannotStart) as error:
        _end(error)


@main.command()
@click.argument("folder", type=FOLDER)
def check(folder: Path) -> None:
    """Read a folder of YAML and name every mistake by file, line and field."""
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
    _run(_apply(folder, dry_run))


async def _apply(folder: Path, dry_run: bool) -> None:
    settings = _settings()
    folders = [provisioning.DEFAULTS, folder]
    seal = Sealer(opening.key_of(settings)).seal
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
    _run(_create_token(name, client, scopes))


async def _create_token(name: str, client: str | None, scopes: tuple[str, ...]) -> None:
    now = system_clock()
    async with opening.reach_database(_settings()) as db:
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
