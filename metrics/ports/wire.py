"""Reading protobuf by hand: for the few messages that the fast path leaves over. Pure."""

import struct
from collections.abc import Iterator

from kit.errors import Invalid

_DOUBLE = struct.Struct("<d")
_WIDTHS = {1: 8, 5: 4}
LABELS_MOST = 1000
"""Labels of a series that are looked at: far more than are allowed, and so refused by name."""


def varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the varint that begins at `at`, and the place behind it."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (1 << 64) - 1, at
    raise Invalid("malformed protobuf: a varint does not end")


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes, int]]:
    """Yield number, wire type, content and end of each field; groups are refused.

    No label and no sample is so short that fields are less than eight bytes: who sends millions
    of empty ones means to keep us busy.
    """
    at = many = 0
    while at < len(message):
        many += 1
        if many > at // 8 + 16:
            raise Invalid("malformed protobuf: too many fields in too few bytes")
        tag, at = varint(message, at)
        kind, number = tag & 7, tag >> 3
        content: int | bytes
        if number == 0:
            raise Invalid("malformed protobuf: field number 0")
        if kind == 0:
            content, at = varint(message, at)
        elif kind in (1, 2, 5):
            size, at = varint(message, at) if kind == 2 else (_WIDTHS[kind], at)
            if size > len(message) - at:
                raise Invalid("malformed protobuf: a field is cut short")
            content, at = message[at : at + size], at + size
        else:
            raise Invalid(f"malformed protobuf: wire type {kind}")
        yield number, kind, content, at


def sample(message: bytes) -> tuple[int, float]:
    """Return time and value of a Sample message; absent fields are zero, as proto3 has it."""
    value, at = 0.0, 0
    for number, kind, content, _ in fields(message):
        if number == 1 and kind == 1 and isinstance(content, bytes):
            value = _DOUBLE.unpack(content)[0]
        elif number == 2 and kind == 0 and isinstance(content, int):
            at = content - (1 << 64) if content >> 63 else content
    return at, value


def label(message: bytes) -> tuple[bytes, bytes]:
    """Return name and value of a Label message, undecoded."""
    name, value = b"", b""
    for number, kind, content, _ in fields(message):
        if kind == 2 and isinstance(content, bytes):
            if number == 1:
                name = content
            elif number == 2:
                value = content
    return name, value


class Series:
    """One TimeSeries message taken apart.

    `prefix` is the length of the label fields where they all stand first, else 0: only then may
    these bytes be remembered as a key.
    """

    def __init__(self, message: bytes) -> None:
        self.labels: list[tuple[bytes, bytes]] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.histograms = 0
        self.prefix = 0
        leading = True
        for number, kind, content, end in fields(message):
            is_label = number == 1 and kind == 2
            if is_label and isinstance(content, bytes):
                if len(self.labels) < LABELS_MOST:
                    self.labels.append(label(content))
                self.prefix = end if leading else 0
            elif number == 2 and kind == 2 and isinstance(content, bytes):
                at, value = sample(content)
                self.times.append(at)
                self.values.append(value)
            self.histograms += number == 4 and kind == 2
            leading = leading and is_label


class Series2:
    """One TimeSeries message of remote write 2.0 taken apart; its labels are references."""

    def __init__(self, message: bytes) -> None:
        self.references: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.histograms = 0
        self.about = b""
        for number, kind, content, _ in fields(message):
            if number == 1:
                self.references += [content] if isinstance(content, int) else _packed(content)
                if len(self.references) > 2 * LABELS_MOST:
                    raise Invalid("a series of thousands of labels")
            elif kind == 2 and isinstance(content, bytes):
                if number == 2:
                    at, value = sample(content)
                    self.times.append(at)
                    self.values.append(value)
                self.histograms += number == 3
                if number == 5:
                    self.about = content


def _packed(content: bytes) -> Iterator[int]:
    at = 0
    if len(content) > 20 * LABELS_MOST:
        raise Invalid("a series of thousands of labels")
    while at < len(content):
        number, at = varint(content, at)
        yield number
