"""The chunk codec: times and values of one series as few bytes. Pure.

Times are differences of differences; values are whole numbers (after shifting the decimal point)
as differences of the cheapest order, or XORs of neighbours. Either is cut to the bits in use and
packed; zstd is laid over what it still makes smaller.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from cramjam import zstd

from metrics.batch import Floats, Ints

MOST = 1024
"""Samples that a chunk may hold."""

Words = npt.NDArray[np.uint64]
Heads = npt.NDArray[np.void]
N = TypeVar("N", bound=np.generic)

_LAYOUT = np.dtype(
    [
        *(("flags", "u1"), ("count", "<u2"), ("start", "<i8"), ("step", "<i8")),
        *(("time_bits", "u1"), ("mode", "u1"), ("first", "<i8"), ("second", "<i8")),
        *(("bits", "u1"), ("shift", "u1")),
    ]
)
"""What each chunk begins with: `step` is the first, `shift` counts trailing zero bits."""
_SIZE = _LAYOUT.itemsize
_ZSTD = 1
_WORTH = 1024
"""Bytes below which zstd gains too little on packed bits: measured, an eighth for 16 µs."""
UNEVEN = 1.25
"""Rows are laid out as lines of one length if these have not more places than this, a sample."""
_POWERS = 10.0 ** np.arange(5)
_LARGE = 2.0**48
"""Beyond it no value is taken for a whole number."""
_XOR, _ORDER0, _ORDER1, _ORDER2 = 0, 16, 32, 48


def encode(times: Ints, values: Floats) -> bytes:
    """Return one series' samples, at least one and at most `MOST`, as bytes."""
    return encode_rows(times[np.newaxis], values[np.newaxis])[0]


def encode_rows(times: Ints, values: Floats) -> list[bytes]:
    """Return each row of two equally shaped 2-D arrays as bytes."""
    count = times.shape[1]
    first_step, time_bits, packed_times = _times(times)
    modes, firsts, seconds, bits, shifts, packed_values = _values(values)
    heads = np.zeros(len(times), _LAYOUT)
    heads["count"], heads["start"], heads["step"] = count, times[:, 0], first_step
    heads["time_bits"], heads["mode"], heads["bits"] = time_bits, modes, bits
    heads["first"], heads["second"], heads["shift"] = firsts, seconds, shifts
    plain = heads.tobytes()
    begins = range(0, len(plain), _SIZE)
    return [
        _squeezed(b"".join((plain[at : at + _SIZE], packed_time, packed_value)))
        for at, packed_time, packed_value in zip(begins, packed_times, packed_values, strict=True)
    ]


def _squeezed(plain: bytes) -> bytes:
    if len(plain) < _WORTH:
        return plain
    small = bytes(zstd.compress(plain[1:], 1))
    return bytes((_ZSTD,)) + small if len(small) < len(plain) - 1 else plain


def _zigzag(numbers: Ints) -> Words:
    words = numbers << 1
    words ^= numbers >> 63
    return words.view(np.uint64)


def _unzigzag(words: Words) -> Ints:
    half: Ints = (words >> np.uint64(1)).view(np.int64)
    return half ^ -(words & np.uint64(1)).view(np.int64)


def _union(words: Words) -> Words:
    """Return for each row all bits that are in any of its words."""
    found: Words = np.bitwise_or.reduce(words, axis=1)
    return found


def _bit_lengths(words: Words) -> Ints:
    """Return how many bits each word needs."""
    length = np.frexp(words.astype(np.float64))[1].astype(np.int64)
    # a float of many ones is rounded up to one bit more
    beyond = (words >> np.maximum(length - 1, 0).astype(np.uint64)) == 0
    length -= beyond & (length > 0)
    return length


def _packed(words: Words) -> tuple[npt.NDArray[np.int64], list[bytes]]:
    """Return each row's bits per word, and its words in so many bits."""
    widths = _bit_lengths(_union(words))
    out = [b""] * len(words)
    for width in np.unique(widths).tolist():
        if width == 0:
            continue
        rows = np.flatnonzero(widths == width)
        size = (width + 7) // 8
        octets = (
            words[rows].astype(">u8").view(np.uint8).reshape(len(rows), -1, 8)[:, :, 8 - size :]
        )
        bits = np.unpackbits(octets, axis=2)[:, :, size * 8 - width :]
        packed = np.packbits(bits.reshape(len(rows), -1), axis=1)
        for row, line in zip(rows.tolist(), packed, strict=True):
            out[row] = line.tobytes()
    return widths, out


