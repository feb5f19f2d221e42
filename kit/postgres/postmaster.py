"""The server's first process: who it is, whether it lives, and how it is ended."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from kit.postgres import files
from kit.postgres.child import Child


@dataclass(frozen=True)
class Note:
    """What the server writes about itself into postmaster.pid."""

    pid: int
    socket: Path | None
    status: str


def note(data: Path) -> Note | None:
    """Read postmaster.pid, which may be half written or absent."""
    lines = files.read(data / "postmaster.pid").splitlines()
    if not lines or not lines[0].strip().isdigit():
        return None
    socket = Path(lines[4]) if len(lines) > 4 and lines[4].strip() else None
    return Note(int(lines[0]), socket, lines[7].strip() if len(lines) > 7 else "starting")


def living(data: Path) -> Note | None:
    """Return the server that runs on `data`; a note whose server is provably gone is removed."""
    found = note(data)
    if found is None or _works_in(found.pid, data):
        return found
    # PostgreSQL itself asks only whether the number is in use, and it may have been given away.
    (data / "postmaster.pid").unlink(missing_ok=True)
    return None


def left_behind(data: Path) -> list[int]:
    """Return the processes of a server on `data`, also those whose first process was killed."""
    return [pid for pid in psutil.pids() if _called_postgres(pid) and _works_in(pid, data)]


def _called_postgres(pid: int) -> bool:
    return files.read(Path(f"/proc/{pid}/comm")).strip() == "postgres"


def _works_in(pid: int, data: Path) -> bool:
    """Whether `pid` is a PostgreSQL with `data` as its working directory, as all of its are."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not _called_postgres(pid):
            return False
        at = data.stat()
        if process.uids().effective != at.st_uid:
            return False  # it would have refused to run on what belongs to another
        return _same_place(process, at, data)
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False


def _same_place(process: psutil.Process, at: os.stat_result, data: Path) -> bool:
    try:
        here = os.stat(f"/proc/{process.pid}/cwd")  # by inode: it may see other paths
    except PermissionError:  # root in a container may not look, but sees how we start it
        return process.cmdline()[1:3] == ["-D", str(data)]
    return (at.st_dev, at.st_ino) == (here.st_dev, here.st_ino)


class Postmaster:
    """A server that runs: our child, or one we found, with a `keeper` that lives as long."""

    def __init__(
        self, keeper: Child, *, data: Path, socket: Path, found: int | None = None
    ) -> None:
        self.pid = keeper.pid if found is None else found
        self.socket = socket
        self._keeper = keeper
        self._data = data

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._keeper.over

    async def ended(self, timeout: float | None = None) -> bool:
        """Wait for its end; return whether it came in time."""
        try:
            await asyncio.wait_for(self._keeper.ended(), timeout)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End it: sessions are cut off; after three seconds also without a checkpoint."""
        for sign, patience in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 1.0)):
            self._send(sign)
            if await self.ended(patience):
                return
        for pid in {self.pid, *await asyncio.to_thread(left_behind, self._data)}:
            send(pid, signal.SIGKILL, self._data)
        await self.ended()

    def _send(self, sign: signal.Signals) -> None:
        if self.pid == self._keeper.pid:
            self._keeper.send(sign)
        else:
            send(self.pid, sign, self._data)


def send(pid: int, sign: signal.Signals, data: Path) -> None:
    """Send a signal to `pid` if it still is a server on `data`."""
    if _works_in(pid, data):
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
