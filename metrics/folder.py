"""One process owns a data folder; another one waits as a stand-by until it is free."""

import asyncio
import fcntl
import logging
import os
import socket
from pathlib import Path

log = logging.getLogger(__name__)


class FolderLock:
    """An flock: the kernel lets go of it when its owner dies, however that happens."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "owner"
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Tell whether the folder is ours."""
        return self._file is not None

    async def acquire(self, *, every: float = 0.5) -> None:
        """Return when the folder is ours; while it is not, look again `every` seconds."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await self._wait(file, every)
        except BaseException:  # a cancellation, too: let go of it, and pass it on
            os.close(file)
            raise
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        self._file = file

    async def _wait(self, file: int, every: float) -> None:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if not told:
                    owner = os.pread(file, 200, 0).decode(errors="replace") or "another process"
                    log.warning("standing by: %s belongs to %s", self._path.parent, owner)
                    told = True
            await asyncio.sleep(every)

    def release(self) -> None:
        """Give the folder back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
