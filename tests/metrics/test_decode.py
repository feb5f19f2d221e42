"""Decoding: the fast path and the slow one read the same; nonsense is refused, never worse."""

import struct

import pytest
from cramjam import snappy
from hypothesis import example, given
from hypothesis import strategies as st

from kit.errors import Invalid, Refusal, TooLarge
from metrics.columns import STALE, Labels
from metrics.labels import Limits
from metrics.ports.decode import Decoded, Decoder, Naming
from metrics.ports.encode import delimited, label_bytes, varint, write_request
from metrics.ports.remote_write import RemoteWriteDecoder
from metrics.ports.samples import BIG, SamplesDecoder
from metrics.series import Registry
from tests.support.samples import request, sample, series, timeseries

AT = 1_790_000_000_000
CPU, DISK = series("cpu", job="node"), series("disk", job="node")


async def _at_once() -> None:
    return


class Port:
    """A decoder and what it has learned."""

    def __init__(self, kind: type[RemoteWriteDecoder] | type[SamplesDecoder], **limits: int):
        self.registry = Registry(Limits(**limits))
        known = {"house", "acme"}
        self.decoder: Decoder = kind(Naming(self.registry, lambda: known, drills=False))

    async def raw(self, body: bytes, client: str | None = "acme") -> Decoded:
        return await self.decoder.decode(body, client=client, arrived=AT, breathe=_at_once)

    async def read(self, body: bytes) -> list[tuple[str, int, float]]:
        got = await self.raw(body)
        names = [dict(self.registry.labels[ref])["__name__"] for ref in got.refs.tolist()]
        return list(zip(names, got.times.tolist(), got.values.tolist(), strict=True))


@pytest.fixture
def port() -> Port:
    return Port(RemoteWriteDecoder)


@pytest.mark.parametrize("families", [1, 30_000])
async def test_a_request_of_words_about_metrics_alone_has_no_samples(
    port: Port, families: int
) -> None:
    about = delimited(3, b"\x08\x01" + delimited(2, b"up") + delimited(4, b"1 is up, 0 is down"))
    for _ in range(2):
        assert await port.read(bytes(snappy.compress_raw(about * families))) == []


async def test_the_first_and_every_later_request_read_the_same(port: Port) -> None:
    sent = [("cpu", AT, 0.5), ("disk", AT, 97.0), ("cpu", AT + 1, 0.0), ("disk", AT + 1, 1e300)]
    labels = [CPU, DISK, CPU, DISK]
    body = request(
        *(timeseries(of, [(at, value)]) for of, (_, at, value) in zip(labels, sent, strict=True))
    )
    for _ in range(3):
        assert await port.read(body) == sent
    assert len(port.registry) == 2


async def test_all_samples_of_a_series_are_read_also_when_it_is_new(port: Port) -> None:
    points = [(AT + n, float(n)) for n in (1, 2, 3)]
    sent = [("cpu", at, value) for at, value in points]

    for _ in range(2):
        assert await port.read(request(timeseries(CPU, points))) == sent


async def test_our_own_encoder_is_read(port: Port) -> None:
    body = write_request([CPU, DISK], [AT, AT], [0.0, 2.0])
    for _ in range(2):
        assert await port.read(body) == [("cpu", AT, 0.0), ("disk", AT, 2.0)]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(timeseries(CPU, [(AT, 1.5), (AT + 1, 2.5)]), id="two samples"),
        pytest.param(timeseries(CPU, [(AT, 0), (AT + 1, 0)]), id="two zeros, 18 bytes"),
        pytest.param(timeseries(CPU, []), id="no sample"),
        pytest.param(timeseries(CPU, [(5, 1.5)]), id="a short time"),
        pytest.param(timeseries(CPU, [(-5, 1.5)]), id="a time before 1970"),
        pytest.param(timeseries(CPU, [(0, 0.0)]), id="a zero at zero"),
        pytest.param(sample(AT, 1.5) + label_bytes(CPU), id="the sample before the labels"),
        pytest.param(
            label_bytes(CPU[:1]) + sample(AT, 1.5) + label_bytes(CPU[1:]),
            id="the sample between the labels",
        ),
        pytest.param(
            label_bytes(CPU) + delimited(3, b"exemplar") + sample(AT, 1.5), id="an exemplar"
        ),
        pytest.param(
            label_bytes(CPU) + sample(AT, 1.5) + delimited(9, b"x" * 16), id="18 unknown bytes"
        ),
        pytest.param(
            label_bytes(CPU)
            + delimited(2, b"\x10" + varint(AT) + b"\x09" + struct.pack("<d", 1.5)),
            id="the time before the value",
        ),
        pytest.param(label_bytes(tuple(reversed(CPU))) + sample(AT, 1.5), id="labels unsorted"),
    ],
)
async def test_odd_messages_read_the_same_before_and_after_the_labels_are_known(
    message: bytes,
) -> None:
    body = request(message, timeseries(DISK, [(AT, 3.0)]))
    fresh, warm = Port(RemoteWriteDecoder), Port(RemoteWriteDecoder)
    await warm.read(request(timeseries(CPU, [(AT, 9.0)]), timeseries(DISK, [(AT, 9.0)])))

    assert await fresh.read(body) == await warm.read(body) == await warm.read(body)


