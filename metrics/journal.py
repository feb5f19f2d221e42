"""The journal: every accepted request body, as it was received, before anybody is told "kept".

A segment is a file of records: header (magic, length, CRC of the content, arrival in ms, lengths
of client and port, CRC of the header itself), then client, port and body. The header's own CRC
makes its length trustworthy, so a record whose content is damaged can be skipped.
"""

import asyncio
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from kit.errors import Overloaded
from metrics.batch import Position

log = logging.getLogger(__name__)

MAGIC = b"LYJ1"
HEADER = struct.Struct("<4sIIqBB")
CHECK = struct.Struct("<I")
SIZE = HEADER.size + CHECK.size
SUFFIX = ".journal"


class Sync(StrEnum):
    """When records are forced to the disk: within a second, or before the answer."""

    EVERYSEC = "everysec"
    ALWAYS = "always"


@dataclass(frozen=True)
class Record:
    """One request: `client` None is a token for all clients."""

    port: str
    client: str | None
    arrived: int
    body: bytes


def packed(record: Record) -> tuple[bytes, bytes]:
    """Return a record in two parts as they stand in a segment; the second is its body, uncopied."""
    client, port = (record.client or "").encode(), record.port.encode()
    names = client + port
    size, crc = len(names) + len(record.body), zlib.crc32(record.body, zlib.crc32(names))
    header = HEADER.pack(MAGIC, size, crc, record.arrived, len(client), len(port))
    return header + CHECK.pack(zlib.crc32(header)) + names, record.body


class Damage(StrEnum):
    """What is wrong at a place in a segment."""

    TORN = "torn"
    HEADER = "header"
    CONTENT = "content"


def scan(file: BinaryIO, size: int, at: int = 0) -> Iterator[tuple[int, Record | Damage]]:
    """Yield each record of a segment from `at` on with the offset behind it.

    TORN and HEADER end the segment and carry the offset where they begin; CONTENT is one record
    whose CRC fails, and the next follows.
    """
    file.seek(at)
    while at < size:
        head = file.read(SIZE)
        if len(head) < SIZE:
            yield at, Damage.TORN
            return
        magic, length, crc, arrived, client_bytes, port_bytes = HEADER.unpack_from(head)
        (check,) = CHECK.unpack_from(head, HEADER.size)
        if magic != MAGIC or check != zlib.crc32(head[: HEADER.size]):
            yield at, Damage.HEADER
            return
        if at + SIZE + length > size:
            yield at, Damage.TORN
            return
        content = file.read(length)
        at += SIZE + length
        if zlib.crc32(content) != crc:
            yield at, Damage.CONTENT
            continue
        client = content[:client_bytes].decode() or None
        port = content[client_bytes : client_bytes + port_bytes].decode()
        yield at, Record(port, client, arrived, content[client_bytes + port_bytes :])


