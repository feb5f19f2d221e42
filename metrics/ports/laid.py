"""Requests of remote write 2.0 laid out: their symbols, and where each message lies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kit.errors import Invalid
from metrics.batch import Ints
from metrics.ports.decode import Breathe
from metrics.ports.layouts import LONGEST
from metrics.ports.protobuf import pieces, split_2, symbols_of
from metrics.ports.request_2 import PAD, lying

PIECE = 128 * 1024
SLICE = 4096
SMALLEST = 14
"""Bytes of a series at the least: a name, and the time of a zero."""
SYMBOL_LEAST = 3
SYMBOLS_MOST = 800_000
"""Symbols of one request."""


@dataclass(frozen=True)
class Laid:
    """Messages inside of `octets`, which is padded; `starts` is where each begins with its tag.

    There are no `starts` where the octets are not the request itself.
    """

    octets: bytes
    begins: Ints
    ends: Ints
    starts: Ints | None = None

    def message(self, place: int) -> bytes:
        """Return one message."""
        return self.octets[int(self.begins[place]) : int(self.ends[place])]


async def laid(request: bytes, breathe: Breathe) -> tuple[list[bytes], list[Laid]]:
    """Return the symbols of a request, and its messages some thousands at a time."""
    symbols: list[bytes] = []
    if len(request) <= LONGEST:
        symbols = symbols_of(request)
        lengths = np.fromiter(map(len, symbols), np.int64, len(symbols))
        begin = int((lengths + 2 + (lengths >= 1 << 7) + (lengths >= 1 << 14)).sum())
        found = lying(request, begin)
        if found is not None:
            _believe(len(symbols), len(found.starts), len(request))
            octets = request + bytes(PAD)
            bounds = [*range(0, len(found.starts), SLICE), len(found.starts)]
            spans = [slice(a, b) for a, b in pairwise(bounds)]
            return symbols, [
                Laid(octets, found.begins[of], found.ends[of], found.starts[of]) for of in spans
            ]
        symbols = []
    parts = [part async for part in _slices(request, symbols, breathe)]
    if request and not symbols:
        raise Invalid("the body is no Request message of io.prometheus.write.v2: no symbols in it")
    return symbols, parts


async def _slices(request: bytes, symbols: list[bytes], breathe: Breathe) -> AsyncIterator[Laid]:
    """Yield messages wherever they stand; `symbols` is filled."""
    size = 0
    whole = [request] if len(request) <= LONGEST else pieces(request, PIECE, least=SYMBOL_LEAST)
    for piece in whole:
        more, messages = split_2(piece)
        symbols += more
        size += len(messages)
        _believe(len(symbols), size, len(request))
        for start in range(0, len(messages), SLICE):
            yield _joined(messages[start : start + SLICE])
        await breathe()


def _joined(messages: list[bytes]) -> Laid:
    ends = np.cumsum(np.fromiter(map(len, messages), np.int64, len(messages)))
    begins = np.concatenate([[0], ends[:-1]])
    return Laid(b"".join([*messages, bytes(PAD)]), begins, ends)


def _believe(symbols: int, messages: int, size: int) -> None:
    """Refuse messages that can be no series: millions of empty ones fit into one body."""
    if messages > size // SMALLEST + 16 or symbols > SYMBOLS_MOST:
        raise Invalid("the body is no Request message: more in it than it has room for")
