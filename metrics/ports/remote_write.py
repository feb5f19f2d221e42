"""Remote write 1.0 (prometheus/docs: specs/prw/remote_write_spec.md): decoder and HTTP door."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from cramjam import DecompressionError, snappy
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from kit.errors import Invalid, TooLarge, Unsupported
from metrics.batch import Floats, Ints
from metrics.ports import wire
from metrics.ports.decode import Breathe, Decoded, Gathering, Naming
from metrics.ports.http import Door, Headers

SLICE = 8192
MISSING = -1
_U64 = np.uint64


def _split_message() -> Any:
    """Return a message class that takes a WriteRequest's series as bytes, unparsed."""
    file = descriptor_pb2.FileDescriptorProto(
        name="langyan/split.proto", package="langyan", syntax="proto3"
    )
    field = file.message_type.add(name="Split").field.add(name="timeseries", number=1)
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("langyan.Split"))


_Split = _split_message()


def unpacked(body: bytes, most: int) -> bytes:
    """Return a snappy block's content; its size is read, and judged, before it is unpacked."""
    try:
        size, _ = wire.varint(body, 0)
    except Invalid:
        raise Invalid("the body is not a snappy block") from None
    if size > most:
        raise TooLarge(f"{size} bytes unpacked, {most} are taken at once")
    if size > len(body) * 64:  # snappy's densest element makes 64 bytes of 3
        raise Invalid("the body is not a snappy block")
    try:
        return bytes(snappy.decompress_raw(body))
    except DecompressionError:
        raise Invalid("the body is not a snappy block") from None


def split(request: bytes) -> list[bytes]:
    """Return the TimeSeries messages of a WriteRequest."""
    try:
        return list(_Split.FromString(request).timeseries)
    except DecodeError:
        raise Invalid("the body is not a WriteRequest message") from None


