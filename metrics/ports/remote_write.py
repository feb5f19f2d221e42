"""Remote write 1.0 (prometheus/docs: specs/prw/remote_write_spec.md): decoder."""

import asyncio
from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from kit.errors import Invalid
from metrics.batch import Floats, Ints
from metrics.columns import NAME
from metrics.ports import wire
from metrics.ports.decode import NATIVE, Breathe, Decoded, Gathering, Naming, Placed, columns
from metrics.ports.layouts import LONGEST, Layouts, layout_of, times_of
from metrics.ports.packed import unpack, unpacked, unpacked_size
from metrics.ports.protobuf import label_pairs, metadata, pieces, split

PIECE = 512 * 1024
SLICE = 4096
ODD_SLICE = 250
HUGE = 64 * 1024
"""Bytes of a message that is taken apart in a thread: it has a great many samples."""
SMALLEST = 24
"""Bytes of a series at the least, with a name, a value and the time of this century."""
MISSING = -1
_U64 = np.uint64
_LAST_18 = itemgetter(slice(-18, None))
_BEFORE_18 = itemgetter(slice(None, -18))

Mask: TypeAlias = npt.NDArray[np.bool_]


# fields overlap: `rest` is the word that ends with the six bytes of the time
_TAIL = np.dtype(
    {
        "names": ["head", "tag", "value", "zero", "rest"],
        "formats": ["<u2", "u1", "<f8", "u1", "<u8"],
        "offsets": [0, 2, 3, 9, 10],
        "itemsize": 18,
    }
)


def read_tails(tails: bytes) -> tuple[Ints, Floats, Mask, Mask]:
    """Read the last 18 bytes of each message as one sample, if they look like one.

    Returns times, values, where all 18 bytes are a sample, and where the last nine are one of
    value zero, which proto3 leaves out. Only the tags and lengths are checked: whether a field
    begins there at all shows when the bytes before it are the labels of a known series.
    """
    rows = np.frombuffer(tails, _TAIL)
    rest = rows["rest"]
    bits = rest >> _U64(16)
    timed = (bits & _U64(0x808080808080)) == _U64(0x008080808080)
    tags = rest & _U64(0xFFFF)
    full = timed & (rows["head"] == 0x1012) & (rows["tag"] == 0x09)
    full &= (tags & _U64(0xFF00)) == _U64(0x1000)
    zero = timed & ~full & (rows["zero"] == 0x12) & (tags == _U64(0x1007))
    return times_of(rest), np.where(full, rows["value"], 0.0), full, zero


class _Keys(dict[bytes, int]):
    """Label bytes as senders write them, and the refs of their series; MISSING for others."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __missing__(self, key: bytes) -> int:
        return MISSING


class _Odd(NamedTuple):
    """A message that is not of a known series: `cut` is where its only sample may begin, or 0."""

    place: int
    cut: int
    time: int
    value: float


class _Apart(NamedTuple):
    """An odd message taken apart; `pairs` None is labels that are not UTF-8.

    `histograms` is how many native ones it has.
    """

    place: int
    prefix: bytes
    pairs: list[tuple[str, str]] | None
    times: list[int]
    values: list[float]
    histograms: int = 0


class _Found(Placed):
    """The columns of one request, with what of it is not usual."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: list[_Odd] = []
        self.zero: list[Mask] = []

    @property
    def complete(self) -> bool:
        """Tell whether every message was of a known series, with one sample."""
        return len(self.zero) == len(self.refs)


