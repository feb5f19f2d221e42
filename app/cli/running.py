"""What every command does alike: read the settings, run, end with one line and a code."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import click
from pydantic import ValidationError

from kit.db import UNREACHED
from kit.errors import Refusal
from kit.postgres.errors import CannotStart
from kit.settings import Settings

T = TypeVar("T")


def settings_here() -> Settings:
    """Return the settings of the environment, or name those that are wrong and end."""
    try:
        return Settings()
    except ValidationError as error:
        for wrong in error.errors():
            name = "_".join(str(part) for part in wrong["loc"]).upper()
            click.echo(f"LANGYAN_{name}: {wrong['msg']}", err=True)
        sys.exit(2)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command to its end; what it is refused, and a disk that fails, is one line."""
    try:
        return asyncio.run(work)
    except (Refusal, CannotStart, *UNREACHED) as error:
        end(error)


def end(error: Exception) -> NoReturn:
    """End with what went wrong."""
    click.echo(f"langyan: {error}", err=True)
    sys.exit(1)


def tell(line: str) -> None:
    """Say something about the work that is under way."""
    click.echo(line, err=True)