def _times(word: npt.NDArray[np.uint64]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the times in the last six bytes of each word, and where those are one varint."""
    bits = word >> _U64(16)
    fits = (bits & _U64(0x808080808080)) == _U64(0x008080808080)
    times = bits & _U64(0x7F)
    for place in range(1, 6):
        times |= (bits >> _U64(place)) & _U64(0x7F << 7 * place)
    return times.view(np.int64), fits


def full_tails(
    tails: Sequence[bytes],
) -> tuple[Ints, Floats, npt.NDArray[np.bool_]]:
    """Read the last 18 bytes of series as samples; where the tags do not fit, the mask is off."""
    rows = np.frombuffer(b"".join(tails), _FULL)
    times, fits = _times(rows["rest"])
    fits &= rows["head"] == 0x1012
    fits &= rows["tag"] == 0x09
    fits &= (rows["rest"] & _U64(0xFF00)) == _U64(0x1000)
    return times, rows["value"], fits


def zero_tails(tails: Sequence[bytes]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Read the last 9 bytes of series as samples of value zero, which proto3 leaves out."""
    rows = np.frombuffer(b"".join(tails), _ZERO)
    times, fits = _times(rows["rest"])
    fits &= rows["head"] == 0x12
    fits &= (rows["rest"] & _U64(0xFFFF)) == _U64(0x1007)
    return times, fits


# offsets overlap: `rest` is the word that ends with the six bytes of the time
_FULL = np.dtype(
    {
        "names": ["head", "tag", "value", "rest"],
        "formats": ["<u2", "u1", "<f8", "<u8"],
        "offsets": [0, 2, 3, 10],
        "itemsize": 18,
    }
)
_ZERO = np.dtype({"names": ["head", "rest"], "formats": ["u1", "<u8"], "offsets": [0, 1]})


class _Found:
    """The columns of one request, with the number of the message that each sample stood in."""

    def __init__(self) -> None:
        self.places: list[Ints] = []
        self.refs: list[npt.NDArray[np.int32]] = []
        self.times: list[Ints] = []
        self.values: list[Floats] = []
        self.odd: list[int] = []

    def add(self, places: Ints, refs: npt.NDArray[np.int32], times: Ints, values: Floats) -> None:
        """Take columns of equal length."""
        self.places.append(places)
        self.refs.append(refs)
        self.times.append(times)
        self.values.append(values)

    def decoded(self, said: Gathering) -> Decoded:
        """Return everything in the order in which it was sent."""
        if len(self.places) == 1:
            return Decoded(self.refs[0], self.times[0], self.values[0], said.refused, said.reason)
        places = np.concatenate([*self.places, np.empty(0, np.int64)])
        order = np.argsort(places, kind="stable")
        refs = np.concatenate([*self.refs, np.empty(0, np.int32)])[order]
        times = np.concatenate([*self.times, np.empty(0, np.int64)])[order]
        values = np.concatenate([*self.values, np.empty(0, np.float64)])[order]
        return Decoded(refs, times, values, said.refused, said.reason)


class RemoteWriteDecoder:
    """Decodes WriteRequests; remembers the label bytes of known series, for each tenant apart."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._keys: dict[str | None, dict[bytes, int]] = {}

    def forget(self) -> None:
        """Drop the remembered label bytes."""
        self._keys.clear()

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a WriteRequest; a malformed one is refused as a whole."""
        messages = split(unpacked(body, self._naming.limits.body_bytes))
        keys = self._keys.setdefault(client, {})
        found, said = _Found(), Gathering()
        for start in range(0, len(messages), SLICE):
            if start:
                await breathe()
            self._known(messages[start : start + SLICE], start, keys, found)
        if found.odd:
            # all are taken apart before the first is named: a malformed body changes nothing
            apart: list[wire.Series] = []
            for number, place in enumerate(found.odd):
                if number % 1000 == 999:
                    await breathe()
                apart.append(wire.Series(messages[place]))
            for number, (place, series) in enumerate(zip(found.odd, apart, strict=True)):
                if number % 1000 == 999:
                    await breathe()
                self._slow(messages[place], place, series, (keys, client, found, said))
        return found.decoded(said)

    def _known(
        self, messages: list[bytes], start: int, keys: dict[bytes, int], found: _Found
    ) -> None:
        get = keys.get
        refs = np.fromiter([get(one[:-18], MISSING) for one in messages], np.int32, len(messages))
        at = np.flatnonzero(refs >= 0)
        if len(at):
            whole = len(at) == len(messages)
            chosen = messages if whole else [messages[i] for i in at]
            times, values, fits = full_tails([one[-18:] for one in chosen])
            if not fits.all():
                found.odd += (at[~fits] + start).tolist()
                at, times, values = at[fits], times[fits], values[fits]
            found.add(at + start, refs if whole and fits.all() else refs[at], times, values)
            if whole:
                return
        self._zeros(messages, np.flatnonzero(refs < 0), start, (keys, found))

    def _zeros(
        self, messages: list[bytes], at: Ints, start: int, into: tuple[dict[bytes, int], _Found]
    ) -> None:
        keys, found = into
        get = keys.get
        refs = np.array([get(messages[i][:-9], MISSING) for i in at], np.int32)
        found.odd += (at[refs < 0] + start).tolist()
        at, refs = at[refs >= 0], refs[refs >= 0]
        if len(at):
            times, fits = zero_tails([messages[i][-9:] for i in at])
            found.odd += (at[~fits] + start).tolist()
            found.add(at[fits] + start, refs[fits], times[fits], np.zeros(int(fits.sum())))

    def _slow(
        self,
        message: bytes,
        place: int,
        series: wire.Series,
        into: tuple[dict[bytes, int], str | None, _Found, Gathering],
    ) -> None:
        keys, client, found, said = into
        if not series.times:
            return
        prefix = message[: series.prefix]
        ref = keys.get(prefix, MISSING) if prefix else MISSING
        if ref == MISSING:
            try:
                pairs = [(name.decode(), value.decode()) for name, value in series.labels]
                ref = self._naming.ref(pairs, client)
            except UnicodeDecodeError:
                bad = Invalid("a label is not valid UTF-8", field="labels")
                said.refuse(_shown(series), bad, len(series.times))
                return
            except Invalid as why:
                said.refuse(_shown(series), why, len(series.times))
                return
            if prefix:
                self._remember(keys, prefix, ref)
        count = len(series.times)
        found.add(
            np.full(count, place, np.int64),
            np.full(count, ref, np.int32),
            np.array(series.times, np.int64),
            np.array(series.values, np.float64),
        )

    def _remember(self, keys: dict[bytes, int], prefix: bytes, ref: int) -> None:
        if len(keys) >= 2 * self._naming.limits.series:
            keys.clear()  # bounded: a sender that varies its bytes only slows itself down
        keys[prefix] = ref


def _shown(series: wire.Series) -> str:
    shown = ", ".join(
        f"{name.decode(errors='replace')}={value.decode(errors='replace')!r}"
        for name, value in sorted(series.labels)
    )
    return f"{{{shown}}}"[:300]


class RemoteWrite(Door):
    """POST /prometheus/api/v1/write."""

    port = "remote_write"

    def check(self, headers: Headers) -> None:
        """Take snappy-compressed protobuf of version 1."""
        if headers.get(b"content-encoding", b"").strip().lower() != b"snappy":
            raise Unsupported("Content-Encoding has to be snappy")
        kind, _, parameters = headers.get(b"content-type", b"").lower().partition(b";")
        if kind.strip() != b"application/x-protobuf":
            raise Unsupported("Content-Type has to be application/x-protobuf")
        message = parameters.replace(b" ", b"").replace(b'"', b"")
        if message not in (b"", b"proto=prometheus.writerequest"):
            raise Unsupported("only remote write 1.0 (prometheus.WriteRequest) is spoken here")
        if headers.get(b"x-prometheus-remote-write-version", b"0.1.0").startswith(b"2"):
            raise Unsupported("only remote write 1.0 is spoken here")
