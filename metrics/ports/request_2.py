"""The TimeSeries messages of remote write 2.0, all of a request at once. Pure.

A message of the usual form is the references of its labels, one sample, and words about the metric:
where each part lies is worked out for all of them in columns.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.batch import Floats, Ints
from metrics.ports.layouts import One, Request, Words, times_of, words_of

PAD = 256
"""Bytes behind the last message, so that no look ahead leaves the array."""
LABELS, SAMPLE, METADATA, SERIES = 0x0A, 0x12, 0x2A, 0x2A
VALUE, TIME, SINCE = 0x09, 0x10, 0x18
FULL, FULL_SINCE, ZERO, ZERO_SINCE = 16, 23, 7, 14
"""Bytes of a sample: with a value or with a zero left out, with the time it counts since or not."""
WIDEST = 3
"""Bytes of a reference: there is no room for more symbols than two million in a body."""
LONG_TIME = 0x808080808080
SIX = 0x008080808080
_DOUBLE = struct.Struct("<d")
_U64 = np.uint64

Mask: TypeAlias = npt.NDArray[np.bool_]
Octets: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """Where in the joined messages everything is, for messages of the usual form.

    `good` says which are; the other columns have an entry for each message all the same. A time's
    word begins two bytes before it.
    """

    good: Mask
    zero: Mask
    labels_at: Ints
    labels_size: Ints
    value_at: Ints
    time_at: Ints
    words: Words

    @property
    def times(self) -> Ints:
        """The time of each sample."""
        return times_of(self.words[self.time_at])

    @property
    def values(self) -> Floats:
        """The value of each sample."""
        bits = np.where(self.zero, _U64(0), self.words[self.value_at])
        return bits.view(np.float64)


def seen(joined: bytes, begins: Ints, ends: Ints) -> Seen:
    """Look at messages that lie one behind the other in `joined`, which is padded."""
    octets = np.frombuffer(joined, np.uint8)
    words = words_of(joined, len(joined))
    labels_size = octets[begins + 1].astype(np.int64)
    good = (octets[begins] == LABELS) & (labels_size > 0) & (labels_size < 0x80)
    sample = begins + 2 + labels_size
    size = octets[sample + 1].astype(np.int64)
    body = sample + 2
    full = ((size == FULL) | (size == FULL_SINCE)) & (octets[body] == VALUE)
    full &= octets[body + 9] == TIME
    zero = ((size == ZERO) | (size == ZERO_SINCE)) & (octets[body] == TIME)
    time_at = body + np.where(full, 8, -1)
    good &= (octets[sample] == SAMPLE) & (full | zero) & _timed(words[time_at])
    since = (size == FULL_SINCE) | (size == ZERO_SINCE)
    good &= ~since | ((octets[time_at + 8] == SINCE) & _timed(words[time_at + 7]))
    rest = body + size
    about = (octets[rest] == METADATA) & (octets[rest + 1] < 0x80)
    good &= (rest == ends) | (about & (rest + 2 + octets[rest + 1] == ends))
    value_at = np.where(full, body + 1, time_at)
    return Seen(good, zero, begins + 2, labels_size, value_at, time_at, words)


def _timed(words: Words) -> Mask:
    mask: Mask = (words >> _U64(16) & _U64(LONG_TIME)) == _U64(SIX)
    return mask


@dataclass(frozen=True)
class References:
    """The references of some messages, one behind the other, and how many each has.

    `sound` says which messages have them in the usual form; the others have none here.
    """

    flat: Ints
    counts: Ints
    sound: Mask


def references(octets: Octets, at: Ints, sizes: Ints) -> References:
    """Read the packed varints of messages: `sizes` bytes each from `at` on."""
    ends = np.cumsum(sizes)
    flat = octets[np.repeat(at - (ends - sizes), sizes) + np.arange(int(sizes.sum()))]
    last = flat < 0x80
    done = np.cumsum(last)
    counts = np.diff(done[ends - 1], prepend=0)
    stops = np.flatnonzero(last)
    starts = np.empty_like(stops)
    starts[:1], starts[1:] = 0, stops[:-1] + 1
    wide = stops - starts
    sound = last[ends - 1] & (counts % 2 == 0)
    if len(wide) and (wide.max() >= WIDEST or not sound.all()):
        widest = np.zeros(len(sizes), np.int64)
        np.maximum.at(widest, np.searchsorted(ends, starts, "right"), wide)
        sound &= widest < WIDEST
        before = np.concatenate([[True], last[ends[:-1] - 1]])  # else the one before runs over
        sound &= before
        again = references(octets, at[sound], sizes[sound])
        some = np.zeros(len(sizes), np.int64)
        some[sound] = again.counts
        return References(again.flat, some, sound)
    read = (flat[starts] & 0x7F).astype(np.int64)
    for place in range(1, WIDEST):
        wider = np.flatnonzero(wide >= place)
        if len(wider):
            more = flat[starts[wider] + place].astype(np.int64) & 0x7F
            read[wider] |= more << (7 * place)
    return References(read, counts, sound)


def first_of_references(
    request: Request, at: int, size: int, keys: Mapping[bytes, int]
) -> One | None:
    """Return the message that begins at `at`; None unless its series is known, with one sample.

    `keys` has the bytes of the references.
    """
    begin, end = _span(request, at, size)
    if not 0 < begin <= end - 11 or request[begin] != LABELS:
        return None
    labels = begin + 2
    sample = labels + request[begin + 1]
    ref = keys[bytes(request[labels:sample])] if sample + 9 <= end else -1
    if ref < 0 or request[sample] != SAMPLE:
        return None
    body, long = sample + 2, request[sample + 1]
    if long in (FULL, FULL_SINCE) and body + long <= end and request[body] == VALUE:
        value, time = _DOUBLE.unpack_from(request, body + 1)[0], body + 9
    elif long in (ZERO, ZERO_SINCE) and body + long <= end:
        value, time = 0.0, body
    else:
        return None
    word = int.from_bytes(request[time - 1 : time + 7], "little")
    if request[time] != TIME or word >> 16 & LONG_TIME != SIX:
        return None
    if not _ends_well(request, time + 7, body + long, end):
        return None
    return One(ref, word, value, end)


def _span(request: Request, at: int, size: int) -> tuple[int, int]:
    """Return where the inside of the message lies that begins at `at`; zeros if nowhere."""
    head = request[at : at + 3]
    if len(head) < 3 or head[0] != SERIES:
        return 0, 0
    begin, length = at + 2, head[1]
    if length > 0x7F:
        begin, length = at + 3, length & 0x7F | head[2] << 7
        if head[2] > 0x7F:
            return 0, 0
    return (begin, begin + length) if begin + length <= size else (0, 0)


def _ends_well(request: Request, since: int, rest: int, end: int) -> bool:
    """Tell whether nothing follows a sample but the time since, and words about the metric."""
    if since < rest:
        word = int.from_bytes(request[since - 1 : since + 7], "little")
        if request[since] != SINCE or word >> 16 & LONG_TIME != SIX:
            return False
    if rest == end:
        return True
    about = request[rest : rest + 2]
    return len(about) == 2 and about[0] == METADATA and rest + 2 + about[1] == end
