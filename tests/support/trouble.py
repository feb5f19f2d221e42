"""What goes wrong with a database and with a disk, made to order."""

import asyncio
import resource
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import pytest
from sqlalchemy import make_url, text

from kit.db import Database
from kit.postgres.sockets import NAME
from tests.support.postgres import connect

STUCK = """
SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query ILIKE $1 AND datname = current_database()
"""
FULL, OF_THE_ROW = "53100", "P0001"
"""SQLSTATEs: the database's disk is full; a trigger says no to a row."""


async def until(holds: Callable[[], bool], *, within: float = 5) -> None:
    """Wait until that is so."""
    for _ in range(round(within * 100)):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"it did not come to that within {within} seconds")


@asynccontextmanager
async def refusing(
    db: Database, table: str, when: str = "true", *, of: str = "INSERT", code: str = OF_THE_ROW
) -> AsyncIterator[None]:
    """Inside the block a trigger raises where `when` holds of the new row."""
    body = (
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {when} THEN "
        f"RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
    )
    trigger = f"BEFORE {of} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
    async with db.transaction() as tx:
        await tx.execute(text(body))
        await tx.execute(text(f"CREATE TRIGGER refuse {trigger}"))
    try:
        yield
    finally:
        async with db.transaction() as tx:
            await tx.execute(text("DROP FUNCTION refuse CASCADE"))


async def cut_in_the_middle(url: str, table: str, statement: str) -> None:
    """Wait until somebody is in the middle of `statement` on `table`, and cut his connection."""
    holder, watcher = await connect(url), await connect(url)
    await holder.execute("BEGIN")
    await holder.execute(f"LOCK TABLE {table} IN SHARE MODE")
    try:
        pid = await _stuck(watcher, statement)
        assert await watcher.fetchval("SELECT pg_terminate_backend($1, 2000)", pid)
    finally:
        await holder.close()
        await watcher.close()


async def _stuck(watcher: asyncpg.Connection, statement: str) -> int:
    for _ in range(500):
        pid: int | None = await watcher.fetchval(STUCK, statement)
        if pid:
            return pid
        await asyncio.sleep(0.01)
    pytest.fail(f"nobody was in the middle of {statement}")


@dataclass
class Line:
    """A way to the database that can be cut, frozen, or lose the answer to one statement."""

    to: str
    url: str = ""
    lost: int = 0
    _folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="line-")))
    _server: asyncio.Server | None = None
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _awaited: bytes | None = None
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        url = make_url(self.to).update_query_dict({"host": str(self._folder)})
        self.url = url.render_as_string(hide_password=False)
        await self.mend()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.cut()
        shutil.rmtree(self._folder)

    async def mend(self) -> None:
        """Let everything through."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._take, self._folder / NAME)

    async def cut(self) -> None:
        """Cut every connection; new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()
        self._flows.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """Take everything and answer nothing."""
        self._flows.clear()

    def loses_the_answer_to_the_commit_after(self, statement: bytes) -> None:
        """Let the next transaction with such a statement commit, and cut it off before it hears."""
        self._awaited = statement

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = Path(str(make_url(self.to).query["host"])) / NAME
        far_reader, far = await asyncio.open_unix_connection(there)
        self._ends |= {writer, far}
        lost = asyncio.Event()
        both = (self._there(reader, far, lost), self._back(far_reader, writer, lost))
        tasks = {asyncio.create_task(one) for one in both}
        self._tasks |= tasks
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, far):
            end.transport.abort()
        await asyncio.wait(tasks)
        self._ends -= {writer, far}
        self._tasks -= tasks

    async def _there(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        inside = False
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                if self._awaited and self._awaited in data:
                    self._awaited, inside = None, True
                if inside and b"COMMIT;" in data:
                    lost.set()
                far.write(data)

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                if lost.is_set():
                    self.lost += 1
                    return
                writer.write(data)


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """Inside the block no file of this process can grow beyond `most` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
