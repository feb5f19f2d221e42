"""What is remembered of senders of remote write 2.0, whose labels are references into a table.

Each request brings its own table, so a reference means something only together with it. A symbol
has a number that stays, and a series is known by the numbers of its labels, whatever the table; a
table that came before is known by its bytes, and then its references alone will do.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from metrics.batch import Refs
from metrics.ports.layouts import Request
from metrics.ports.orders import Orders

MISSING = -1
SYMBOL_BYTES = 64 * 1024 * 1024
"""Bytes of one tenant's symbols that are remembered; of more, all are forgotten."""
TABLE_BYTES = 32 * 1024 * 1024
"""Bytes of all tables that are remembered."""
TABLE_LEAST = 64 * 1024
"""Bytes that are counted for the keys of a table."""
PREFIX = 96
"""Bytes by which a table is looked for."""
ALIKE = 16
"""Tables that begin alike, the newest of them."""
GLIMPSES = 50_000

Numbers = npt.NDArray[np.int32]


class Keys(dict[bytes, int]):
    """Bytes that stand for labels, and the refs of their series; MISSING for others."""

    def __missing__(self, key: bytes) -> int:
        return MISSING


class Memory:
    """The symbols and series of one tenant."""

    def __init__(self, most: int) -> None:
        self.series = Keys()
        self.orders = Orders()
        self._most = most
        self._numbers: dict[bytes, int] = {}
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Tell whether a sender has varied its labels so much that all should be forgotten."""
        return (
            self._bytes > SYMBOL_BYTES
            or len(self._numbers) > 4 * self._most
            or len(self.series) > self._most
        )

    def numbers(self, symbols: Sequence[bytes]) -> Numbers:
        """Return the numbers of these symbols; what is new gets the next."""
        known = self._numbers
        try:
            return np.fromiter(map(known.__getitem__, symbols), np.int32, len(symbols))
        except KeyError:
            for symbol in symbols:
                if symbol not in known:
                    known[symbol] = len(known)
                    self._bytes += len(symbol)
        return np.fromiter(map(known.__getitem__, symbols), np.int32, len(symbols))


class Table:
    """A table as the bytes it came in, and the series whose references point into it."""

    def __init__(self, symbols: bytes, keys: Keys) -> None:
        self.symbols = symbols
        self.keys = keys
        self.refs: Refs = np.empty(0, np.int32)
        """The series of the request that was remembered last."""
        self.missed = 0
        """Requests that were unlike a former one, of late."""


class Tables:
    """The tables that came more than once."""

    def __init__(self) -> None:
        self._all: dict[tuple[str | None, bytes], list[Table]] = {}
        self._glimpsed: set[int] = set()
        self._held = 0

    def clear(self) -> None:
        """Forget everything."""
        self._all.clear()
        self._glimpsed.clear()
        self._held = 0

    @property
    def full(self) -> bool:
        """Tell whether so much is remembered that all should be forgotten."""
        return self._held > TABLE_BYTES

    def find(self, request: Request, size: int, client: str | None) -> Table | None:
        """Return the table with which a request begins, if it is known."""
        for table in self._all.get((client, bytes(request[:PREFIX])), ()):
            if len(table.symbols) <= size and request.startswith(table.symbols):
                return table
        return None

    def again(self, symbols: bytes, client: str | None) -> bool:
        """Tell whether a table came before; from now on it has.

        Most never come again when a sender cuts its series anywhere, and then are not worth it.
        """
        glimpse = hash((client, symbols))
        if glimpse in self._glimpsed:
            return True
        if len(self._glimpsed) >= GLIMPSES:
            self._glimpsed.clear()
        self._glimpsed.add(glimpse)
        return False

    def remember(self, table: Table, prefix: bytes, client: str | None) -> None:
        """Know a table from now on; `prefix` is how its request began."""
        alike = self._all.setdefault((client, prefix), [])
        alike[:] = [one for one in alike if one.symbols != table.symbols][-ALIKE + 1 :]
        alike.insert(0, table)
        self._held += len(table.symbols) + TABLE_LEAST