def _unpacked(lines: Sequence[bytes], width: int, count: int) -> Words:
    """Return `count` words of `width` bits from each of these equally long lines.

    Eight words fill `width` bytes, so of all eighths the first lie that far apart, and the second.
    """
    if width == 0 or count == 0:
        return np.zeros((len(lines), count), np.uint64)
    content = b"".join((*lines, bytes(width + 16)))  # what is read beyond a line is shifted out
    eights, line = -(-count // 8), len(lines[0])
    shape, apart = (len(lines), eights), (line, width)
    words = np.empty((*shape, 8), np.uint64)
    for turn in range(8):
        at, skip = divmod(turn * width, 8)
        word = np.ndarray(shape, ">u8", content, at, apart).astype(np.uint64)
        word <<= np.uint64(skip)
        word >>= np.uint64(64 - width)
        if (beyond := skip + width - 64) > 0:
            rest = np.ndarray(shape, np.uint8, content, at + 8, apart)
            word |= rest >> np.uint8(8 - beyond)
        words[:, :, turn] = word
    return words.reshape(len(lines), -1)[:, :count]


def _times(times: Ints) -> tuple[Ints, Ints, list[bytes]]:
    """Return first step, bits and packed words of each row; those of one scrape are packed once."""
    new = np.ones(len(times), np.bool_)
    new[1:] = (times[1:] != times[:-1]).any(axis=1)
    steps = np.diff(times[new], axis=1)
    first = steps[:, 0] if times.shape[1] > 1 else np.zeros(len(steps), np.int64)
    bits, packed = _packed(_zigzag(np.diff(steps, axis=1)))
    of = np.cumsum(new) - 1
    return first[of], bits[of], [packed[place] for place in of.tolist()]


def _values(
    values: Floats,
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.int64], Ints, list[bytes]]:
    """Return mode, first, second, bits, shift and packed words of each row."""
    rows, count = values.shape
    bits = np.ascontiguousarray(values).view(np.uint64)
    mode = np.full(rows, _XOR, np.int64)
    first = bits[:, 0].view(np.int64).copy()
    second, shift, widths = np.zeros((3, rows), np.int64)
    packed = [b""] * rows
    moving = np.flatnonzero((bits != bits[:, :1]).any(axis=1))  # half of all series never do
    if not len(moving):
        return mode, first, second, widths, shift, packed

    bits = _of(bits, moving)
    words = np.empty((len(moving), count - 1), np.uint64)
    power, whole = _whole(bits.view(np.float64), bits)
    decimal, other = np.flatnonzero(power >= 0), np.flatnonzero(power < 0)
    if len(decimal):
        at, whole = moving[decimal], _of(whole, decimal)
        numbers = whole - whole[:, :1]
        zeros = _trailing_zeros(numbers.view(np.uint64))  # sizes in pages, times in minutes
        numbers >>= zeros[:, np.newaxis]
        order, second[at], words[decimal] = _cheapest(numbers)
        mode[at], first[at], shift[at] = order + power[decimal], whole[:, 0], zeros
    if len(other):
        own = _of(bits, other)
        xors = own[:, 1:] ^ own[:, :-1]
        zeros = _trailing_zeros(xors)
        shift[moving[other]] = zeros
        words[other] = xors >> zeros.astype(np.uint64)[:, np.newaxis]
    widths[moving], lines = _packed(words)
    for place, line in zip(moving.tolist(), lines, strict=True):
        packed[place] = line
    return mode, first, second, widths, shift, packed


def _of(lines: npt.NDArray[N], places: npt.NDArray[np.intp]) -> npt.NDArray[N]:
    """Return the lines at ascending places; the same object if these are all."""
    return lines if len(places) == len(lines) else lines[places]


