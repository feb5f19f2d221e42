"""Where the socket lies: in the folder if the path is short enough, else in a short private one."""

import logging
import os
import socket
import stat
import tempfile
from pathlib import Path

from kit.postgres import files

log = logging.getLogger(__name__)

PORT = 5432
NAME = f".s.PGSQL.{PORT}"
AWKWARD = set(",:\"'\\\n")  # drivers take a host with these apart, or the server its list
LONGEST = 107  # bytes in sockaddr_un.sun_path, without the NUL


def place(folder: Path, owner: int) -> Path:
    """Return a directory for the socket that `owner` alone can enter."""
    inside = folder / "socket"
    if len(os.fsencode(inside / NAME)) <= LONGEST and not AWKWARD & set(str(inside)):
        inside.mkdir(mode=0o700, exist_ok=True)
        _hand(inside, owner)
        if private(inside, owner) and _holds_sockets(inside):
            return inside
    record = folder / "socket.path"
    recorded = Path(files.read(record) or "/nonexistent")
    if recorded.exists():
        if private(recorded, owner):
            return recorded
        log.warning("%s is not ours alone any more: taking another place", recorded)
    short = Path(tempfile.mkdtemp(prefix="langyan-", dir=_short_parent()))
    _hand(short, owner)
    files.write(record, str(short))
    return short


def private(place: Path, owner: int) -> bool:
    """Whether `place` is a directory, no link to one, that `owner` alone can enter."""
    try:
        found = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077


def clear(place: Path) -> None:
    """Take away what a server that was killed has left."""
    for name in (NAME, f"{NAME}.lock"):
        (place / name).unlink(missing_ok=True)


def leave(place: Path, folder: Path) -> None:
    """Take away a short directory after the server stopped."""
    if place.parent != folder:
        clear(place)
        place.rmdir()
        (folder / "socket.path").unlink(missing_ok=True)


def _short_parent() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    mine = os.geteuid() != 0 and private(Path(runtime or "/nonexistent"), os.geteuid())
    return runtime if mine and len(os.fsencode(runtime)) < 60 else "/tmp"


def _hand(place: Path, owner: int) -> None:
    if os.geteuid() == 0 and place.lstat().st_uid != owner:
        os.chown(place, owner, owner, follow_symlinks=False)


def _holds_sockets(place: Path) -> bool:
    """Whether the file system takes sockets: some of those shared into containers do not."""
    trial = place / "trial"
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(trial))
    except OSError:
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True
