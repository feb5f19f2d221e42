"""How far the engine has taken our journal: two places in it, beside it on the disk.

The file is not forced to the disk: after a loss of power it may say less than is true, and what
lies between is looked up in the engine before it is sent.
"""

import os
import struct
from pathlib import Path

from metrics.batch import START, Position

_PLACES = struct.Struct("<qqqq")


class Mark:
    """`safe`: the engine has had everything up to here for a while; `tried`: nothing behind was."""

    def __init__(self, path: Path) -> None:
        self.safe = self.tried = START
        self._path = path
        self._file: int | None = None

    def open(self) -> None:
        """Read the places where a former process stood."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        said = os.pread(self._file, _PLACES.size, 0)
        if len(said) == _PLACES.size:
            segment, offset, *tried = _PLACES.unpack(said)
            self.safe, self.tried = Position(segment, offset), Position(*tried)

    def settle(self, position: Position) -> None:
        """Note that the engine has had everything up to `position` for a while."""
        self.safe = position
        self._write()

    def reach(self, position: Position) -> None:
        """Note that what follows up to `position` is about to be sent."""
        self.tried = max(self.tried, position)
        self._write()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self) -> None:
        if self._file is not None:
            places = (self.safe.segment, self.safe.offset, self.tried.segment, self.tried.offset)
            os.pwrite(self._file, _PLACES.pack(*places), 0)