def _whole(values: Floats, bits: Words) -> tuple[Ints, Ints]:
    """Return the power of ten that makes whole numbers of the values, -1 for none; the numbers."""
    power = np.full(len(values), -1, np.int64)
    whole = np.zeros(values.shape, np.int64)
    # NaN compares false, too
    left = np.flatnonzero((values.max(axis=1) < _LARGE) & (values.min(axis=1) > -_LARGE))
    for exponent, factor in enumerate(_POWERS):
        if not len(left):
            break
        own = _of(values, left)
        guess = (own if exponent == 0 else np.rint(own * factor)).astype(np.int64)
        again = guess.astype(np.float64)
        if exponent:
            again /= factor
        # bits, not values: -0.0 must come back as it was
        exact = (again.view(np.uint64) == _of(bits, left)).all(axis=1)
        if exact.all():
            power[left], whole[left] = exponent, guess
            break
        power[left[exact]], whole[left[exact]] = exponent, guess[exact]
        left = left[~exact]
    return power, whole


def _cheapest(numbers: Ints) -> tuple[Ints, Ints, Words]:
    """Return for each row the order of differences in the fewest bits, its second, its words."""
    rows, count = numbers.shape
    if count == 1:
        return np.full(rows, _ORDER0), np.zeros(rows, np.int64), np.empty((rows, 0), np.uint64)
    first = numbers[:, 1:] - numbers[:, :-1]
    second = np.zeros_like(first)
    np.subtract(first[:, 1:], first[:, :-1], out=second[:, 1:])
    candidates = [_zigzag(each) for each in (numbers[:, 1:], first, second)]
    best = np.argmin(_bit_lengths(np.stack([_union(words) for words in candidates])), axis=0)
    words = candidates[best[0]]
    for order in np.unique(best).tolist():
        if order != best[0]:
            own = np.flatnonzero(best == order)
            words[own] = candidates[order][own]
    return _ORDER0 + 16 * best, first[:, 0], words


def _trailing_zeros(words: Words) -> Ints:
    union = _union(words)
    lowest = union & (~union + np.uint64(1))
    return np.maximum(_bit_lengths(lowest) - 1, 0)


def decode(chunk: bytes) -> tuple[Ints, Floats]:
    """Return times and values of a chunk."""
    _, times, values = decode_many([chunk])
    return times, values


def decode_many(chunks: Sequence[bytes]) -> tuple[Ints, Ints, Floats]:
    """Return how many samples each chunk holds, and all times and values, one after another."""
    found = Plain(chunks)
    return found.counts, *found.samples()


