"""The data folder: private to us, with secrets that are made once."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from kit.postgres import files


def private(folder: Path) -> Path:
    """Return `folder`, made if need be, open to its owner alone; parents are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def secret(path: Path, *, size: int = 32) -> tuple[str, bool]:
    """Return the secret kept at `path` (mode 0600) and whether it was made just now."""
    if path.exists():
        return path.read_text().strip(), False
    made = secrets.token_urlsafe(size)
    write(path, [made.encode()])
    return made, True


def write(path: Path, blocks: Iterable[bytes]) -> None:
    """Let `path` be these bytes, mode 0600; it is either what it was or whole, also on the disk."""
    new = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    files.sync(path.parent)
