"""Remote write 2.0: whatever was learned, it reads as if nothing had been; the odd is refused."""

import struct

import pytest
from cramjam import snappy, zstd
from hypothesis import example, given
from hypothesis import strategies as st

from kit.errors import Invalid, Refusal, TooLarge
from metrics.columns import STALE, Labels
from metrics.labels import Limits
from metrics.ports.decode import Decoded, Naming
from metrics.ports.encode import delimited, packed, request_2, varint
from metrics.ports.remote_write_2 import RemoteWrite2Decoder
from metrics.series import Registry
from tests.support.remote_write_2 import Request2, of, since
from tests.support.samples import sample, series

AT = 1_790_000_000_000
CPU, DISK = series("cpu", job="node"), series("disk", job="node")
FLEET = [series("cpu", host=f"h{number:03d}" * (1 + number % 40)) for number in range(12)]
ABOUT = delimited(5, packed([0x08, 1, 0x18, 2]))
EXEMPLAR = delimited(4, delimited(1, packed([1, 2])) + b"\x11" + struct.pack("<d", 0.5))


async def _at_once() -> None:
    return


class Port:
    """A decoder and what it has learned."""

    def __init__(self, **limits: int) -> None:
        self.registry = Registry(Limits(**limits))
        naming = Naming(self.registry, lambda: {"house", "acme"}, drills=False)
        self.decoder = RemoteWrite2Decoder(naming)

    async def raw(self, body: bytes, client: str | None = "acme") -> Decoded:
        return await self.decoder.decode(body, client=client, arrived=AT, breathe=_at_once)

    async def read(self, body: bytes, client: str | None = "acme") -> list[tuple[Labels, int, int]]:
        got = await self.raw(body, client)
        labels = [self.registry.labels[ref] for ref in got.refs.tolist()]
        bits = got.values.view("u8").tolist()
        return list(zip(labels, got.times.tolist(), bits, strict=True))


@pytest.fixture
def port() -> Port:
    return Port()


async def test_a_request_reads_the_same_however_often_it_comes(port: Port) -> None:
    values = [97.0, 0.0, STALE, float("inf"), -1.5]
    labels = [*FLEET[:3], CPU, DISK]
    for number in range(6):
        times = [AT + number] * 5
        got = await port.raw(bytes(snappy.compress_raw(request_2(labels, times, values))))
        assert got.values.view("u8").tolist() == [
            struct.unpack("<Q", struct.pack("<d", value))[0] for value in values
        ]
        assert got.times.tolist() == times
    assert len(port.registry) == 5


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param((), id="nothing else"),
        pytest.param((ABOUT,), id="words about it"),
        pytest.param((delimited(5, b""),), id="no words about it"),
        pytest.param((EXEMPLAR, ABOUT), id="an exemplar"),
        pytest.param((sample(AT + 1, 3.0), ABOUT), id="two samples"),
        pytest.param((b"\x30" + varint(AT - 1000),), id="when it was created"),
        pytest.param((delimited(9, b"x" * 300),), id="an unknown field"),
    ],
)
@pytest.mark.parametrize("value", [1.5, 0.0])
async def test_what_stands_beside_a_sample_changes_nothing(
    port: Port, rest: tuple[bytes, ...], value: float
) -> None:
    made = Request2()
    made.add(CPU, [(AT, value)], *rest)
    made.add(DISK, [(AT, 2.0)], ABOUT)
    got = [(await port.raw(made.body())) for _ in range(4)]
    more = [3.0] if sample(AT + 1, 3.0) in rest else []
    for one in got:
        assert (one.values.tolist(), one.refused) == ([value, *more, 2.0], 0)


async def test_a_sample_may_say_since_when_it_counts(port: Port) -> None:
    for start in (AT - 5000, AT - 5000, AT - 5000, AT - 4000, 7):
        made = Request2()
        made.messages = [
            made.labels(CPU) + since(AT, 5.0, start) + ABOUT,
            made.labels(DISK) + since(AT, 0.0, start),
        ]
        assert (await port.raw(made.body())).values.tolist() == [5.0, 0.0]


async def test_references_need_not_be_packed_nor_labels_sorted(port: Port) -> None:
    made = Request2()
    refs = [made.ref(text) for pair in reversed(CPU) for text in pair]
    made.messages = [b"".join(b"\x08" + varint(ref) for ref in refs) + sample(AT, 1.0)]
    assert await port.read(made.body()) == await port.read(of([(CPU, [(AT, 1.0)])]))


async def test_more_symbols_than_a_byte_can_count_are_told_apart(port: Port) -> None:
    labels = [series("wide", host=f"host-{number}") for number in range(17_000)]
    body = bytes(snappy.compress_raw(request_2(labels, [AT] * 17_000, [1.0] * 17_000)))
    for _ in range(3):
        got = await port.read(body)
        assert [dict(of)["host"] for of, _, _ in got] == [dict(of)["host"] for of in labels]


samples = st.tuples(
    st.integers(0, len(FLEET) - 1),
    st.sampled_from([0.0, 1.5, -2.0, 1e300]),
    st.sampled_from([AT, AT + 1, AT + 70_000, 5, -1, 0]),
)
bodies = st.tuples(st.lists(samples, max_size=15), st.sampled_from(["acme", None]))


