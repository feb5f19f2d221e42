"""One embedded server for a run of the tests, shared by all its workers.

The first worker starts it as a process of its own; it leaves when the last worker has, however.
"""

import asyncio
import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from kit.settings import ROOT
from tests.support import serve_postgres

TEMPLATE = "langyan_template"


async def admin_url() -> str:
    """Return the URL of the shared server, started if nobody has yet; it may make databases."""
    return await asyncio.to_thread(_joined)


async def build_template(build: Callable[[str], Awaitable[None]]) -> None:
    """Let `build` fill the template, given its URL, unless another worker has done so."""
    unfinished = f"{TEMPLATE}_unfinished"
    connection = await _admin()
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", TEMPLATE)
        known = "SELECT 1 FROM pg_database WHERE datname = $1"
        if await connection.fetchval(known, TEMPLATE):
            return
        await connection.execute(f'DROP DATABASE IF EXISTS "{unfinished}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{unfinished}"')
        await build(_named(await admin_url(), unfinished))
        await connection.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{TEMPLATE}"')
    finally:
        await connection.close()


async def create_database(name: str, template: str = TEMPLATE) -> str:
    """Make `name` a fresh copy of `template`; return its URL."""
    connection = await _admin()
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await connection.close()
    return _named(await admin_url(), name)


def environment(**more: str) -> dict[str, str]:
    """Return what a program of ours needs to find the same modules as the tests."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **more}


async def connect(url: str) -> asyncpg.Connection:
    """Connect to a URL as SQLAlchemy writes it."""
    plain = make_url(url).set(drivername="postgresql")
    return await asyncpg.connect(plain.render_as_string(hide_password=False))


async def _admin() -> asyncpg.Connection:
    return await connect(await admin_url())


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _folder() -> Path:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"alone-{os.getpid()}"
    folder = Path(tempfile.gettempdir()) / f"langyan-tests-{os.getuid()}-{run}"
    folder.mkdir(mode=0o711, exist_ok=True)
    assert folder.lstat().st_uid == os.getuid(), f"{folder} belongs to somebody else"
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "turn").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


@cache
def _joined() -> str:
    while not _shares(folder := _folder()):
        continue
    with _alone(folder):
        known = folder / "url"
        if not known.exists():
            unfinished = known.with_suffix(".new")
            unfinished.write_text(_hosted(folder))
            unfinished.rename(known)
        return known.read_text()


def _shares(folder: Path) -> bool:
    """Count as a user of the server until this process ends, unless the server is leaving."""
    try:
        users = os.open(folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for one that leaves
        return os.path.samestat(os.fstat(users), os.stat(folder / "users"))
    except FileNotFoundError:
        return False


def _hosted(folder: Path) -> str:
    """Start the server in a process that Ctrl-C and the end of this worker do not reach."""
    read, write = os.pipe()
    log = os.open(folder / "service.log", os.O_WRONLY | os.O_CREAT, 0o600)
    os.posix_spawn(
        sys.executable,
        [sys.executable, serve_postgres.__file__, str(folder / "server"), str(folder / "users")],
        environment(),
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
        setsid=True,
    )
    os.close(write)
    os.close(log)
    with os.fdopen(read) as said:
        line = said.readline()
    assert line, f"no server: {(folder / 'service.log').read_text()}"
    url: str = json.loads(line)["url"]
    return url
