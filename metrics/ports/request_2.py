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
from metrics.ports.layouts import One, Request, Words, times_of_runs, words_of

PAD = 256
"""Bytes behind the last message, so that no look ahead leaves the array."""
LABELS, SAMPLE, METADATA, SERIES = 0x0A, 0x12, 0x2A, 0x2A
VALUE, TIME, SINCE = 0x09, 0x10, 0x18
SIZES = {0x09: (16, 23), 0x10: (7, 14)}
"""Bytes of a sample that begins with a value, or with a time: without and with a time since."""
FULL, FULL_SINCE = 0x091012, 0x091712
ZERO, ZERO_SINCE = 0x100712, 0x100E12
"""How a sample begins: its own tag, its size, and the tag of what comes first."""
CHAINS = 4
"""How often what only looked like messages is left out."""
LONG_TIME = 0x808080808080
SIX = 0x008080808080
_DOUBLE = struct.Struct("<d")
_U64 = np.uint64
_BYTE = _U64(0xFF)
_TIME_MASK = _U64(LONG_TIME << 16 | 0xFF00)
_TIMED, _SINCE = _U64(SIX << 16 | TIME << 8), _U64(SIX << 16 | SINCE << 8)
"""A word that ends with a time of six bytes, the tag before it."""

Mask: TypeAlias = npt.NDArray[np.bool_]
Octets: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """Where in the joined messages everything is, for messages of the usual form.

    `good` says which are; the other columns have an entry for each message all the same. `time_at`
    is where the word begins that ends with a time, `times` what it says.
    """

    good: Mask
    zero: Mask
    labels_at: Ints
    labels_size: Ints
    value_at: Ints
    time_at: Ints
    times: Ints
    values: Floats


def seen(joined: bytes, begins: Ints, ends: Ints) -> Seen:
    """Look at messages that lie one behind the other in `joined`, which is padded."""
    words = words_of(joined, len(joined))
    labels = words[begins]
    labels_size = (labels >> _U64(8) & _BYTE).view(np.int64)
    good = (labels & _BYTE) == LABELS
    good &= labels_size < 0x80
    sample = begins + 2 + labels_size
    said = words[sample]
    head = said & _U64(0xFFFFFF)
    full, zero, since = _forms(head)
    time_at = sample + np.where(full, 10, 1)
    last = words[time_at]
    good &= (full | zero) & ((last & _TIME_MASK) == _TIMED)
    if since is not None:
        good &= ~since | ((words[time_at + 7] & _TIME_MASK) == _SINCE)
    rest = sample + 2 + (said >> _U64(8) & _BYTE).view(np.int64)
    about = words[rest]
    told = (about & _U64(0x80FF)) == METADATA
    told &= rest + 2 + (about >> _U64(8) & _BYTE).view(np.int64) == ends
    good &= told | (rest == ends)
    value_at = np.where(full, sample + 3, time_at)
    values = np.where(full, words[value_at], _U64(0)).view(np.float64)
    times = times_of_runs(last) if len(last) else np.empty(0, np.int64)
    return Seen(good, zero, begins + 2, labels_size, value_at, time_at, times, values)


def _forms(head: Words) -> tuple[Mask, Mask, Mask | None]:
    """Return which samples have a value, which a zero, which say since when; None for none."""
    full = head == FULL
    if full.all():
        return full, np.zeros_like(full), None
    zero = head == ZERO
    if (full | zero).all():
        return full, zero, None
    since_full, since_zero = head == FULL_SINCE, head == ZERO_SINCE
    return full | since_full, zero | since_zero, since_full | since_zero


@dataclass(frozen=True)
class Lying:
    """Where messages start with their tags, where their insides begin and end."""

    starts: Ints
    begins: Ints
    ends: Ints


def lying(request: bytes, begin: int) -> Lying | None:
    """Return where the messages lie that fill a request from `begin` on; None if others do, too.

    Whatever looks like the head of a message may be one. That those chosen are all of them, and
    real, shows when each begins where the one before it ends.
    """
    octets = np.frombuffer(request, np.uint8)[begin:]
    if len(octets) < 4:
        return None
    series = octets[:-3] == SERIES
    found = _chain(octets, np.flatnonzero(series & (octets[2:-1] == LABELS)))
    if found is None:  # one of them has a length of two bytes
        far = (octets[3:] == LABELS) & (octets[1:-2] >= 0x80)
        found = _chain(octets, np.flatnonzero(series & ((octets[2:-1] == LABELS) | far)))
    if found is None:
        return None
    starts, begins, ends = found
    return Lying(starts + begin, begins + begin, ends + begin)


def _chain(octets: Octets, starts: Ints) -> tuple[Ints, Ints, Ints] | None:
    """Return starts, begins and ends of messages that fill all octets, of those at `starts`."""
    for _ in range(CHAINS):
        size = octets[starts + 1].astype(np.int64)
        two = size >= 0x80
        more = octets[starts + 2].astype(np.int64) << 7
        begins = starts + 2 + two
        ends = begins + np.where(two, size & 0x7F | more, size)
        one_by_one = len(starts) and starts[0] == 0 and ends[-1] == len(octets)
        if one_by_one and (starts[1:] == ends[:-1]).all() and not (two & (more >= 1 << 14)).any():
            return starts, begins, ends
        starts = starts[(starts == 0) | np.isin(starts, ends)]
    return None


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
    if not len(sizes):
        return References(np.empty(0, np.int64), sizes, np.ones(0, np.bool_))
    ends = np.cumsum(sizes)
    flat = octets[np.repeat(at - (ends - sizes), sizes) + np.arange(int(ends[-1]))]
    goes_on = flat >= 0x80
    if not goes_on.any():
        sound = sizes % 2 == 0
        if sound.all():
            return References(flat.astype(np.int64), sizes, sound)
    counts = sizes - np.add.reduceat(goes_on, ends - sizes, dtype=np.int64)
    after = np.zeros_like(goes_on)  # whether the byte before goes on here
    after[1:] = goes_on[:-1]
    third = np.zeros_like(goes_on)
    third[1:] = after[:-1] & after[1:]
    sound = ~goes_on[ends - 1] & (counts % 2 == 0)
    sound &= np.add.reduceat(third & goes_on, ends - sizes, dtype=np.int64) == 0
    if not sound.all():
        again = references(octets, at[sound], sizes[sound])
        some = np.zeros(len(sizes), np.int64)
        some[sound] = again.counts
        return References(again.flat, some, sound)
    bits = (flat & 0x7F).astype(np.int64)
    bits[1:] = np.where(after[1:], bits[1:] << 7 | bits[:-1], bits[1:])
    if third.any():
        low = (flat & 0x7F).astype(np.int64)
        at_third = np.flatnonzero(third)
        bits[at_third] = low[at_third] << 14 | low[at_third - 1] << 7 | low[at_third - 2]
    return References(bits[~goes_on], counts, sound)


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
    if body + long > end or long not in SIZES.get(request[body], ()):
        return None
    value, time = 0.0, body
    if request[body] == VALUE:
        value, time = _DOUBLE.unpack_from(request, body + 1)[0], body + 9
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
