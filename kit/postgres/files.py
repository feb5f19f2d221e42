"""Files beside the database's own folder: never through a link, never left to root by accident."""

import os
from pathlib import Path


def opened(path: Path, flags: int) -> int:
    """Open or create `path`, mode 0600, for whoever owns the folder it lies in."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    owner = path.parent.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        os.fchown(descriptor, owner, -1)  # so that the owner can start it alone the next time
    return descriptor


def write(path: Path, text: str) -> None:
    """Replace what stands in `path`."""
    with os.fdopen(opened(path, os.O_WRONLY | os.O_TRUNC), "w") as file:
        file.write(text)


def read(path: Path) -> str:
    """Return what stands in `path`, or nothing."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def sync(folder: Path) -> None:
    """Make what was renamed or created in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def own(tree: Path, uid: int) -> None:
    """Give `tree` and all in it to `uid`, its top last, so that half a job shows."""
    for _, folders, names, descriptor in os.fwalk(tree, topdown=False, follow_symlinks=False):
        for name in (*folders, *names):
            os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(tree, uid, uid, follow_symlinks=False)
