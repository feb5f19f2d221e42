"""The file of a backup: a zip of parts with a manifest, every byte that is used under SHA-256.

The manifest is written last and its own digest stands in the archive's comment, so that a file
which was cut short, or changed anywhere, is known for it before anything is done with it.
"""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from kit.errors import Invalid
from kit.postgres import files

FORMAT = 1
MANIFEST = "manifest.json"
COMMENT = b"langyan backup 1 sha256:"
BLOCK = 1 << 20
WORTH_IT = 0.9
"""A part whose first block does not shrink below this is stored as it is: chunks, bodies."""


class Part(BaseModel):
    """One thing inside: its size before compression and what it has to hash to."""

    bytes: int
    sha256: str


class TableFacts(BaseModel):
    """A table's rows: the columns in their order; the part holds COPY's binary format."""

    name: str
    columns: list[str]
    rows: int


class Manifest(BaseModel):
    """What a backup says about itself."""

    model_config = ConfigDict(extra="forbid")

    format: int
    made_at: datetime
    langyan: str
    postgres: str
    revision: str
    key: str
    tables: list[TableFacts]
    sequences: dict[str, int]
    parts: dict[str, Part]


def damaged(path: Path, why: str) -> Invalid:
    """Return the refusal of a file that is not a whole backup."""
    return Invalid(f"{path} is not a whole backup: {why}; nothing was changed")


class Writer:
    """Writes a backup beside its final name, where it appears only when it is whole."""

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise Invalid(f"{path} is there already; a backup never overwrites anything")
        self.parts: dict[str, Part] = {}
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.part")
        descriptor = os.open(self._unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(descriptor, 0o600)  # it may have been left by an earlier run
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", compresslevel=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._unfinished.unlink(missing_ok=True)
            with suppress(OSError, ValueError):  # it would write its directory, perhaps in vain
                self._zip.close()
        self._file.close()

    def part(self, name: str) -> "PartWriter":
        """Begin a part; one at a time."""
        return PartWriter(self._zip, name, self.parts)

    def put(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write a whole part."""
        with self.part(name) as part:
            for block in blocks:
                part.write(block)

    def finish(self, manifest: Manifest) -> int:
        """Write the manifest, give the file its name; return how many bytes it has."""
        text = manifest.model_dump_json(indent=2).encode()
        self._zip.writestr(MANIFEST, text, zipfile.ZIP_DEFLATED)
        self._zip.comment = COMMENT + hashlib.sha256(text).hexdigest().encode()
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._unfinished.rename(self._path)
        files.sync(self._path.absolute().parent)
        return size


class PartWriter:
    """One part on its way into the file; whether to compress it shows in its first block."""

    def __init__(self, archive: zipfile.ZipFile, name: str, parts: dict[str, Part]) -> None:
        self._archive, self._name, self._parts = archive, name, parts
        self._first: list[bytes] = []
        self._entry: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._begun().close()
            self._parts[self._name] = Part(bytes=self._bytes, sha256=self._hash.hexdigest())
        elif self._entry is not None:
            self._entry.close()

    def write(self, block: bytes) -> None:
        """Add to the part."""
        self._hash.update(block)
        self._bytes += len(block)
        if self._entry is not None:
            self._entry.write(block)
            return
        self._first.append(block)
        if self._bytes >= BLOCK:
            self._begun()

    def _begun(self) -> IO[bytes]:
        if self._entry is None:
            first = b"".join(self._first)
            shrinks = len(zlib.compress(first, 1)) < len(first) * WORTH_IT
            self._archive.compression = zipfile.ZIP_DEFLATED if shrinks else zipfile.ZIP_STORED
            self._entry = self._archive.open(self._name, "w", force_zip64=True)
            self._entry.write(first)
            self._first.clear()
        return self._entry


class Archive:
    """A backup that is read; opening it checks the manifest, `verify` all the rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise damaged(path, str(error)) from error
        try:
            self.manifest = self._read_manifest()
        except BaseException:  # a cancellation, too: let go of it, and pass it on
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._zip.close()

    def _read_manifest(self) -> Manifest:
        comment = self._zip.comment
        text = b"".join(self._raw(MANIFEST))
        if comment != COMMENT + hashlib.sha256(text).hexdigest().encode():
            raise damaged(self.path, "its manifest does not match its checksum")
        try:
            found = Manifest.model_validate_json(text)
        except ValidationError as error:
            raise damaged(self.path, "its manifest cannot be understood") from error
        if found.format != FORMAT:
            raise Invalid(
                f"{self.path} has the format {found.format}, and this Langyan reads {FORMAT}: "
                f"restore it with Langyan {found.langyan}"
            )
        return found

    def verify(self) -> Iterator[int]:
        """Read every part and refuse one that is not as it was written; yield the bytes read."""
        there = {name for name in self._zip.namelist() if name != MANIFEST}
        if odd := there ^ self.manifest.parts.keys():
            raise damaged(self.path, f"the part {min(odd)} is missing or does not belong there")
        for name in self.manifest.parts:
            for block in self.blocks(name):
                yield len(block)

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a part block by block; what is not as it was written raises at its end."""
        wanted, found, size = self.manifest.parts[name], hashlib.sha256(), 0
        for block in self._raw(name):
            found.update(block)
            size += len(block)
            yield block
        if (size, found.hexdigest()) != (wanted.bytes, wanted.sha256):
            raise damaged(self.path, f"the part {name} does not match its checksum")

    def _raw(self, name: str) -> Iterator[bytes]:
        wrong: tuple[Any, ...] = (
            *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError),
            *(ValueError, NotImplementedError, RuntimeError),
        )  # what zipfile says of headers that were changed
        try:
            with self._zip.open(name) as entry:
                while block := entry.read(BLOCK):
                    yield block
        except wrong as error:
            raise damaged(self.path, f"the part {name} cannot be read ({error})") from error
