"""Building remote-write bodies from columns: for our own collectors, drills, tests, benchmarks."""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from cramjam import snappy
from numpy.typing import NDArray

from metrics.columns import Labels

_VALUE = struct.Struct("<Bd")


def varint(number: int) -> bytes:
    """Return a protobuf varint; negative numbers take ten bytes, as int64 does."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(field: int, body: bytes) -> bytes:
    """Return a length-delimited protobuf field."""
    return varint(field << 3 | 2) + varint(len(body)) + body


@lru_cache(maxsize=65_536)
def label_bytes(labels: Labels) -> bytes:
    """Return the label fields of a TimeSeries message."""
    return b"".join(
        delimited(1, delimited(1, name.encode()) + delimited(2, value.encode()))
        for name, value in labels
    )


def sample_bytes(value: float, at: int) -> bytes:
    """Return one sample field of a TimeSeries message; a zero is written out, too."""
    return delimited(2, _VALUE.pack(0x09, value) + b"\x10" + varint(at))


def message(labels: Sequence[Labels], times: Iterable[int], values: Iterable[float]) -> bytes:
    """Return a WriteRequest, not compressed, with one sample for each entry of the columns."""
    return b"".join(
        delimited(1, label_bytes(of) + sample_bytes(float(value), int(at)))
        for of, at, value in zip(labels, times, values, strict=True)
    )


def write_request(labels: Sequence[Labels], times: Iterable[int], values: Iterable[float]) -> bytes:
    """Return a remote-write 1.0 body: `message`, compressed as a snappy block."""
    return bytes(snappy.compress_raw(message(labels, times, values)))


def packed(numbers: Iterable[int]) -> bytes:
    """Return varints one behind the other."""
    return b"".join(map(varint, numbers))


def request_2(labels: Sequence[Labels], times: Iterable[int], values: Iterable[float]) -> bytes:
    """Return a remote-write 2.0 Request, not compressed, as Prometheus fills it.

    Zeros are left out, and each series says that it is a gauge and what its help is.
    """
    symbols: dict[str, int] = {"": 0}
    series = []
    for of, at, value in zip(labels, times, values, strict=True):
        refs = [symbols.setdefault(text, len(symbols)) for pair in of for text in pair]
        about = packed([0x08, 2, 0x18, symbols.setdefault("What it is.", len(symbols))])
        double = _VALUE.pack(0x09, value) if value != 0 else b""
        sample = delimited(2, double + b"\x10" + varint(int(at)))
        series.append(delimited(5, delimited(1, packed(refs)) + sample + delimited(5, about)))
    return b"".join([*(delimited(4, symbol.encode()) for symbol in symbols), *series])


class Form:
    """A WriteRequest of series that stay, one sample each: times and values are written into it."""

    EARLIEST, END = 1 << 35, 1 << 42
    """Moments (ms) that take six bytes, as the place for them has."""

    def __init__(self, labels: Iterable[Labels]) -> None:
        written, ends = bytearray(), []
        for of in labels:
            written += delimited(1, label_bytes(of) + sample_bytes(0.0, self.END - 1))
            ends.append(len(written))
        self._octets = written
        # a word at each octet: written where a time ends, and then where a value lies
        self._words = np.ndarray((max(len(written) - 7, 0),), "<u8", written, 0, (1,))
        self._time_at = np.array(ends, np.int64) - 8
        self._value_at = self._time_at - 7

    def __len__(self) -> int:
        return len(self._octets)

    def message(self, times: NDArray[np.int64] | int, values: NDArray[np.float64]) -> memoryview:
        """Return the message with one value for each series; it stands until the next is asked."""
        self._words[self._time_at] = _six_bytes(times) << 16 | 0x1000
        self._words[self._value_at] = np.ascontiguousarray(values, "<f8").view("<u8")
        return memoryview(self._octets)

    def filled(self, at: int, values: NDArray[np.float64]) -> bytes:
        """Return the body with one value for each series, all of one moment."""
        return bytes(snappy.compress_raw(self.message(at, values)))


def _six_bytes(times: NDArray[np.int64] | int) -> NDArray[np.int64] | int:
    """Return moments as varints of six bytes, the first of them the lowest."""
    bits = times & 0x7F | 0x8080808080
    for place in range(1, 6):
        bits = bits | (times & 0x7F << 7 * place) << place
    return bits
