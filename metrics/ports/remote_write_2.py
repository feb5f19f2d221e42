"""Remote write 2.0 (prometheus/docs: specs/prw/remote_write_spec_2_0.md): decoder.

Labels are references into a table of symbols that comes with each request.
"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kit.errors import Invalid
from metrics.batch import Ints, Refs
from metrics.columns import NAME
from metrics.described import NOTHING, About, family
from metrics.ports import wire
from metrics.ports.decode import NATIVE, Breathe, Decoded, Gathering, Naming, Placed, columns
from metrics.ports.laid import Laid, laid
from metrics.ports.layouts import LONGEST, Layout, Layouts, words_of
from metrics.ports.orders import Order
from metrics.ports.packed import unpack, unpacked, unpacked_size
from metrics.ports.protobuf import metadata_2
from metrics.ports.request_2 import Seen, first_of_references, references, seen
from metrics.ports.symbols import MISSING, PREFIX, Keys, Memory, Numbers, Table, Tables

ODD_SLICE = 250
HUGE = 64 * 1024
"""Bytes of a message that is taken apart in a thread: it has a great many samples."""
MISSES = 8
"""Requests unlike the one before after which only each eighth is compared with it."""


class _Odd(NamedTuple):
    """A message that is not of a known series; `key` is its labels' numbers, if it is usual."""

    place: int
    key: bytes
    message: bytes


