"""Requests that look like former ones: where labels repeat, only times and values are read.

A sender writes its series in the same order again and again. A `Layout` is a request as it once
came; in a later one, every byte that is no time and no value is compared at once. What differs
ends a run, and the next message is looked up by its labels: so bodies may be cut anywhere.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from metrics.batch import Floats, Ints, Refs
from metrics.growing import grown

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of requests that are remembered; twice as many in memory."""
LONGEST = 1024 * 1024
"""Bytes of a request that is remembered, or compared: longer ones are decoded in slices."""
RUNS = 32
"""Runs in one request after which it is decoded message by message, and remembered anew."""
STEP = 4096
NONE = -1
MOST_SIZE = (1 << 14) - 1
"""Bytes of a message whose length takes two bytes."""
_DOUBLE = struct.Struct("<d")
_TAIL, _ZERO_TAIL = b"\x12\x10\x09", b"\x12\x07\x10"
_U64 = np.uint64

Octets = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]


def times_of(words: Words) -> Ints:
    """Return the times of varints of six bytes, which the upper six bytes of each word hold."""
    bits = words >> _U64(16)
    times = bits & _U64(0x7F)
    for place in range(1, 6):
        times |= (bits >> _U64(place)) & _U64(0x7F << 7 * place)
    return times.view(np.int64)


@dataclass(frozen=True)
class Layout:
    """A request of known series with one sample each; of its octets the bits in `fixed` stay.

    `starts` has one entry more than there are messages; `value_at` and `time_at` are where the
    word of eight bytes begins that holds them. A value of zero is left out: `zero`.
    """

    sender: str | None
    octets: Octets
    fixed: Octets
    starts: Ints
    refs: Refs
    zero: npt.NDArray[np.bool_]

    @property
    def time_at(self) -> Ints:
        """Where the word stands that ends with the time of each message."""
        return self.starts[1:] - 8

    @property
    def value_at(self) -> Ints:
        """Where the value of each message stands; for a zero somewhere within it."""
        return self.starts[1:] - np.where(self.zero, 8, 15)


def layout_of(
    request: bytes,
    sender: str | None,
    lengths: Ints,
    refs: Refs,
    zero: npt.NDArray[np.bool_],
) -> Layout | None:
    """Return the layout of a request of messages so long; None if it holds anything else too."""
    heads = 2 + (lengths >= 1 << 7) + (lengths >= 1 << 14) + (lengths >= 1 << 21)
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths + heads, out=starts[1:])
    if starts[-1] != len(request):
        return None
    fixed = np.full(len(request), 0xFF, np.uint8)
    ends = starts[1:, np.newaxis]
    fixed[ends - np.arange(1, 7)] = 0x80  # a varint stays as long as it was
    fixed[ends[~zero] - np.arange(8, 16)] = 0
    return Layout(sender, np.frombuffer(request, np.uint8), fixed, starts, refs, zero)


@dataclass(frozen=True)
class Columns:
    """What runs gave, in the order in which it was sent."""

    refs: Refs
    times: Ints
    values: Floats


