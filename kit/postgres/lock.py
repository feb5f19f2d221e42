"""One service at a time in a folder."""

import asyncio
import fcntl
import logging
import os
from pathlib import Path

from kit.postgres import files
from kit.postgres.errors import CannotStart

log = logging.getLogger(__name__)

_held: set[int] = set()


def _forget() -> None:
    # A forked child shares the lock and might outlive us: it must not hold the folder.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget)


class Lock:
    """The right to run the database of a folder, until `release` or our end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _held.add(descriptor)

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor in _held:
            _held.remove(self._descriptor)
            os.close(self._descriptor)


async def claim(folder: Path, patience: float) -> Lock:
    """Wait `patience` seconds at most for another service to let go, then refuse."""
    descriptor = files.opened(folder / "lock", os.O_RDWR)
    until = asyncio.get_running_loop().time() + patience
    told = False
    try:
        while not _locked(descriptor):
            holder = os.pread(descriptor, 20, 0).decode() or "unknown"
            if asyncio.get_running_loop().time() >= until:
                raise CannotStart(f"{folder} is in use by another Langyan (process {holder})")
            if not told:
                log.info("waiting for process %s to let go of %s", holder, folder)
                told = True
            await asyncio.sleep(0.1)
    except BaseException:  # a cancellation, too: let go of it, and pass it on
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return Lock(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
