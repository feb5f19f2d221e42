"""Requests that look like former ones: where labels repeat, only times and values are read.

A sender writes its series in the same order again and again. A `Layout` is a request as it once
came; in a later one, all bytes are compared at once, and as many have to differ as differ in times
and values. What differs elsewhere ends a run, and the next message is looked up by its labels: so
bodies may be cut anywhere.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.batch import Floats, Ints, Refs
from metrics.growing import grown

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of requests that are remembered; half as many again in memory."""
LONGEST = 1024 * 1024
"""Bytes of a request that is remembered, or compared: longer ones are decoded in slices."""
RUNS = 32
"""Runs in one request after which it is decoded message by message, and remembered anew."""
FIRST_RUNS = 8
"""Runs that it may have at once; of further ones, only so many as its part that is read allows."""
STEP = 4096
NONE = -1
MOST_SIZE = (1 << 14) - 1
"""Bytes of a message whose length takes two bytes."""
SHORTEST = 15
"""Bytes of a first message: `value_at` must not lie before the request."""
TIME = 0xFFFFFFFFFFFF0000
"""The six bytes of a time in the word that ends with it; the bit that says how long it is."""
LONG = 0x8080808080800000
FEW = 16
"""Changes of time in a run that are looked at one by one."""
_TIMES = np.uint64(TIME)
_DOUBLE = struct.Struct("<d")
_TAIL, _ZERO_TAIL = b"\x12\x10\x09", b"\x12\x07\x10"
_U64 = np.uint64

Request: TypeAlias = bytes | bytearray
Octets = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]


def times_of(words: Words) -> Ints:
    """Return the times of varints of six bytes, which the upper six bytes of each word hold."""
    bits = words >> _U64(16)
    times = bits & _U64(0x7F)
    for place in range(1, 6):
        times |= (bits >> _U64(place)) & _U64(0x7F << 7 * place)
    return times.view(np.int64)


def times_of_runs(words: Words) -> Ints:
    """Return the same as `times_of` of words of which neighbours are often equal, in their time."""
    words = words & _TIMES
    ends = np.flatnonzero(words[1:] != words[:-1])
    if len(ends) > FEW:
        return times_of(words)
    times = np.empty(len(words), np.int64)
    begin = 0
    for end in [*ends.tolist(), len(words) - 1]:
        times[begin : end + 1] = _time_of(int(words[end]) >> 16)
        begin = end + 1
    return times


def _time_of(bits: int) -> int:
    """Return the same as `times_of`, of one varint."""
    return (
        bits & 0x7F
        | bits >> 1 & 0x3F80
        | bits >> 2 & 0x1FC000
        | bits >> 3 & 0xFE00000
        | bits >> 4 & 0x7F0000000
        | bits >> 5 & 0x3F800000000
    )


@dataclass(frozen=True)
class Layout:
    """A request of known series with one sample each.

    `sender` stands for all that has to be the same for labels to mean the same. `starts` has one
    entry more than there are messages. `value_at` and `time_at` are where the word of eight bytes
    begins that holds them, `values` and `times` these words; a value of zero is left out, and
    `kept` masks the word that stands there.
    """

    sender: object
    octets: Octets
    starts: Places
    refs: Refs
    kept: Words
    value_at: Places
    time_at: Places
    values: Words
    times: Words

    def fixed(self, first: int, size: int) -> Octets:
        """Return which bits stay of so many octets from message `first` on."""
        begin = int(self.starts[first])
        last = int(np.searchsorted(self.starts, begin + size, "left"))
        fixed = np.full(int(self.starts[last]) - begin, 0xFF, np.uint8)
        time_at = self.time_at[first:last, np.newaxis] - begin
        fixed[time_at + np.arange(2, 8)] = 0x80  # a varint stays as long as it was
        value_at = self.value_at[first:last][self.kept[first:last] != 0]
        fixed[value_at[:, np.newaxis] - begin + np.arange(8)] = 0
        return fixed[:size]


def layout_of(
    request: bytes,
    sender: object,
    lengths: Ints,
    refs: Refs,
    zero: npt.NDArray[np.bool_],
) -> Layout | None:
    """Return the layout of a request of messages so long; None if it holds anything else too."""
    heads = 2 + (lengths >= 1 << 7) + (lengths >= 1 << 14) + (lengths >= 1 << 21)
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths + heads, out=starts[1:])
    if starts[-1] != len(request) or starts[1] < SHORTEST:
        return None
    words = words_of(request, len(request))
    value_at, time_at = starts[1:] - 15, starts[1:] - 8
    return Layout(
        sender=sender,
        octets=np.frombuffer(request, np.uint8),
        starts=starts.astype(np.int32),
        refs=refs,
        kept=np.where(zero, _U64(0), ~_U64(0)),
        value_at=value_at.astype(np.int32),
        time_at=time_at.astype(np.int32),
        values=words[value_at],
        times=words[time_at],
    )