async def test_stale_markers_and_other_nans_keep_their_bits(port: Port) -> None:
    other = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]
    body = request(timeseries(CPU, [(AT, STALE)]), timeseries(DISK, [(AT, other)]))
    for _ in range(2):
        values = (await port.raw(body)).values
        assert values.view("u8").tolist() == [0x7FF0000000000002, 0x7FF8000000000001]


async def test_tenants_do_not_share_label_bytes(port: Port) -> None:
    body = request(timeseries(CPU, [(AT, 1.0)]))
    acme = (await port.raw(body, "acme")).refs
    house = (await port.raw(body, None)).refs
    assert [dict(port.registry.labels[r])["client"] for r in (*acme, *house)] == ["acme", "house"]


async def test_bad_series_are_refused_and_the_others_taken(port: Port) -> None:
    bad: list[Labels] = [(("__name__", "nul\0"),), (("", "x"),), (("a", "1"), ("a", "2"))]
    body = request(
        *(timeseries(labels, [(AT, 1.0)]) for labels in bad),
        delimited(1, delimited(1, b"a") + delimited(2, b"\xff")) + sample(AT, 1.0),
        timeseries(CPU, [(AT, 2.0)]),
    )
    got = await port.raw(body)
    assert (got.values.tolist(), got.refused) == ([2.0], 4)
    assert got.reason is not None
    assert "NUL" in got.reason
    assert len(port.registry) == 1


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_native_histograms_of_version_1_are_refused_and_the_samples_beside_them_kept(
    known: bool,
) -> None:
    port = Port(RemoteWriteDecoder)
    if known:
        await port.read(request(timeseries(CPU, [(AT, 1.0)])))
    histogram = delimited(4, b"\x08\x01\x78" + varint(AT))

    for message in (
        label_bytes(CPU) + histogram,
        label_bytes(CPU) + sample(AT, 2.0) + histogram * 2,
        label_bytes(CPU) + histogram + sample(AT, 2.0),
    ):
        got = await port.raw(request(message, timeseries(DISK, [(AT, 3.0)])))
        assert got.refused == message.count(histogram)
        assert "native histograms are not kept here" in str(got.reason)
        assert got.values.tolist() == [2.0, 3.0][message.count(sample(AT, 2.0)) == 0 :]


@pytest.mark.parametrize("labels", [(), (("a", "b"),), (("__name__", ""), ("a", "b"))])
async def test_a_series_without_a_name_is_refused_and_the_others_taken(labels: Labels) -> None:
    port = Port(RemoteWriteDecoder)
    for _ in range(2):
        got = await port.raw(request(timeseries(labels, [(AT, 1.0)]), timeseries(CPU, [(AT, 2.0)])))
        assert (got.values.tolist(), got.refused) == ([2.0], 1)
        assert "a series without a name" in str(got.reason)


async def test_an_unknown_client_of_a_token_for_all_is_refused(port: Port) -> None:
    body = request(timeseries(series("cpu", client="nobody"), [(AT, 1.0)]))
    got = await port.raw(body, None)
    assert (len(got.refs), got.refused) == (0, 1)


async def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    port = Port(RemoteWriteDecoder, body_bytes=1000)
    with pytest.raises(TooLarge):
        await port.raw(bytes(snappy.compress_raw(bytes(1001))))
    with pytest.raises(TooLarge):
        await port.raw(varint(2**40) + b"short")
    with pytest.raises(Invalid):
        await port.raw(varint(999) + b"short")