class Journal:
    """Segments in a folder; one process writes. Numbers of segments grow, whatever was lost."""

    def __init__(
        self,
        folder: Path,
        *,
        sync: Sync = Sync.EVERYSEC,
        segment_bytes: int = 64 * 1024 * 1024,
        spare_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        self.folder = folder
        self.sync = sync
        self.segment_bytes = segment_bytes
        self.spare_bytes = spare_bytes
        self.damaged = 0
        self.lost_bytes = 0
        self.sync_failures = 0
        self._sizes: dict[int, int] = {}
        self._latest: dict[int, int] = {}
        self._file: int | None = None
        self._segment = 0
        self._retired: list[int] = []
        self._dirty = False
        self._broken = False
        self._unchecked = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position:
        """The place behind the last record."""
        return Position(self._segment, self._sizes.get(self._segment, 0))

    @property
    def segments(self) -> int:
        """How many segments there are."""
        return len(self._sizes)

    @property
    def bytes_kept(self) -> int:
        """Bytes of all segments: what a start has to replay."""
        return sum(self._sizes.values())

    def load(self) -> None:
        """Find the segments, and cut off what a crash left half written at the end of the last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            self._sizes[int(path.stem)] = path.stat().st_size
        if not self._sizes:
            return
        last = max(self._sizes)
        with self._path(last).open("r+b") as file:
            good = 0
            for offset, found in scan(file, self._sizes[last]):
                good = good if found is Damage.CONTENT else offset
                if isinstance(found, Damage) and found is not Damage.CONTENT:
                    break
            if good < self._sizes[last]:
                lost = self._sizes[last] - good
                log.warning("journal: cut off %d torn bytes of segment %d", lost, last)
                self.lost_bytes += lost
                file.truncate(good)
                os.fsync(file.fileno())
                self._sizes[last] = good

    def records(self) -> Iterator[tuple[Position, Record]]:
        """Yield every readable record, oldest first; what is damaged is counted and reported."""
        for segment, size in sorted(self._sizes.items()):
            with self._path(segment).open("rb") as file:
                for offset, found in scan(file, size):
                    if isinstance(found, Record):
                        self._latest[segment] = found.arrived
                        yield Position(segment, offset), found
                    else:
                        self._report(segment, offset, found)

    def bytes_behind(self, position: Position) -> int:
        """Return how many bytes were written behind a place."""
        return sum(
            size - (position.offset if segment == position.segment else 0)
            for segment, size in self._sizes.items()
            if segment >= position.segment
        )

    async def after(self, position: Position, most: int) -> tuple[Position, list[Record]]:
        """Return the next records behind a place, some `most` bytes, and the place behind them."""
        ends = {number: end for number, end in self._sizes.items() if number >= position.segment}
        return await asyncio.to_thread(self._after, position, dict(sorted(ends.items())), most)

    def _after(
        self, position: Position, ends: dict[int, int], most: int
    ) -> tuple[Position, list[Record]]:
        found: list[Record] = []
        for segment, size in ends.items():
            begin = position.offset if segment == position.segment else 0
            with self._path(segment).open("rb") as file:
                for offset, record in scan(file, size, begin):
                    if isinstance(record, Record):
                        found.append(record)
                        most -= len(record.body)
                        position = Position(segment, offset)
                    if most <= 0:
                        return position, found
            position = Position(segment, size)
        return position, found

    def _report(self, segment: int, offset: int, damage: Damage) -> None:
        self.damaged += 1
        if damage is not Damage.CONTENT:
            self.lost_bytes += self._sizes[segment] - offset
        log.error("journal: segment %d is damaged (%s) at %d", segment, damage, offset)

    def begin(self, now: int) -> None:
        """Start a segment to write to; `now` in ms keeps numbers growing if the folder was lost."""
        for segment in [number for number, size in self._sizes.items() if not size]:
            self._drop(segment)
        self._open(max([now // 1000, *(number + 1 for number in self._sizes)]))
        if self.sync is Sync.EVERYSEC:
            self._task = asyncio.create_task(self._every_second())

    def rotate(self) -> None:
        """Go on in a new segment, unless this one is empty."""
        if self._sizes[self._segment]:
            self._open(self._segment + 1)

    def _open(self, segment: int) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        try:
            file = os.open(self._path(segment), flags, 0o600)
        except OSError as wrong:
            raise Overloaded(f"the journal cannot be written: {wrong.strerror}") from wrong
        if self._file is not None:
            self._retired.append(self._file)
        self._file, self._segment, self._broken = file, segment, False
        self._sizes[segment] = 0

    def append(self, record: Record) -> Position:
        """Write a record and return the place behind it; a full disk leaves no trace of it."""
        if self._file is None:
            raise Overloaded("the journal is closed")
        if self._broken or self._sizes[self._segment] >= self.segment_bytes:
            self._open(self._segment + 1)
        parts = packed(record)
        size = sum(map(len, parts))
        self._check_space(size)
        start = self._sizes[self._segment]
        try:
            _write(self._file, parts, start)
        except OSError as wrong:
            with suppress(OSError):
                os.ftruncate(self._file, start)
            log.error("journal: a record was not written: %s", wrong)
            raise Overloaded(f"the journal cannot be written: {wrong.strerror}") from wrong
        self._sizes[self._segment] = start + size
        self._latest[self._segment] = record.arrived
        self._dirty = True
        return self.position

    def _check_space(self, coming: int) -> None:
        # asked again only after a tenth of the spare room has been written
        self._unchecked -= coming
        if self._unchecked > 0:
            return
        disk = os.statvfs(self.folder)
        free = disk.f_bavail * disk.f_frsize
        if free < self.spare_bytes:
            raise Overloaded("the disk is almost full", retry_after=30)
        self._unchecked = self.spare_bytes // 10

    async def synced(self) -> None:
        """Return when everything appended so far is as safe as the setting says."""
        if self.sync is Sync.EVERYSEC:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._for_all_waiting())
        await done

    async def _for_all_waiting(self) -> None:
        while self._waiting:
            served, self._waiting = self._waiting, []
            failure = await self._force()
            for done in served:
                if done.done():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(Overloaded("the journal could not be forced to the disk"))

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(1)
            if self._dirty:
                await self._force()

    async def _force(self) -> OSError | None:
        self._dirty = False
        retired, current = tuple(self._retired), self._file
        files = retired if current is None else (*retired, current)
        try:
            await asyncio.to_thread(_fsync, files, self.folder)
        except OSError as wrong:
            # the kernel may have dropped the pages: never trust this file with another record
            self.sync_failures += 1
            self._broken = True
            log.error("journal: fsync failed: %s", wrong)
            return wrong
        for file in retired:
            self._retired.remove(file)
            os.close(file)
        return None

    def cut(self, before: Position, arrived: int) -> None:
        """Delete segments that end at or before a place and got nothing since `arrived` ms."""
        for segment, size in sorted(self._sizes.items()):
            ended = Position(segment, size) <= before and self._latest.get(segment, 0) < arrived
            if segment != self._segment and ended:
                self._drop(segment)

    def _drop(self, segment: int) -> None:
        self._path(segment).unlink(missing_ok=True)
        del self._sizes[segment]
        self._latest.pop(segment, None)

    def _path(self, segment: int) -> Path:
        return self.folder / f"{segment:012d}{SUFFIX}"

    async def close(self) -> None:
        """Force what is written to the disk and let go of the files."""
        if self._task is not None and self.sync is Sync.EVERYSEC:
            self._task.cancel()
            await asyncio.wait([self._task])
        elif self._task is not None:
            await self._task
        if self._file is None:
            return
        await self._force()
        for file in (*self._retired, self._file):
            os.close(file)
        self._file, self._retired = None, []


def _write(file: int, parts: Sequence[bytes], at: int) -> None:
    written = os.pwritev(file, parts, at)
    if written < sum(map(len, parts)):  # the disk is about to be full
        rest = memoryview(b"".join(parts))[written:]
        while rest:
            at += written
            written = os.pwrite(file, rest, at)
            rest = rest[written:]


def _fsync(files: tuple[int, ...], folder: Path) -> None:
    for file in files:
        os.fsync(file)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
