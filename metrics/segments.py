"""The journal as an outsider copies it, while its owner writes on and cuts what is done with.

A segment that is held open can be read to its end, also after its owner has deleted it.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from metrics.journal import SUFFIX, Damage, scan

BLOCK = 1 << 20


class Held:
    """The segments of a folder, each held open from when it was first seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def look(self) -> None:
        """Hold the segments that are there now and not held yet."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if path.name not in self._files:
                with suppress(FileNotFoundError):  # cut since it was listed: not ours to keep
                    self._files[path.name] = self._open.enter_context(path.open("rb"))

    @property
    def size(self) -> int:
        """How much there is to copy."""
        return sum(file.seek(0, io.SEEK_END) for file in self._files.values())

    def copies(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each segment's name and its bytes, oldest first; the last ends with a record."""
        for name, file in sorted(self._files.items()):
            size = file.seek(0, io.SEEK_END)
            newest = name == max(self._files)
            yield name, _blocks(file, _whole(file, size) if newest else size)


def _whole(file: BinaryIO, size: int) -> int:
    """Return where the last record ends that was written wholly."""
    good = 0
    file.seek(0)
    for offset, found in scan(file, size):
        if found in (Damage.TORN, Damage.HEADER):
            break
        good = offset
    return good


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    file.seek(0)
    while size and (block := file.read(min(BLOCK, size))):
        size -= len(block)
        yield block
