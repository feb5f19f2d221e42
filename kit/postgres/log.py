"""The log PostgreSQL writes: how it is opened, read and kept small."""

import os
from pathlib import Path
from typing import IO

from kit.postgres import files

LIMIT = 8 * 2**20


class Log:
    """`postgres.log`; when it passes the limit its content moves to `postgres.log.1`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self) -> IO[bytes]:
        """Open it for a program to write to."""
        return os.fdopen(files.opened(self.path, os.O_WRONLY | os.O_APPEND), "wb", buffering=0)

    def size(self) -> int:
        """Return how much stands in it."""
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, mark: int) -> str:
        """Return what was written after it had the size `mark`."""
        with self.path.open("rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")

    def trim(self, limit: int = LIMIT) -> None:
        """Move it aside if it is too long; the server goes on writing to the emptied file."""
        if self.size() <= limit:
            return
        older = self.path.with_name(f"{self.path.name}.1")
        files.write(older, self.since(max(0, self.size() - limit)))
        os.truncate(self.path, 0)
