"""From whatever state the folder was left in to a server that answers."""

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import TypeVar

import asyncpg

from kit.postgres import child, postmaster, sockets
from kit.postgres.child import Child
from kit.postgres.cluster import DATABASE, ROLE, Cluster
from kit.postgres.errors import CannotStart
from kit.postgres.postmaster import Note, Postmaster

log = logging.getLogger(__name__)

T = TypeVar("T")

TELL_EVERY = 5.0
ORPHANS_HAVE = 10.0
STILL_IN_USE = "is still in use"


async def open_server(cluster: Cluster) -> tuple[Postmaster, str]:
    """Adopt the server that runs in the folder, or start one; return it and its version."""
    while True:
        server = await _adopted(cluster) or await _started(cluster)
        try:
            version = await _greeted(cluster, server)
        except BaseException:  # a cancellation, too: let go of it, and pass it on
            await server.stop()
            raise
        if version is not None:
            return server, version


async def patiently(look: Callable[[], T | None], waiting_for: str) -> T:
    """Look until there is something to see, however long it takes, and say so now and then."""
    clock = asyncio.get_running_loop().time
    began = told = clock()
    pause = 0.01
    while (seen := look()) is None:
        if clock() - told >= TELL_EVERY:
            told = clock()
            log.info("waiting for %s (%d s so far)", waiting_for, told - began)
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 0.25)
    return seen


async def _adopted(cluster: Cluster) -> Postmaster | None:
    found = postmaster.living(cluster.data)
    if found is None:
        return None
    if found.status != "stopping":
        log.info("PostgreSQL already runs here (process %d): taking it over", found.pid)
        settled = await patiently(lambda: _settled(cluster, found), "PostgreSQL to recover")
        if settled.status == "ready" and _reachable(cluster, settled):
            guard = Child(child.guarding(found.pid), cluster.log.append())
            assert settled.socket is not None
            place = {"data": cluster.data, "socket": settled.socket}
            return Postmaster(guard, found=found.pid, **place)
        log.warning("it cannot be reached: starting it again")
        postmaster.send(found.pid, signal.SIGINT, cluster.data)
    gone = f"PostgreSQL (process {found.pid}) to shut down"
    await patiently(lambda: postmaster.living(cluster.data) is None or None, gone)
    return None


def _settled(cluster: Cluster, found: Note) -> Note | None:
    """Return what the server has become, once it is no longer starting."""
    now = postmaster.living(cluster.data)
    if now is None:
        return Note(found.pid, None, "gone")
    return None if now.status == "starting" else now


def _reachable(cluster: Cluster, found: Note) -> bool:
    socket = found.socket
    return (
        socket is not None
        and sockets.private(socket, cluster.footing.owner)
        and (socket / sockets.NAME).exists()
    )


async def _started(cluster: Cluster) -> Postmaster:
    told = False
    while True:
        await _bury(cluster)
        socket = sockets.place(cluster.folder, cluster.footing.owner)
        sockets.clear(socket)
        mark = cluster.log.size()
        process = Child(cluster.serve(socket), cluster.log.append())
        server = Postmaster(process, data=cluster.data, socket=socket)
        try:
            await _decided(cluster, server)
        except BaseException:  # a cancellation, too: let go of it, and pass it on
            await server.stop()
            raise
        if not server.over:
            return server
        said = cluster.log.since(mark)
        if STILL_IN_USE not in said:
            raise CannotStart(f"PostgreSQL did not start: {child.last(said)}")
        if not told:
            log.info("waiting for what is left of an earlier PostgreSQL")
            told = True
        await asyncio.sleep(1)


async def _decided(cluster: Cluster, server: Postmaster) -> None:
    """Wait until a server is ready or has given up."""

    def look() -> bool | None:
        found = postmaster.note(cluster.data)
        ready = found is not None and found.pid == server.pid and found.status == "ready"
        return True if ready or server.over else None

    await patiently(look, "PostgreSQL to recover")


async def _bury(cluster: Cluster) -> None:
    """Wait for processes whose server was killed; they end by themselves, or are told to."""
    clock = asyncio.get_running_loop().time
    until = clock() + ORPHANS_HAVE
    told = 0
    while left := await asyncio.to_thread(postmaster.left_behind, cluster.data):
        if told != len(left):
            told = len(left)
            log.info("waiting for %d processes of an earlier PostgreSQL to end", told)
        for pid in left if clock() > until else ():
            postmaster.send(pid, signal.SIGQUIT, cluster.data)  # nobody awaits its answer
        await asyncio.sleep(0.1)


async def _greeted(cluster: Cluster, server: Postmaster) -> str | None:
    """Return the version once the server answers, or None if it ended instead."""
    while not server.over:
        try:
            connection = await asyncpg.connect(
                host=str(server.socket),
                port=sockets.PORT,
                user=ROLE,
                database=DATABASE,
                passfile=str(cluster.password_file),
                timeout=5,
            )
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError) as error:
            log.info("PostgreSQL does not answer yet: %s", error)
            await server.ended(0.2)
        except asyncpg.PostgresError as error:
            raise CannotStart(f"PostgreSQL in {cluster.folder} turns us away: {error}") from error
        else:
            version: str = connection.get_settings().server_version
            await connection.close()
            return version
    return None