@given(st.lists(bodies, min_size=2, max_size=6))
async def test_what_was_learned_changes_no_sample(
    sent: list[tuple[list[tuple[int, float, int]], str | None]],
) -> None:
    learned, anew = Port(), Port()
    for listed, client in [*sent, *sent, *sent]:
        body = of((FLEET[which], [(at, value)]) for which, value, at in listed)
        anew.decoder.forget()
        assert await learned.read(body, client) == await anew.read(body, client)


@given(st.lists(st.integers(1, 63), min_size=1, max_size=12), st.integers(0, 300))
async def test_messages_of_any_length_are_found(widths: list[int], symbols: int) -> None:
    port = Port()
    for shift in (0, 1, 0):
        made = Request2()
        for number in range(symbols):
            made.ref(f"spare-{number}")  # so that references are of one byte, and of two
        turned = widths[shift:] + widths[:shift]
        for number, width in enumerate(turned):
            more = {f"label{n}": f"{width}-{n}" for n in range(width - 1)}
            made.add(series(f"m{number % 3}", **more), [(AT + number, 1.0 + number)], ABOUT)
        got = await port.raw(made.body())
        assert got.values.tolist() == [1.0 + number for number in range(len(widths))]
        assert [len(port.registry.labels[ref]) - 1 for ref in got.refs.tolist()] == turned


async def test_tenants_do_not_share_what_was_learned(port: Port) -> None:
    body = of([(series("cpu", client="acme"), [(AT, 1.0)])])
    for client in ("acme", None) * 4:
        (labels, _, _) = (await port.read(body, client))[0]
        assert dict(labels)["client"] == "acme"
    for client, whose in (("acme", "acme"), (None, "house")) * 4:
        (labels, _, _) = (await port.read(of([(CPU, [(AT, 1.0)])]), client))[0]
        assert dict(labels)["client"] == whose


async def test_bad_series_are_refused_and_the_others_taken(port: Port) -> None:
    made = Request2()
    for bad in ((("job", "x"),), (("__name__", ""),), (("__name__", "a"), ("b", "\0")), ()):
        made.add(bad, [(AT, 1.0)])
    made.add((("__name__", "twice"), ("a", "1"), ("a", "2")), [(AT, 1.0)])
    made.messages.append(delimited(1, packed([1, 900])) + sample(AT, 1.0))
    made.messages.append(delimited(1, packed([1])) + sample(AT, 1.0))
    made.add(CPU, [], delimited(3, b"\x10\x05"), delimited(3, b"\x10\x06"))
    made.add(CPU, [(AT, 2.0)])
    for _ in range(2):
        got = await port.raw(made.body())
        assert (got.values.tolist(), got.refused) == ([2.0], 9)
        assert got.reason is not None
        assert "without a name" in got.reason


async def test_native_histograms_are_refused_by_name(port: Port) -> None:
    made = Request2()
    made.add(series("latency"), [], delimited(3, b"\x10\x05"))
    got = await port.raw(made.body())
    assert (len(got.refs), got.refused) == (0, 1)
    assert "native histograms" in str(got.reason)


async def test_a_malformed_series_at_the_end_changes_nothing(port: Port) -> None:
    made = Request2()
    made.add(CPU, [(AT, 1.0)])
    made.messages.append(made.labels(DISK)[:-1])
    with pytest.raises(Invalid):
        await port.raw(made.body())
    assert len(port.registry) == 0


async def test_zstd_is_unpacked_and_its_bombs_are_not() -> None:
    port = Port(body_bytes=100_000)
    bare = request_2([CPU], [AT], [1.5])
    assert (await port.raw(bytes(zstd.compress(bare)))).values.tolist() == [1.5]
    with pytest.raises(TooLarge):
        await port.raw(bytes(zstd.compress(bytes(100_001))))
    for body in (
        b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd\x00\x58rest",
        b"\x28\xb5\x2f\xfd\x20\x05x",
    ):
        with pytest.raises(Invalid):
            await port.raw(body)


@pytest.mark.parametrize(
    "port_bytes", [b"\x22\x00", b"\x2a\x00", b"\x22\x01a", b"\x2a\x02\x12\x00"]
)
async def test_millions_of_nothing_are_refused(port: Port, port_bytes: bytes) -> None:
    with pytest.raises(Refusal):
        await port.raw(bytes(snappy.compress_raw(port_bytes * 4_000_000)))


def _whole() -> bytes:
    made = Request2()
    made.add(CPU, [(AT, 1.5)], ABOUT)
    made.add(DISK, [(AT, 0.0)])
    made.add(CPU, [(AT + 1, 1.5), (AT + 2, 2.5)], EXEMPLAR)
    return made.bare()


WHOLE = _whole()


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(WHOLE)),
)
@example([], len(WHOLE))
async def test_mutated_bytes_lead_to_refusals_only(
    changes: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(WHOLE)
    for place, byte in changes:
        content[place] = byte
    learned, fresh = Port(body_bytes=10_000), Port(body_bytes=10_000)
    for _ in range(3):
        await learned.raw(bytes(snappy.compress_raw(WHOLE)))
    body = bytes(snappy.compress_raw(bytes(content[:length])))
    try:
        got = await learned.read(body)
    except Refusal:
        return
    assert got == await fresh.read(body)