class Plain:
    """Chunks with zstd taken off: what each begins with, and what they hold."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._plain = [_plain(chunk) if chunk[0] & _ZSTD else chunk for chunk in chunks]
        self.heads = np.frombuffer(b"".join(chunk[:_SIZE] for chunk in self._plain), _LAYOUT)

    @property
    def counts(self) -> Ints:
        """How many samples each chunk holds."""
        return self.heads["count"].astype(np.int64)

    def taken(self, places: npt.NDArray[np.intp]) -> "Plain":
        """Return only these chunks, in this order."""
        found = Plain(())
        found._plain = [self._plain[place] for place in places.tolist()]
        found.heads = self.heads[places]
        return found

    def samples(self) -> tuple[Ints, Floats]:
        """Return all times and values, one after another.

        Of what is packed in no bits at all, all chunks at once; else chunks of one shape together.
        """
        heads, counts = self.heads, self.counts
        begins = np.cumsum(counts) - counts
        times = _even(heads["start"], heads["step"], counts)
        values = self._steady(counts)
        behind = (heads["time_bits"] * np.maximum(counts - 2, 0) + 7) // 8 + _SIZE
        for rows in self._alike(heads["time_bits"]):
            lines = [self._plain[row][_SIZE:] for row in rows.tolist()]
            _put(times, begins[rows], _decoded_times(lines, heads[rows]))
        for rows in self._alike(heads["bits"], heads["mode"] // 16):
            cuts = zip(rows.tolist(), behind[rows].tolist(), strict=True)
            lines = [self._plain[row][begin:] for row, begin in cuts]
            _put(values, begins[rows], _decoded_values(lines, heads[rows]))
        return times, values

    def _steady(self, counts: Ints) -> Floats:
        """Return the values of chunks whose values need no bits: they move evenly or not at all."""
        if self.heads["bits"].all():
            return np.empty(int(counts.sum()))
        mode = self.heads["mode"]
        pace = np.where(mode >= _ORDER2, self.heads["second"], 0) << self.heads["shift"]
        whole = _even(self.heads["first"], pace, counts)
        values: Floats = whole.astype(np.float64)
        power = _POWERS[mode % 16]
        if (power > 1).any():
            values /= np.repeat(power, counts)
        if (still := mode == _XOR).any():
            of = np.repeat(still, counts)
            values[of] = whole[of].view(np.float64)
        return values

    def _alike(self, bits: Ints, *more: Ints) -> Iterator[npt.NDArray[np.intp]]:
        """Yield the places of chunks that have samples in so many bits, and as many samples."""
        some = np.flatnonzero(bits)
        shape = bits[some].astype(np.int64)
        for part in (*more, self.heads["count"]):
            shape = shape * 65_536 + part[some]
        order = some[np.argsort(shape, kind="stable")]
        shape.sort()
        yield from np.split(order, np.flatnonzero(np.diff(shape)) + 1) if len(order) else ()


def _even(first: Ints, pace: Ints, counts: Ints) -> Ints:
    """Return rows that move evenly, one after another.

    Rows of about one length are laid out as lines; others are sums, of which each waits for the
    one before it.
    """
    width = int(counts.max(initial=0))
    if width * len(counts) <= UNEVEN * counts.sum():
        beside = np.arange(width)
        alike = len(pace) > 0 and bool((pace == pace[0]).all())
        lines: Ints = pace[0] * beside if alike else pace[:, np.newaxis] * beside
        lines = first[:, np.newaxis] + lines
        return lines.ravel() if (counts == width).all() else lines[beside < counts[:, np.newaxis]]
    steps = np.repeat(pace, counts)
    steps[np.cumsum(counts) - counts] = first - np.append(0, (first + pace * (counts - 1))[:-1])
    return np.cumsum(steps, out=steps)


def _put(into: npt.NDArray[N], begins: Ints, lines: npt.NDArray[N]) -> None:
    """Write each line where it begins."""
    count = lines.shape[1]
    if begins[-1] - begins[0] == count * (len(begins) - 1):  # one after another
        into[begins[0] : begins[0] + lines.size] = lines.ravel()
    else:
        into[begins[:, np.newaxis] + np.arange(count)] = lines


def _plain(chunk: bytes) -> bytes:
    return b"\0" + bytes(zstd.decompress(chunk[1:]))


def _decoded_times(lines: Sequence[bytes], of: Heads) -> Ints:
    count, bits = int(of["count"][0]), int(of["time_bits"][0])
    size = (bits * (count - 2) + 7) // 8
    times = np.zeros((len(of), count), np.int64)
    times[:, 1] = of["step"]
    times[:, 2:] = _unzigzag(_unpacked([line[:size] for line in lines], bits, count - 2))
    sums: Ints = of["start"][:, np.newaxis] + np.cumsum(np.cumsum(times, axis=1), axis=1)
    return sums


def _decoded_values(lines: Sequence[bytes], of: Heads) -> Floats:
    count, mode = int(of["count"][0]), int(of["mode"][0])
    words = _unpacked(lines, int(of["bits"][0]), count - 1)
    shift = of["shift"][:, np.newaxis]
    if mode == _XOR:
        chain = np.empty((len(of), count), np.uint64)
        chain[:, 0] = of["first"].view(np.uint64)
        chain[:, 1:] = words << shift
        return np.bitwise_xor.accumulate(chain, axis=1).view(np.float64)
    whole = np.zeros((len(of), count), np.int64)
    whole[:, 1:] = _unzigzag(words)
    if mode >= _ORDER2:
        whole[:, 1] = of["second"]
        whole = np.cumsum(whole, axis=1)
    if mode >= _ORDER1:
        whole = np.cumsum(whole, axis=1)
    power = _POWERS[of["mode"] % 16][:, np.newaxis]
    values: Floats = (of["first"][:, np.newaxis] + (whole << shift)) / power
    return values
