"""Requests of remote write 2.0 by hand, as senders of every kind write them."""

from collections.abc import Iterable

from cramjam import snappy

from metrics.columns import Labels
from metrics.ports.encode import delimited, packed, varint
from tests.support.samples import Points, sample


class Request2:
    """A request in the making, with its symbols."""

    def __init__(self) -> None:
        self.symbols: dict[str, int] = {"": 0}
        self.messages: list[bytes] = []

    def ref(self, text: str) -> int:
        """Return the reference of a symbol."""
        return self.symbols.setdefault(text, len(self.symbols))

    def labels(self, labels: Labels) -> bytes:
        """Return the field of references."""
        return delimited(1, packed(self.ref(text) for pair in labels for text in pair))

    def add(self, labels: Labels, points: Points, *rest: bytes) -> None:
        """Add a series; `rest` are further fields."""
        fields = [self.labels(labels), *(sample(at, value) for at, value in points), *rest]
        self.messages.append(b"".join(fields))

    def bare(self) -> bytes:
        """Return the message, not compressed."""
        symbols = [delimited(4, symbol.encode()) for symbol in self.symbols]
        return b"".join([*symbols, *(delimited(5, one) for one in self.messages)])

    def body(self) -> bytes:
        """Return the message as a snappy block."""
        return bytes(snappy.compress_raw(self.bare()))


def since(at: int, value: float, start: int) -> bytes:
    """Return a sample that says since when it counts."""
    inside = sample(at, value)
    return delimited(2, inside[2:] + b"\x18" + varint(start))


def of(series: Iterable[tuple[Labels, Points]]) -> bytes:
    """Return a body of these series."""
    made = Request2()
    for labels, points in series:
        made.add(labels, points)
    return made.body()