class Layouts:
    """The layouts of all senders; each series is looked for in the newest that holds it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held = 0
        self._number = 0
        self._all: dict[int, Layout] = {}
        self._layout_of = np.empty(0, np.int64)  # by ref
        self._place_of = np.empty(0, np.int64)

    def clear(self) -> None:
        """Forget everything."""
        self._all.clear()
        self._held = 0

    def remember(self, layout: Layout) -> None:
        """Look for its series there from now on."""
        needed = int(layout.refs.max(initial=-1)) + 1
        if needed > len(self._layout_of):
            grown(self._layout_of, needed + STEP, NONE)
            grown(self._place_of, needed + STEP)
        self._number += 1
        self._all[self._number] = layout
        self._layout_of[layout.refs] = self._number
        self._place_of[layout.refs] = np.arange(len(layout.refs))
        self._held += len(layout.octets)
        while self._held > self._most:
            oldest = next(iter(self._all))
            self._held -= len(self._all.pop(oldest).octets)

    def read(self, request: bytes, sender: str | None, keys: Mapping[bytes, int]) -> Columns | None:
        """Return the samples of a request in few runs of known series; None for any other."""
        if not self._all or not 0 < len(request) <= LONGEST:
            return None
        octets = np.frombuffer(request, np.uint8)
        runs: list[Columns] = []
        at = 0
        while at < len(request):
            one = _first(request, at, keys) if len(runs) < RUNS else None
            if one is None:
                return None
            layout, place = self._place(one.ref, sender)
            last = _alike(octets[at:], layout, place) if layout else place
            if layout and last > place:
                runs.append(_read(request, layout, slice(place, last), at))
                at += int(layout.starts[last] - layout.starts[place])
            else:
                runs.append(one.column)
                at = one.end
        if len(runs) == 1:
            return runs[0]
        return Columns(
            np.concatenate([run.refs for run in runs]),
            np.concatenate([run.times for run in runs]),
            np.concatenate([run.values for run in runs]),
        )

    def _place(self, ref: int, sender: str | None) -> tuple[Layout | None, int]:
        """Return where a series stands in a layout of this sender."""
        if ref < len(self._layout_of):
            layout = self._all.get(int(self._layout_of[ref]))
            if layout is not None and layout.sender == sender:
                return layout, int(self._place_of[ref])
        return None, 0


class _One(NamedTuple):
    """One message of a known series; `end` is where the next begins."""

    ref: int
    word: int
    value: float
    end: int

    @property
    def column(self) -> Columns:
        """The same as columns."""
        times = times_of(np.array([self.word], np.uint64))
        return Columns(np.array([self.ref], np.int32), times, np.array([self.value]))


def _first(request: bytes, at: int, keys: Mapping[bytes, int]) -> _One | None:
    """Return the message that begins at `at`; None unless its series is known, with one sample."""
    head = request[at : at + 3]
    if len(head) < 3 or head[0] != 0x0A:
        return None
    begin, size = at + 2, head[1]
    if size > 0x7F:
        begin, size = at + 3, size & 0x7F | head[2] << 7
    end = begin + size
    if end > len(request) or size > MOST_SIZE:
        return None
    word = int.from_bytes(request[end - 8 : end], "little")
    if word >> 16 & 0x808080808080 != 0x008080808080:
        return None
    if request[end - 18 : end - 15] == _TAIL and request[end - 7] == 0x10:
        cut, value = end - 18, _DOUBLE.unpack_from(request, end - 15)[0]
    elif request[end - 9 : end - 6] == _ZERO_TAIL:
        cut, value = end - 9, 0.0
    else:
        return None
    ref = keys[request[begin:cut]]
    return _One(ref, word, value, end) if ref >= 0 else None


def _alike(octets: Octets, layout: Layout, first: int) -> int:
    """Return the first message of the layout, from `first` on, that these bytes do not repeat."""
    begin = int(layout.starts[first])
    size = min(len(octets), len(layout.octets) - begin)
    other = octets[:size] ^ layout.octets[begin : begin + size]
    other &= layout.fixed[begin : begin + size]
    alike = int(other.view(np.bool_).argmax())
    if not other[alike]:
        alike = size
    return int(np.searchsorted(layout.starts, begin + alike, "right")) - 1


def _read(request: bytes, layout: Layout, run: slice, at: int) -> Columns:
    """Read times and values of a run that begins at `at`."""
    words: Words = np.ndarray((len(request) - 7,), "<u8", request, 0, (1,))  # one from each octet
    shift = at - int(layout.starts[run.start])
    values = words[layout.value_at[run] + shift].view(np.float64)
    values[layout.zero[run]] = 0.0
    return Columns(layout.refs[run], times_of(words[layout.time_at[run] + shift]), values)
