"""The embedded PostgreSQL: `start` it, use its `url`, `stop` it. Linux only.

It runs as long as this process: the kernel shuts it down when we are killed, and what a crash
leaves running all the same is adopted by the next start.
"""

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

import psutil

from kit.postgres import footing, programs, sockets
from kit.postgres.cluster import Cluster
from kit.postgres.errors import CannotStart
from kit.postgres.lock import Lock, claim
from kit.postgres.opening import open_server
from kit.postgres.postmaster import Postmaster
from kit.postgres.programs import Programs

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0
LONGEST_PAUSE = 30.0


class Running:
    """A PostgreSQL that answers; should it die, it is started again under the same URL."""

    def __init__(self, cluster: Cluster, lock: Lock, server: Postmaster, version: str) -> None:
        self.version = version
        self._cluster = cluster
        self._lock = lock
        self._server = server
        self._watch: asyncio.Task[None] | None = asyncio.create_task(self._keep_alive())

    @property
    def url(self) -> str:
        """How SQLAlchemy reaches it, over asyncpg and the socket."""
        return self._cluster.url(self._server.socket)

    @property
    def pid(self) -> int:
        """The server's first process."""
        return self._server.pid

    async def stop(self) -> None:
        """Shut it down and let go of the folder; a second call does nothing."""
        if self._watch is None:
            return
        watch, self._watch = self._watch, None
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await self._server.stop()
        sockets.leave(self._server.socket, self._cluster.folder)
        self._lock.release()

    async def _keep_alive(self) -> None:
        while True:
            if await self._server.ended(LOOK_EVERY):
                log.error("PostgreSQL ended by itself (see %s)", self._cluster.log.path)
                self._server = await self._again()
                log.info("PostgreSQL runs again")
            try:
                await asyncio.to_thread(self._cluster.log.trim)
            except OSError as fault:
                log.warning("the log of PostgreSQL was not trimmed: %s", fault)

    async def _again(self) -> Postmaster:
        pause = 0.5
        while True:
            try:
                server, _ = await open_server(self._cluster)
            except (CannotStart, OSError) as fault:
                log.error("%s; trying again in %d s", fault, pause)
            else:
                return server
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


async def start(
    folder: Path,
    *,
    durable: bool = True,
    patience: float = 10.0,
    brought: Programs | None = None,
) -> Running:
    """Run the PostgreSQL of `folder`, made if new; wait `patience` seconds for another to leave.

    Raises CannotStart. What is not `durable` is faster, and lost when the machine fails. `brought`
    are other programs than those of the wheel, for a folder that they made.
    """
    try:
        folder = _made(folder)
        lock = await claim(folder, patience)
        try:
            cluster = await _prepared(folder, durable, brought)
            server, version = await open_server(cluster)
        except BaseException:  # a cancellation, too: let go of it, and pass it on
            lock.release()
            raise
    except (OSError, psutil.Error) as error:
        raise CannotStart(f"PostgreSQL cannot run in {folder}: {error}") from error
    log.info("PostgreSQL %s runs in %s", version, folder)
    return Running(cluster, lock, server, version)


def _made(folder: Path) -> Path:
    # root's server runs as somebody else, who has to get through, but not to look around
    folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    return folder.resolve()


async def _prepared(folder: Path, durable: bool, brought: Programs | None) -> Cluster:
    work = asyncio.create_task(asyncio.to_thread(_prepare, folder, durable, brought))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])  # a thread cannot be called off: the folder is still in use
        raise


def _prepare(folder: Path, durable: bool, brought: Programs | None) -> Cluster:
    found = brought or programs.find()
    chosen = footing.choose(folder, folder / "data", found)
    cluster = Cluster(folder, found, chosen, durable)
    cluster.prepare()
    return cluster
