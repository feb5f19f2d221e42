"""InfluxDB's line protocol, both versions, as Telegraf and InfluxDB's own clients send it."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Invalid, Refusal
from metrics.labels import Limits
from metrics.ports.decode import Decoded, Naming
from metrics.ports.influx.decoder import InfluxDecoder, record
from metrics.ports.influx.lines import named, parsed
from metrics.series import Registry
from tests.support.clock import NOON
from tests.support.ports import Ports, recorded, served

MS = milliseconds(NOON)
V1, V2 = "/influx/write", "/influx/api/v2/write"


@pytest.fixture(name="there")
async def ports(tmp_path: Path, db: Database) -> AsyncIterator[Ports]:
    async with served(tmp_path, db, limits=Limits(body_bytes=200_000)) as found:
        yield found


async def test_each_field_is_a_series_called_measurement_and_field(there: Ports) -> None:
    lines = (
        f"cpu,cpu=cpu0,host=web\\ 1 usage_idle=97.5,usage_user=2i {MS}000000\n"
        "# a comment\r\n\n"
        f'disk,path=/ free=12u,full=false,fstype="ext4, with \\"quotes\\" and = signs" {MS}000000\n'
        f"weird\\,name,a\\=b=c\\,d up=t {MS}000000\n"
        "without_a_time,x=y value=1e3"
    )
    answer = await there.http.post(V1, params={"db": "telegraf"}, content=lines.encode())

    assert (answer.status_code, answer.content) == (204, b"")
    assert await there.found() == {
        'cpu_usage_idle{cpu="cpu0",db="telegraf",host="web 1"}': [97.5],
        'cpu_usage_user{cpu="cpu0",db="telegraf",host="web 1"}': [2.0],
        'disk_free{db="telegraf",path="/"}': [12.0],
        'disk_full{db="telegraf",path="/"}': [0.0],
        'weird_name_up{a_b="c,d",db="telegraf"}': [1.0],
        'without_a_time_value{db="telegraf",x="y"}': [1000.0],
    }


@pytest.mark.parametrize(
    ("precision", "time"),
    [
        ("", f"{MS}000000"),
        ("n", f"{MS}000000"),
        ("ns", f"{MS}000000"),
        ("u", f"{MS}000"),
        ("us", f"{MS}000"),
        ("ms", f"{MS}"),
        ("s", f"{MS // 1000}"),
        ("m", f"{MS // 60_000}"),
        ("h", f"{MS // 3_600_000}"),
    ],
)
async def test_a_time_counts_in_the_precision_of_the_request(precision: str, time: str) -> None:
    got = await read(f"a b=1 {time}".encode(), precision=precision)

    assert MS - got.times[0] in range(3_600_000 if precision == "h" else 60_000)
    assert got.times[0] % 1000 == 0


async def test_gzip_and_version_2_are_taken(there: Ports) -> None:
    answer = await there.http.post(
        V2,
        params={"org": "o", "bucket": "b", "precision": "ms"},
        content=gzip.compress(f"mem free=1 {MS}".encode()),
        headers={"Authorization": "Token acme", "Content-Encoding": "gzip"},
    )

    assert answer.status_code == 204
    assert await there.found() == {'mem_free{db="b"}': [1.0]}


async def test_a_bad_line_is_told_by_its_number_and_the_good_ones_are_kept(there: Ports) -> None:
    lines = b"good a=1\nbad\n\nworse a=\nbest a=2\nfuture a=1 99999999999999999\n"
    first = await there.http.post(V1, params={"db": "x"}, content=lines[:-30])
    second = await there.http.post(V2, content=lines)

    assert first.status_code == second.status_code == 400
    assert first.json()["error"].startswith("partial write: line 2: unable to parse 'bad'")
    assert first.json()["error"].endswith("dropped=2")
    assert second.json()["code"] == "invalid"
    assert "line 2" in second.json()["message"]
    found = await there.found()
    assert found['good_a{db="x"}'] == [1.0]
    assert found["best_a"] == [2.0]


@pytest.mark.parametrize(
    "line",
    [
        b"a",
        b"a b",
        b"a b=",
        b"a =1",
        b"a b=1 x",
        b"a b=1 1 1",
        b"a b=1,",
        b"a b=nan",
        b"a b=inf",
        b"a b=1e999",
        b"a b=1_000",
        b"a b=0x10",
        b"a b=99999999999999999999i",
        b"a b=-1u",
        b'a b="x',
        b'a b="x"y',
        b'a b="x",',
        b"a,b c=1",
        b"a,b= ,c=1",
        b",b=1 c=1",
        b"a,=1 c=1",
        b"a,b=1,b=2 c=1",
        b"\xff a=1",
        b"a,b=\xff c=1",
        b"a b=1 999999999999999999999",
        b"a" * 1_100_000 + b" b=1",
    ],
)
async def test_what_is_no_line_is_refused(line: bytes) -> None:
    got = await read(line)

    assert (len(got.refs), got.refused) == (0, 1)
    assert str(got.reason).startswith("line 1: ")
    assert len(str(got.reason)) < 500


async def test_lines_of_text_alone_are_taken_and_say_nothing() -> None:
    got = await read(b'a b="x"\na c="y",d="z" 1')

    assert (len(got.refs), got.refused) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "params", "status"),
    [
        pytest.param({"Authorization": "Token acme"}, {}, 204, id="a token"),
        pytest.param({"Authorization": "Token any:acme"}, {}, 204, id="a name and a token"),
        pytest.param({"Authorization": "Bearer acme"}, {}, 204, id="bearer"),
        pytest.param({"Authorization": ""}, {"u": "any", "p": "acme"}, 204, id="a parameter"),
        pytest.param({"Authorization": ""}, {}, 401, id="nothing"),
        pytest.param({"Authorization": "Token x"}, {}, 401, id="a stranger"),
        pytest.param({}, {"precision": "weeks"}, 400, id="another precision"),
        pytest.param({"Content-Encoding": "br"}, {}, 415, id="brotli"),
        pytest.param({"Content-Encoding": "gzip"}, {}, 400, id="no gzip"),
    ],
)
async def test_each_way_to_show_a_token_counts(
    there: Ports, headers: dict[str, str], params: dict[str, str], status: int
) -> None:
    for path, word in ((V1, "error"), (V2, "message")):
        answer = await there.http.post(path, params=params, content=b"a b=1", headers=headers)
        assert answer.status_code == status
        if status != 204:
            assert answer.json()[word]


async def test_a_token_for_all_writes_for_the_client_it_names(there: Ports) -> None:
    lines = b"a,client=bolt x=1\nb x=2\nc,client=nobody x=3"
    answer = await there.http.post(V1, content=lines, headers={"Authorization": "Token all"})

    assert answer.status_code == 400
    assert "line 3" in answer.json()["error"]
    assert await there.found("bolt") == {"a_x": [1.0]}
    assert await there.found("house") == {"b_x": [2.0]}


async def test_telegraf_may_make_its_database_first(there: Ports) -> None:
    question = {"q": 'CREATE DATABASE "telegraf"'}
    for answer in (
        await there.http.post("/influx/query", params=question),
        await there.http.post("/influx/query", data=question),
    ):
        assert answer.status_code == 200
        assert answer.json() == {"results": [{"statement_id": 0}]}
    other = await there.http.get("/influx/query", params={"q": "DROP DATABASE telegraf"})
    stranger = await there.http.get("/influx/query", headers={"Authorization": "Token x"})
    assert (other.status_code, stranger.status_code) == (400, 401)
    assert (await there.http.get("/influx/ping")).status_code == 204


async def test_overload_says_when_to_come_again(there: Ports) -> None:
    there.store.journal.spare_bytes = 2**62
    answer = await there.http.post(V2, content=b"a b=1")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.json()["code"] == "unavailable"


async def test_what_the_client_of_influxdb_sends_is_taken(there: Ports) -> None:
    there.clock.now = there.clock.now.replace(year=2023, month=11, day=15)
    for one in recorded("influxdb-client"):
        path, _, query = one["path"].partition("?")
        answer = await there.http.post(
            f"/influx{path}?{query}",
            content=one["req_body"].encode(),
            headers={"Authorization": "Token acme"},
        )
        assert answer.status_code == 204, answer.text
    found = await there.found()
    assert found['cpu_n{db="b",host="h 1"}'] == [3.0]
    assert found['cpu_ok{db="b",host="h 1"}'] == [1.0]
    assert found['disk_used{db="b"}'] == [1.0]


def test_escapes_are_taken_away_where_they_mean_something() -> None:
    assert named(rb"m\ x\,y,t\=a=b\ c,p=C:\Windows\x") == (
        "m x,y",
        [("t_a", "b c"), ("p", r"C:\Windows\x")],
    )
    assert parsed(rb'm a="\\",b=1').fields == [(b"b", 1.0)]


async def _at_once() -> None:
    return


async def read(lines: bytes, *, precision: str = "") -> Decoded:
    decoder = InfluxDecoder(Naming(Registry(Limits()), lambda: {"acme"}, drills=False))
    body = record(lines, precision=precision, database="")
    return await decoder.decode(body, client="acme", arrived=MS, breathe=_at_once)


async def test_millions_of_empty_lines_are_nothing() -> None:
    got = await read(b"\n" * 8_000_000)
    assert (len(got.refs), got.refused) == (0, 0)


GOOD = rb'cpu,host=a\ b,dc=x idle=1.5,up=t,n=3i,s="q\"t, x" 1700000000000000000' + b"\nm a=1\n"


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
async def test_mutated_lines_lead_to_refusals_only(changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for place, byte in changes:
        content[place] = byte
    try:
        got = await read(bytes(content))
    except Refusal:
        return
    assert len(got.refs) == len(got.times) == len(got.values)


@pytest.mark.parametrize("line", [b"m a=1 %b", b"m,x=a\\ b a=1 %b", b'm a=1,s="t" %b'])
async def test_a_time_of_thousands_of_digits_is_refused(line: bytes) -> None:
    got = await read(b"m a=1\n" + line % (b"9" * 6_000))
    assert (len(got.refs), got.refused) == (1, 1)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line_or_refused(line: bytes) -> None:
    try:
        found = parsed(line)
        named(found.head)
    except Invalid:
        return
    assert found.head
