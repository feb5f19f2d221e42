"""The installation's keys: one signs and seals, former ones are still known for a while.

The current key stands in the file `secret_key`, those it replaced in `secret_key.former`, each
with the moment until which words signed with it hold. Both are read again when they change, so
that a running service follows `langyan rotate-key` at once.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kit.folder import secret, write

NAME, FORMER = "secret_key", "secret_key.former"


def fingerprint(key: str) -> str:
    """Return the short public name of a key, the same for the same key everywhere."""
    return hashlib.sha256(b"langyan: key\0" + key.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Former:
    """A key that was replaced; `until` None: until somebody takes it away."""

    text: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Tell whether what it signed is still good."""
        return self.until is None or now < self.until


class Ring:
    """The key in use and those before it."""

    def __init__(self, current: str, former: Sequence[Former] = ()) -> None:
        self._current, self._former = current, tuple(former)

    @property
    def current(self) -> str:
        """The key that signs and seals."""
        return self._current

    @property
    def former(self) -> Sequence[Former]:
        """Keys that were replaced, the latest first."""
        return self._former

    def opening(self) -> list[str]:
        """Return every key that may have sealed something."""
        return [self.current, *(each.text for each in self.former)]

    def signing(self, now: datetime) -> list[str]:
        """Return every key whose signature holds."""
        return [self.current, *(each.text for each in self.former if each.holds(now))]


class KeptRing(Ring):
    """The keys of a data folder; the first is made when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: object = None
        current, self.made = secret(folder / NAME)
        super().__init__(current)

    @property
    def current(self) -> str:
        """The key that signs and seals."""
        self._follow()
        return self._current

    @property
    def former(self) -> Sequence[Former]:
        """Keys that were replaced, the latest first."""
        self._follow()
        return self._former

    def _follow(self) -> None:
        # a stat of each takes about a microsecond, less than any signature
        seen = [_state(self._folder / name) for name in (NAME, FORMER)]
        if seen == self._read:
            return
        current = (self._folder / NAME).read_text().strip()
        former = tuple(each for each in _formers(self._folder / FORMER) if each.text != current)
        self._current, self._former, self._read = current, former, seen

    def replace(self, key: str, *, until: datetime) -> None:
        """Use `key` from now on; the one before it stays known, its signatures `until` then.

        Whatever moment this is interrupted at, every key that was in use is still known.
        """
        self._write_former([Former(self.current, until), *self.former])
        write(self._folder / NAME, [key.encode()])

    def forget(self, keep: Iterable[Former] = ()) -> None:
        """Know no former key any more but those to `keep`."""
        self._write_former(keep)

    def _write_former(self, known: Iterable[Former]) -> None:
        lines = [f"{each.text} {each.until.isoformat() if each.until else ''}\n" for each in known]
        write(self._folder / FORMER, [line.encode() for line in lines])


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _formers(path: Path) -> list[Former]:
    if not path.exists():
        return []
    parts = (line.split() for line in path.read_text().splitlines() if line.strip())
    return [
        Former(text, datetime.fromisoformat(rest[0]) if rest else None) for text, *rest in parts
    ]
