"""Columns as remote-write bodies, by the thousand: a series' labels are encoded once.

What senders send again and again, the same series in the same order, has a form into which times
and values are written. A sample's field is 18 bytes long for all moments from 1971 to 2109; only
others are written one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cramjam import snappy
from numpy.typing import NDArray

from metrics.batch import Floats, Ints, Refs
from metrics.columns import Labels
from metrics.ports.encode import Form, delimited, label_bytes, sample_bytes, varint

Flags = NDArray[np.bool_]

FIELD = 18
_TIME_AT, _TIME_BYTES = 12, 6
SHORTEST, LONGEST = Form.EARLIEST, Form.END
"""Moments whose varint has six bytes."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of forms that are kept; a tenth as many again in memory."""
SPARED = 8
"""Where forms have no room, so many are asked for in vain before one makes room for another."""


@dataclass(frozen=True)
class Samples:
    """Samples on their way, in the order in which they are to be told."""

    refs: Refs
    times: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.refs)

    def only(self, which: Flags | slice) -> "Samples":
        """Return some of them."""
        return Samples(self.refs[which], self.times[which], self.values[which])


class Encoder:
    """Remembers how each series begins; `labels` are the registry's, by ref."""

    def __init__(self, labels: Sequence[Labels]) -> None:
        self._labels = labels
        self._begins: list[bytes | None] = []

    def body(self, samples: Samples) -> bytes:
        """Return a WriteRequest with one sample for each entry, compressed."""
        return bytes(snappy.compress_raw(self._message(samples)))

    def _message(self, samples: Samples) -> bytes:
        refs = samples.refs.tolist()
        if samples.times.min() < SHORTEST or samples.times.max() >= LONGEST:
            return b"".join(
                delimited(1, label_bytes(self._labels[ref]) + sample_bytes(value, at))
                for ref, at, value in zip(
                    refs, samples.times.tolist(), samples.values.tolist(), strict=True
                )
            )
        fields = _fields(samples.times, samples.values)
        parts: list[bytes] = []
        for number, ref in enumerate(refs):
            parts += (self._begin(ref), fields[number * FIELD : (number + 1) * FIELD])
        return b"".join(parts)

    def _begin(self, ref: int) -> bytes:
        if ref >= len(self._begins):
            self._begins += [None] * (len(self._labels) - len(self._begins))
        begin = self._begins[ref]
        if begin is None:
            labels = label_bytes(self._labels[ref])
            begin = self._begins[ref] = b"\x0a" + varint(len(labels) + FIELD) + labels
        return begin


class Forms:
    """The forms of what came, by its series; those asked for last are kept."""

    def __init__(self, labels: Sequence[Labels], most_bytes: int = MOST_BYTES) -> None:
        self._labels, self._most = labels, most_bytes
        self._all: dict[bytes, Form] = {}
        self._held = self._missed = 0

    def of(self, refs: Refs) -> Form | None:
        """Return the form of these series; None if one is there twice, or there is no room."""
        key = refs.tobytes()
        form = self._all.pop(key, None)
        if form is None:
            if len(np.unique(refs)) < len(refs) or not self._room():
                return None
            form = Form(map(self._labels.__getitem__, refs.tolist()))
            self._held += len(form)
        self._all[key] = form
        return form

    def _room(self) -> bool:
        # the oldest is what comes next where all come in turn: most of them had better stay
        if self._held >= self._most:
            self._missed += 1
            if self._missed % SPARED:
                return False
        while self._held >= self._most:
            self._held -= len(self._all.pop(next(iter(self._all))))
        return True


def body_of(filled: Sequence[tuple[Form, Ints, Floats]]) -> bytes:
    """Return a WriteRequest of what is written into forms, one behind the other, compressed."""
    message = bytearray()
    for form, times, values in filled:
        message += form.message(times, values)
    return bytes(snappy.compress_raw(message))


def _fields(times: Ints, values: Floats) -> bytes:
    """Return the sample field of each entry, one behind the other."""
    table = np.empty((len(times), FIELD), np.uint8)
    table[:, 0], table[:, 1], table[:, 2], table[:, 11] = 0x12, FIELD - 2, 0x09, 0x10
    table[:, 3:11] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    for place in range(_TIME_BYTES):
        more = 0x80 if place < _TIME_BYTES - 1 else 0
        table[:, _TIME_AT + place] = (times >> (7 * place)) & 0x7F | more
    return table.tobytes()