async def test_a_malformed_series_at_the_end_changes_nothing(port: Port) -> None:
    with pytest.raises(Invalid):
        await port.raw(request(timeseries(CPU, [(AT, 1.0)]), label_bytes(DISK)[:-1]))
    assert len(port.registry) == 0


WHOLE = b"".join(
    delimited(1, one)
    for one in (
        timeseries(CPU, [(AT, 1.5)]),
        timeseries(DISK, [(AT, 0.0)]),
        timeseries(CPU, [(AT + 1, 1.5), (AT + 2, 2.5)]),
    )
)


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(WHOLE)),
    st.booleans(),
)
@example([], len(WHOLE), False)
async def test_mutated_bytes_lead_to_refusals_only(
    changes: list[tuple[int, int]], length: int, packed: bool
) -> None:
    content = bytearray(WHOLE)
    for place, byte in changes:
        content[place] = byte
    port = Port(RemoteWriteDecoder, body_bytes=10_000)
    await port.raw(bytes(snappy.compress_raw(WHOLE)))
    cut = bytes(content[:length])
    body = cut if packed else bytes(snappy.compress_raw(cut))
    try:
        got = await port.raw(body)
    except Refusal:
        return
    assert len(got.refs) == len(got.times) == len(got.values)


async def test_json_samples_are_read() -> None:
    port = Port(SamplesDecoder)
    body = b"""{"samples": [
        {"name": "disk", "labels": {"host": "a"}, "value": 97},
        {"name": "disk", "value": "NaN", "at": "2026-11-02T20:00:00+08:00"},
        {"name": "disk", "labels": {"a": "\\u0000"}, "value": 1}
    ]}"""
    got = await port.raw(body)
    assert got.times.tolist() == [AT, 1793620800000]
    assert got.values.tolist()[0] == 97
    assert (got.refused, got.reason) == (1, "samples[2]: value of label 'a' with a NUL")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"samples": [{"value": 1}]}', "samples[0].name"),
        (b'{"samples": [{"name": "a", "value": true}]}', "samples[0].value"),
        (b'{"samples": [{"name": "a", "value": 1, "at": "2026-11-02T20:00:00"}]}', "samples[0].at"),
    ],
)
async def test_json_of_another_form_is_refused_with_the_place(
    body: bytes, field: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        await Port(SamplesDecoder).raw(body)
    assert refused.value.field == field


async def test_a_big_body_is_read_in_pieces_and_as_whole_as_a_small_one(port: Port) -> None:
    fleet = [series("cpu", host=f"h{number:05d}" * 8) for number in range(16_000)]
    body = write_request(fleet, range(AT, AT + 16_000), [1.5] * 16_000)
    for _ in range(2):
        got = await port.raw(body)
        assert got.times.tolist() == list(range(AT, AT + 16_000))
    assert len(set(got.refs.tolist())) == 16_000
    half = request(*(timeseries(of, [(AT, 1.0)]) for of in fleet))[:-5]
    with pytest.raises(Invalid):
        await port.raw(half)


def big_json(*more: str) -> bytes:
    listed = [
        f'{{"name": "disk", "labels": {{"host": "h}}, {{{number}"}}, "value": {number}}}'
        for number in range(6_000)
    ]
    return f'{{ "samples" : [ {" , ".join([*listed, *more])} ] }} '.encode()


async def test_big_json_is_read_in_pieces_and_as_whole_as_small_json() -> None:
    port, turns = Port(SamplesDecoder), 0

    async def breathe() -> None:
        nonlocal turns
        turns += 1

    body = big_json()
    assert len(body) > BIG
    got = await port.decoder.decode(body, client="acme", arrived=AT, breathe=breathe)
    assert got.values.tolist() == list(range(6_000))
    assert len(set(got.refs.tolist())) == 6_000
    assert turns > 30


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(big_json('{"value": 1}'), r"samples\[6000\]\.name", id="a field missing"),
        pytest.param(big_json('{"value": 1'), r"samples\[6000\]", id="cut off"),
        pytest.param(big_json(""), r"samples\[6000\]", id="a comma too many"),
        pytest.param(big_json() + b"]", "something else follows", id="more behind it"),
        pytest.param(big_json("[" * 100_000), r"samples\[6000\]", id="too deep"),
        pytest.param(b"[" + big_json() + b"]", "begin with", id="another form"),
        pytest.param(big_json()[:-3] + b"\xff", "something else follows", id="not text"),
    ],
)
async def test_big_json_of_another_form_is_refused_with_the_place(body: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        await Port(SamplesDecoder).raw(body)