def words_of(request: bytes | Octets, size: int) -> Words:
    """Return the words of eight bytes that begin at each of the first octets."""
    return np.ndarray((size - 7,), "<u8", request, 0, (1,))


@dataclass(frozen=True)
class Columns:
    """What runs gave, in the order in which it was sent."""

    refs: Refs
    times: Ints
    values: Floats


class Layouts:
    """The layouts of all senders; each series is looked for in the newest that holds it."""

    def __init__(self, first: "First | None" = None, most_bytes: int = MOST_BYTES) -> None:
        self._first = first or first_of_labels
        self._most = most_bytes
        self._held = 0
        self._number = 0
        self._all: dict[int, Layout] = {}
        self._layout_of = np.empty(0, np.int64)  # by ref
        self._place_of = np.empty(0, np.int64)
        self._other = np.empty(LONGEST, np.uint8)

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

    def read(
        self,
        request: Request,
        size: int,
        sender: object,
        keys: Mapping[bytes, int],
        *,
        begin: int = 0,
    ) -> Columns | None:
        """Return the samples of the first `size` bytes if they are few runs of known series.

        The first message begins at `begin`.
        """
        if not self._all or not 0 < size <= LONGEST:
            return None
        octets = np.frombuffer(request, np.uint8, size)
        runs: list[Columns] = []
        at = begin
        while at < size:
            one = self._first(request, at, size, keys)
            most = min(RUNS, FIRST_RUNS + RUNS * (at - begin) // (size - begin))
            if one is None or len(runs) > most:
                return None
            layout, place = self._place(one.ref, sender)
            run = self._alike(octets, at, layout, place) if layout else None
            if layout and run:
                runs.append(run)
                at += int(layout.starts[place + len(run.refs)] - layout.starts[place])
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

    def _alike(self, octets: Octets, at: int, layout: Layout, first: int) -> Columns | None:
        """Return what repeats the layout from message `first` on; None if nothing does."""
        begin = int(layout.starts[first])
        size = min(len(octets) - at, len(layout.octets) - begin)
        other = self._other[:size]
        np.bitwise_xor(octets[at : at + size], layout.octets[begin : begin + size], out=other)
        last = int(np.searchsorted(layout.starts, begin + size, "right")) - 1
        if last > first and layout.starts[last] == begin + size:
            found = _read(octets, layout, slice(first, last), at - begin)
            if int(np.count_nonzero(other)) == found.moved:
                return found.column
        other &= layout.fixed(first, size)
        alike = int(other.view(np.bool_).argmax())
        if not other[alike]:
            alike = size
        last = int(np.searchsorted(layout.starts, begin + alike, "right")) - 1
        if last <= first:
            return None
        return _read(octets, layout, slice(first, last), at - begin).column

    def _place(self, ref: int, sender: object) -> tuple[Layout | None, int]:
        """Return where a series stands in a layout of this sender."""
        if ref < len(self._layout_of):
            layout = self._all.get(int(self._layout_of[ref]))
            if layout is not None and layout.sender == sender:
                return layout, int(self._place_of[ref])
        return None, 0


class One(NamedTuple):
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


First = Callable[[Request, int, int, Mapping[bytes, int]], One | None]


def first_of_labels(request: Request, at: int, size: int, keys: Mapping[bytes, int]) -> One | None:
    """Return the message that begins at `at`; None unless its series is known, with one sample."""
    head = request[at : min(at + 3, size)]
    if len(head) < 3 or head[0] != 0x0A:
        return None
    begin, length = at + 2, head[1]
    if length > 0x7F:
        begin, length = at + 3, length & 0x7F | head[2] << 7
    end = begin + length
    if end > size or length > MOST_SIZE:
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
    ref = keys[bytes(request[begin:cut])]
    return One(ref, word, value, end) if ref >= 0 else None


class _Read(NamedTuple):
    """A run, and how many bytes of its times and values are others than in the layout.

    `moved` is -1 where a time is not as long as it was.
    """

    column: Columns
    moved: int


def _read(octets: Octets, layout: Layout, run: slice, shift: int) -> _Read:
    """Read times and values of a run that lies `shift` bytes behind its place in the layout."""
    words = words_of(octets, len(octets))
    value_at, time_at = layout.value_at[run], layout.time_at[run]
    if shift:
        value_at, time_at = value_at + shift, time_at + shift
    values, times = words[value_at], words[time_at]
    values &= layout.kept[run]
    moved = (values ^ layout.values[run]) & layout.kept[run]
    later = (times ^ layout.times[run]) & _TIMES
    count = int(np.count_nonzero(moved.view(np.uint8)))
    count += int(np.count_nonzero(later.view(np.uint8)))
    if int(np.bitwise_or.reduce(later)) & LONG:
        count = -1
    column = Columns(layout.refs[run], times_of_runs(times), values.view(np.float64))
    return _Read(column, count)