class _Found(Placed):
    """The columns of one request, with what of it is not usual."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: list[_Odd] = []
        self.seen: list[Seen] = []


class RemoteWrite2Decoder:
    """Decodes Requests; remembers the labels of known series, for each tenant apart."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._memories: dict[str | None, Memory] = {}
        self._tables = Tables()
        self._layouts = Layouts(first_of_references)
        self._room = bytearray(LONGEST)

    def forget(self) -> None:
        """Drop what is remembered of senders' labels."""
        self._memories.clear()
        self._forget_requests()

    def _forget_requests(self) -> None:
        self._tables.clear()
        self._layouts.clear()

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a Request; a malformed one is refused as a whole."""
        size = unpacked_size(body, self._naming.limits.body_bytes)
        if size > LONGEST:
            request = await asyncio.to_thread(unpacked, body, size)
            return await self._anew(request, client, breathe)
        size = unpack(body, self._room)
        table = self._tables.find(self._room, size, client)
        if table is not None and not (table.missed > MISSES and table.missed % MISSES):
            begin = len(table.symbols)
            alike = self._layouts.read(self._room, size, table, table.keys, begin=begin)
            if alike is not None:
                table.missed //= 2
                return Decoded(alike.refs, alike.times, alike.values)
        return await self._anew(bytes(memoryview(self._room)[:size]), client, breathe, table)

    async def _anew(
        self, request: bytes, client: str | None, breathe: Breathe, table: Table | None = None
    ) -> Decoded:
        """Decode a request by its symbols, and remember it if it has come again."""
        symbols, parts = await laid(request, breathe)
        memory = self._memory_of(client)
        numbers = memory.numbers(symbols)
        found, said = _Found(), Gathering()
        start = 0
        for part in parts:
            if start:
                await breathe()
            _known(part, start, numbers, (memory, found))
            start += len(part.begins)
        if not found.odd and len(parts) == 1 and parts[0].starts is not None:
            if self._memories.get(client) is memory:  # else forgotten while others had their turn
                self._remember(request, table or client, parts[0].starts, found)
            return found.decoded(said)
        # all are taken apart before the first is named: a malformed body changes nothing
        apart: list[list[tuple[_Odd, wire.Series2]]] = []
        for start in range(0, len(found.odd), ODD_SLICE):
            some = found.odd[start : start + ODD_SLICE]
            apart.append([(odd, await _series(odd.message)) for odd in some])
            await breathe()
        for taken in apart:
            self._named(taken, symbols, (memory, client), (found, said))
            await breathe()
        return found.decoded(said)

    def _remember(
        self, request: bytes, whose: Table | str | None, starts: Ints, found: _Found
    ) -> None:
        """Remember a request of known series with one sample each.

        `whose` is its table, or the client where none is known yet. A request that is unlike the
        one before again and again is remembered less and less often: it takes its time.
        """
        symbols = request[: int(starts[0])]
        if isinstance(whose, Table):
            whose.missed += 1
            if whose.missed & (whose.missed - 1) or whose.symbols != symbols:
                return
            table = whose
        elif self._tables.again(symbols, whose):
            if self._tables.full:
                self._forget_requests()
            table = Table(symbols, Keys())
            self._tables.remember(table, request[:PREFIX], whose)
        else:
            return
        there, refs = found.seen[0], found.refs[0]
        if not np.array_equal(refs, table.refs):  # else its keys are those of last time
            keys = zip(there.labels_at.tolist(), there.labels_size.tolist(), strict=True)
            for (at, size), ref in zip(keys, refs.tolist(), strict=True):
                table.keys[request[at : at + size]] = ref
            table.refs = refs
        self._layouts.remember(_layout(request, table, starts, found))

    def _named(
        self,
        taken: Sequence[tuple[_Odd, "wire.Series2"]],
        symbols: list[bytes],
        whose: tuple[Memory, str | None],
        into: tuple[_Found, Gathering],
    ) -> None:
        memory, client = whose
        found, said = into
        places: list[int] = []
        refs: list[int] = []
        times: list[int] = []
        values: list[float] = []
        for odd, series in taken:
            pairs: list[tuple[str, str]] = []
            try:
                pairs = _pairs(series.references, symbols)
                ref = memory.series[odd.key] if odd.key else MISSING
                if series.times and ref == MISSING:
                    ref = self._naming.ref(pairs, client)
                    self._describe(pairs, metadata_2(series.about, symbols), client)
            except Invalid as why:
                said.refuse(_shown(pairs), why, len(series.times) + series.histograms)
                continue
            if series.histograms:
                said.refuse(_shown(pairs), NATIVE, series.histograms)
            if not series.times:
                continue
            if odd.key:
                memory.series[odd.key] = ref
            places += [odd.place] * len(series.times)
            refs += [ref] * len(series.times)
            times += series.times
            values += series.values
        found.add(np.array(places, np.int64), *columns(refs, times, values))

    def _describe(self, pairs: list[tuple[str, str]], about: About, client: str | None) -> None:
        name = next(value for name, value in pairs if name == NAME)
        if about != NOTHING:
            self._naming.describe(client, [(family(name, about.kind), about)])

    def _memory_of(self, client: str | None) -> Memory:
        memory = self._memories.get(client)
        if memory is None or memory.full:
            series = self._naming.limits.series
            memory = self._memories[client] = Memory(2 * series if client else 20 * series)
        return memory


def _known(part: Laid, start: int, numbers: Numbers, into: tuple[Memory, _Found]) -> None:
    """Find the samples of messages that are the references of a known series and one sample."""
    memory, found = into
    count = len(part.begins)
    there = seen(part.octets, part.begins, part.ends)
    usual = bool(there.good.all())
    at = np.arange(count) if usual else np.flatnonzero(there.good)
    labels_at, sizes = there.labels_at, there.labels_size
    if not usual:
        labels_at, sizes = labels_at[at], sizes[at]
    read = references(np.frombuffer(part.octets, np.uint8), labels_at, sizes)
    some, named = np.full(len(at), MISSING, np.int32), [b""] * len(at)
    if len(read.flat) and int(read.flat.max()) < len(numbers):
        cuts = np.zeros(len(at) + 1, np.int64)
        np.cumsum(read.counts, out=cuts[1:])
        some, named = _refs(numbers[read.flat], cuts, memory)
    if usual and count and int(some.min()) != MISSING:
        found.add(at + start, some, there.times, there.values)
        found.seen.append(there)
        return
    refs, keys = np.full(count, MISSING, np.int32), [b""] * count
    refs[at] = some
    for place, key in zip(at.tolist(), named, strict=False):  # none if all are known
        keys[place] = key
    known, odd = np.flatnonzero(refs != MISSING), np.flatnonzero(refs == MISSING)
    found.add(known + start, refs[known], there.times[known], there.values[known])
    found.odd += [_Odd(place + start, keys[place], part.message(place)) for place in odd.tolist()]


def _refs(flat: Numbers, cuts: Ints, memory: Memory) -> tuple[Refs, list[bytes]]:
    """Return the refs of series given by the numbers of their labels, and their keys.

    The keys are left out where all are known as they come.
    """
    refs = memory.orders.read(flat, cuts, memory.series)
    if refs is not None:
        return refs, []
    blob = flat.tobytes()
    named = [blob[a:b] for a, b in pairwise((4 * cuts).tolist())]
    refs = np.fromiter(map(memory.series.__getitem__, named), np.int32, len(named))
    if len(refs) and int(refs.min()) != MISSING:
        memory.orders.remember(Order(flat, cuts, refs))
    return refs, named


def _layout(request: bytes, table: Table, starts: Ints, found: _Found) -> Layout:
    """Return the layout of a request whose messages `found` has seen, all in one look."""
    there, refs = found.seen[0], found.refs[0]
    time_at, value_at = there.time_at, there.value_at
    words = words_of(request, len(request))
    return Layout(
        sender=table,
        octets=np.frombuffer(request, np.uint8),
        starts=np.append(starts, len(request)).astype(np.int32),
        refs=refs,
        kept=np.where(there.zero, np.uint64(0), ~np.uint64(0)),
        value_at=value_at.astype(np.int32),
        time_at=time_at.astype(np.int32),
        values=words[value_at],
        times=words[time_at],
    )


async def _series(message: bytes) -> "wire.Series2":
    if len(message) > HUGE:
        return await asyncio.to_thread(wire.Series2, message)
    return wire.Series2(message)


def _pairs(refs: list[int], symbols: list[bytes]) -> list[tuple[str, str]]:
    """Return the labels that references stand for; a series without a name is refused."""
    if len(refs) % 2 or (refs and max(refs) >= len(symbols)):
        raise Invalid("a label refers to no symbol", field="labels")
    try:
        texts = [symbols[ref].decode() for ref in refs]
    except UnicodeDecodeError:
        raise Invalid("a label is not valid UTF-8", field="labels") from None
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    if not any(name == NAME and value for name, value in pairs):
        raise Invalid("a series without a name", field="labels")
    return pairs


def _shown(pairs: list[tuple[str, str]]) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in sorted(pairs))
    return f"{{{shown}}}"[:300]