class RemoteWriteDecoder:
    """Decodes WriteRequests; remembers the label bytes of known series, for each tenant apart."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._keys: dict[str | None, _Keys] = {}
        self._layouts = Layouts()
        self._room = bytearray(LONGEST)  # used again and again: fresh memory costs more

    def forget(self) -> None:
        """Drop the remembered label bytes."""
        self._keys.clear()
        self._layouts.clear()

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a WriteRequest; a malformed one is refused as a whole."""
        keys = self._keys_of(client)
        size = unpacked_size(body, self._naming.limits.body_bytes)
        if size <= LONGEST:
            size = unpack(body, self._room)
            if alike := self._layouts.read(self._room, size, client, keys):
                return Decoded(alike.refs, alike.times, alike.values)
            request = bytes(memoryview(self._room)[:size])
        else:
            request = await asyncio.to_thread(unpacked, body, size)
        return await self._anew(request, keys, client, breathe)

    async def _anew(
        self, request: bytes, keys: _Keys, client: str | None, breathe: Breathe
    ) -> Decoded:
        """Decode a request message by message, and remember it if it may come again."""
        messages = await _messages(request, breathe)
        if not messages:  # Prometheus sends what it knows about metrics by itself
            self._naming.describe(client, metadata(request))
        found, said = _Found(), Gathering()
        for start in range(0, len(messages), SLICE):
            if start:
                await breathe()
            self._known(messages[start : start + SLICE], start, keys, found)
        forgotten = self._keys.get(client) is not keys  # while others had their turn
        if messages and found.complete and not forgotten and len(request) <= LONGEST:
            self._remember(request, client, messages, found)
        # all are taken apart before the first is named: a malformed body changes nothing
        apart: deque[list[_Apart]] = deque()
        for start in range(0, len(found.odd), ODD_SLICE):
            some = found.odd[start : start + ODD_SLICE]
            apart.append([await _taken_apart(messages[odd.place], odd) for odd in some])
            await breathe()
        while apart:  # each slice is let go of as it is done: all at once would take its time
            self._named(apart.popleft(), keys, client, (found, said))
            await breathe()
        return found.decoded(said)

    def _remember(
        self, request: bytes, client: str | None, messages: list[bytes], found: _Found
    ) -> None:
        lengths = np.fromiter(map(len, messages), np.int64, len(messages))
        refs, zero = np.concatenate(found.refs), np.concatenate(found.zero)
        layout = layout_of(request, client, lengths, refs, zero)
        if layout is not None:
            self._layouts.remember(layout)

    def _known(self, messages: list[bytes], start: int, keys: _Keys, found: _Found) -> None:
        """Find the samples of messages that are the labels of a known series and one sample."""
        tails = b"".join(map(_LAST_18, messages))
        if len(tails) != 18 * len(messages):
            tails = b"".join(one[-18:].rjust(18, b"\0") for one in messages)
        times, values, full, zero = read_tails(tails)
        if full.all():
            heads: Iterator[bytes] = map(_BEFORE_18, messages)
        else:
            cuts = np.where(full, -18, -9).tolist()
            heads = iter([one[:cut] for one, cut in zip(messages, cuts, strict=True)])
        refs = np.fromiter(map(keys.__getitem__, heads), np.int32, len(messages))
        known = (refs != MISSING) & (full | zero)
        if known.all():
            places = np.arange(start, start + len(messages))
            found.add(places, refs, times, values)
            found.zero.append(zero)
            return
        at, odd = np.flatnonzero(known), np.flatnonzero(~known)
        found.add(at + start, refs[at], times[at], values[at])
        begins = np.where(full[odd], -18, np.where(zero[odd], -9, 0))
        parts = (odd + start, begins, times[odd], values[odd])
        found.odd += map(_Odd, *(part.tolist() for part in parts))

    def _named(
        self,
        messages: list[_Apart],
        keys: _Keys,
        client: str | None,
        into: tuple[_Found, Gathering],
    ) -> None:
        found, said = into
        places: list[int] = []
        refs: list[int] = []
        times: list[int] = []
        values: list[float] = []
        for one in messages:
            if one.histograms:
                said.refuse(_shown(one), NATIVE, one.histograms)
            if not one.times:
                continue
            try:
                ref = self._ref(one, keys, client)
            except Invalid as why:
                said.refuse(_shown(one), why, len(one.times))
                continue
            places += [one.place] * len(one.times)
            refs += [ref] * len(one.times)
            times += one.times
            values += one.values
        found.add(np.array(places, np.int64), *columns(refs, times, values))

    def _ref(self, one: _Apart, keys: _Keys, client: str | None) -> int:
        ref = keys[one.prefix] if one.prefix else MISSING
        if ref == MISSING:
            if one.pairs is None:
                raise Invalid("a label is not valid UTF-8", field="labels")
            if not any(name == NAME and value for name, value in one.pairs):
                raise Invalid("a series without a name", field="labels")
            ref = self._naming.ref(one.pairs, client)
            if one.prefix:
                if len(keys) >= keys.most:
                    keys.clear()  # a sender that varies its bytes only slows itself down
                keys[one.prefix] = ref
        return ref

    def _keys_of(self, client: str | None) -> _Keys:
        known = self._keys.get(client)
        if known is None:
            series = self._naming.limits.series
            most = 2 * series if client else 20 * series
            known = self._keys[client] = _Keys(most)
        return known


async def _messages(request: bytes, breathe: Breathe) -> list[bytes]:
    if len(request) <= LONGEST:
        return _believable(split(request), len(request))
    messages: list[bytes] = []
    for piece in pieces(request, PIECE):
        messages += _believable(split(piece), len(piece))
        await breathe()
    return messages


def _believable(messages: list[bytes], size: int) -> list[bytes]:
    """Refuse messages that can be no series: millions of empty ones fit into one body."""
    if len(messages) > size // SMALLEST + 16:
        raise Invalid("the body is not a WriteRequest message: more series than it has room for")
    return messages


async def _taken_apart(message: bytes, odd: _Odd) -> _Apart:
    if len(message) > HUGE:
        return await asyncio.to_thread(_apart, message, odd)
    return _apart(message, odd)


def _apart(message: bytes, odd: _Odd) -> _Apart:
    if odd.cut and len(message) <= HUGE:
        prefix = message[: odd.cut]
        pairs = label_pairs(prefix)
        if pairs:
            return _Apart(odd.place, prefix, pairs, [odd.time], [odd.value])
    series = wire.Series(message)
    try:
        pairs = [(name.decode(), value.decode()) for name, value in series.labels]
    except UnicodeDecodeError:
        pairs = None
    prefix = message[: series.prefix]
    return _Apart(odd.place, prefix, pairs, series.times, series.values, series.histograms)


def _shown(one: _Apart) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in sorted(one.pairs or []))
    return f"{{{shown}}}"[:300]
