"""Bytes that a bad line or a bad mind makes of good ones: refused at each port, soon forgotten.

HOSTILE_ROUNDS=5000 asks for longer; hypothesis prints what it takes to see a fault again.
"""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.support import mutation
from tests.support.hostile import PROBLEM, raw
from tests.support.site import INGEST_TOKEN, Site, bearer
from tests.support.vitals import watched

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", "250"))
SEED = int(os.environ.get("HOSTILE_SEED", "20261125"))
ANSWERED = ("application/x-protobuf",)
"""Forms in which other protocols say no."""
GROWS_MOST = 300
"""Megabytes that the program may take for the worst body there is; of a body it reads 32."""
LATE_MOST = 0.5
"""Seconds within which 99 of 100 wakings of the loop have to be; a busy machine adds its own."""
WRITE, SAMPLES = "/prometheus/api/v1/write", "/api/v1/samples"
PUSH = "/pushgateway/metrics/job/mutated"
OTLP, INFLUX = "/otlp/v1/metrics", "/influx/write"
INFLUX_2 = "/influx/api/v2/write"
QUERY = "/prometheus/api/v1/query"
PROTOBUF = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
PROTOBUF_2 = PROTOBUF | {
    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"
}
ZSTD = {"Content-Encoding": "zstd"}
FAMILIES = {
    "Content-Type": "application/vnd.google.protobuf; "
    "proto=io.prometheus.client.MetricFamily; encoding=delimited"
}
PLAIN = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
AGENT = bearer(INGEST_TOKEN)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def it_stays_well(site: Site) -> AsyncIterator[None]:
    with watched(site.program) as seen:
        yield
    assert seen.grown < GROWS_MOST, f"{seen.grown:.0f} MB more"
    assert seen.lag(0.99) <= LATE_MOST
    assert "Traceback" not in site.program.said()
    assert (await site.http.get("/readyz")).status_code == 200


@pytest.fixture(name="http", scope="module")
def a_line(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.program.url, timeout=60) as http:
        yield http


def told_well(answer: httpx.Response) -> None:
    """Fail on a fault, and on a refusal that is none."""
    kind = answer.headers.get("content-type", "")
    if answer.is_success or answer.status_code == 303:
        return
    assert answer.status_code < 500 or answer.status_code == 503, answer.text[:500]
    assert kind.startswith((PROBLEM, "text/html", "application/json", *ANSWERED)), kind
    assert answer.status_code != 503 or "retry-after" in answer.headers, answer.text[:500]


async def rounds(of: st.SearchStrategy[Any], ask: Callable[[Any], httpx.Response]) -> None:
    """Ask with `ROUNDS` cases, off the loop; `told_well` judges each answer."""

    @seed(SEED)
    @settings(
        max_examples=ROUNDS,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(of)
    def one(case: Any) -> None:
        told_well(ask(case))

    await asyncio.to_thread(one)


async def test_a_bent_body_of_remote_write_is_refused(site: Site, http: httpx.Client) -> None:
    bent = mutation.mutated(lambda: mutation.packed(mutation.good_request()))
    await rounds(bent, lambda body: http.post(WRITE, content=body, headers=AGENT | PROTOBUF))


async def test_a_bent_message_in_a_good_body_is_refused(site: Site, http: httpx.Client) -> None:
    bent = mutation.mutated(mutation.good_request).map(mutation.packed)
    await rounds(bent, lambda body: http.post(WRITE, content=body, headers=AGENT | PROTOBUF))


async def test_a_bent_body_of_remote_write_2_is_refused(site: Site, http: httpx.Client) -> None:
    bent = mutation.mutated(mutation.good_request_2).map(mutation.packed)
    await rounds(bent, lambda body: http.post(WRITE, content=body, headers=AGENT | PROTOBUF_2))


async def test_bent_metrics_of_otlp_are_refused(site: Site, http: httpx.Client) -> None:
    bent = mutation.mutated(mutation.good_otlp)
    await rounds(bent, lambda body: http.post(OTLP, content=body, headers=AGENT | PLAIN))
    bent = mutation.mutated(mutation.good_otlp_json, words=(*mutation.NUMBERS, b"{" * 500))
    await rounds(bent, lambda body: http.post(OTLP, content=body, headers=AGENT | JSON))


def squeezed(good: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: gzip.compress(good(), mtime=0)


async def test_bodies_that_are_bent_where_they_are_packed_are_refused(
    site: Site, http: httpx.Client
) -> None:
    zipped = {"Content-Encoding": "gzip"}
    ways: tuple[tuple[str, Callable[[], bytes], dict[str, str]], ...] = (
        (WRITE, lambda: mutation.zipped(mutation.good_request()), PROTOBUF | ZSTD),
        (WRITE, lambda: mutation.zipped(mutation.good_request_2()), PROTOBUF_2 | ZSTD),
        (OTLP, squeezed(mutation.good_otlp), PLAIN | zipped),
        (OTLP, squeezed(mutation.good_otlp_json), JSON | zipped),
        (INFLUX, squeezed(mutation.good_lines), zipped),
        (INFLUX_2, squeezed(mutation.good_lines), zipped),
        (PUSH, squeezed(mutation.good_text), zipped),
        (PUSH, squeezed(mutation.good_families), FAMILIES | zipped),
    )

    def ask(path: str, kind: dict[str, str], body: bytes) -> httpx.Response:
        return http.post(path, content=body, headers=AGENT | kind)

    for path, good, kind in ways:
        assert ask(path, kind, good()).is_success, path
        await rounds(mutation.mutated(good), partial(ask, path, kind))


async def test_bent_lines_are_refused(site: Site, http: httpx.Client) -> None:
    words = (b"\\" * 9, b'"', b",", b"=", b" ", b"\n", b"#", b"\xff", *mutation.NUMBERS)
    bent = mutation.mutated(mutation.good_lines, words=words)
    await rounds(bent, lambda body: http.post(INFLUX, content=body, headers=AGENT))
    await rounds(bent, lambda body: http.post(INFLUX_2, content=body, headers=AGENT))


async def test_bent_pushes_are_refused(site: Site, http: httpx.Client) -> None:
    words = (b"\\", b'"', b"{", b"}", b"# TYPE a gauge\n", b"# EOF\n", b"\xff", *mutation.NUMBERS)
    bent = mutation.mutated(mutation.good_text, words=words)
    await rounds(bent, lambda body: http.put(PUSH, content=body, headers=AGENT))
    bent = mutation.mutated(mutation.good_families)
    await rounds(bent, lambda body: http.post(PUSH, content=body, headers=AGENT | FAMILIES))
    odd = st.text(st.characters(codec="utf-8"), max_size=40)
    await rounds(odd, lambda path: http.delete(f"{PUSH}/{quote(path, safe='/@=')}", headers=AGENT))


BOMBS = [
    *((WRITE, PROTOBUF, name, made) for name, made in mutation.BOMBS.items()),
    *((WRITE, PROTOBUF_2, name, made) for name, made in mutation.BOMBS_2.items()),
    *((OTLP, PLAIN, name, made) for name, made in mutation.OTLP_BOMBS.items()),
    *((SAMPLES, JSON, name, made) for name, made in mutation.JSON_BOMBS.items()),
    *(
        (PUSH, FAMILIES if "families" in name else {}, name, made)
        for name, made in mutation.FAMILY_BOMBS.items()
    ),
]


@pytest.mark.parametrize(
    ("path", "kind", "made"),
    [pytest.param(path, kind, made, id=f"{path}-{name}") for path, kind, name, made in BOMBS],
)
async def test_a_body_that_swells_takes_neither_memory_nor_time(
    site: Site, http: httpx.Client, path: str, kind: dict[str, str], made: Callable[[], bytes]
) -> None:
    answer = await asyncio.to_thread(http.post, path, content=made(), headers=AGENT | kind)

    assert answer.status_code == 400, answer.text


async def test_bent_json_samples_are_refused(site: Site, http: httpx.Client) -> None:
    words = (
        *mutation.NUMBERS,
        b"\xff",
        b"\\ud800",
        b'"value": 1, ',
        b"{" * 500,
        b"\0",
        b"\xef\xbb\xbf",
    )
    bent = mutation.mutated(mutation.good_json, words=words)
    await rounds(bent, lambda body: http.post(SAMPLES, content=body, headers=AGENT | JSON))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/tokens", b'{"name":"x","rights":[' + b"0," * 500_000 + b"0]}"),
        ("/api/v1/tokens", b"{" + b",".join(b'"%d":0' % n for n in range(90_000)) + b"}"),
        ("/api/v1/incidents/1/notes", b'{"text":' + b"[" * 1_000_000),
        ("/api/v1/incidents/1/acknowledge", b'{"version":' + b"9" * 1_000_000 + b"}"),
    ],
    ids=["wrong values", "unknown keys", "brackets", "digits"],
)
async def test_a_request_that_is_wrong_a_million_times_is_told_so_once(
    site: Site, path: str, body: bytes
) -> None:
    answer = await site.http.post(path, content=body, headers=JSON)

    assert answer.status_code in (400, 413, 422)
    assert len(answer.content) < 10_000


async def test_a_query_that_is_hardly_promql_is_answered(site: Site, http: httpx.Client) -> None:
    admin = site.program.admin
    await rounds(
        mutation.queries(), lambda text: http.post(QUERY, data={"query": text}, headers=admin)
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "disk", "start": "0", "end": "1e9", "step": "1"},
        {"query": "disk", "start": "-1e15", "end": "1e15", "step": "1e12"},
        {"query": "1", "start": "0", "end": "11000", "step": "1"},
        {"query": 'disk{a=~"(a|aa)+$",b=~"(.*)*x",c!~"((a{0,100}){0,100}){0,100}"}', "step": "1"},
        {"query": "+".join(["disk"] * 120), "start": "0", "end": "11000", "step": "1"},
        {"query": "disk", "start": "NaN", "end": "Infinity", "step": "0"},
        {"query": "disk", "start": "9" * 5000, "end": "1e308", "step": "1e-308"},
        {"query": "disk offset 99999999y", "start": "0", "end": "1", "step": "1"},
    ],
)
async def test_a_query_that_asks_for_the_world_is_refused_or_soon_done(
    site: Site, asked: dict[str, str]
) -> None:
    span = {"start": "0", "end": "10"}
    answer = await site.http.get(f"{QUERY}_range", params=span | asked)

    told_well(answer)


async def test_a_bent_form_is_refused(site: Site, http: httpx.Client) -> None:
    words = (b"&", b"=", b"%00", b"%ff", b"%", b"&name=li" * 2000, b"csrf=", b"x" * 5000)
    form = mutation.mutated(lambda: b"name=li&password=secret&back=%2F&csrf=x.y", words=words)
    path = st.sampled_from(("/signin", "/forgot", "/signout", "/acknowledge/x.y", "/password/x.y"))
    await rounds(
        st.tuples(path, form), lambda case: http.post(case[0], content=case[1], headers=FORM)
    )


async def test_odd_headers_cookies_and_cursors_are_refused(site: Site, http: httpx.Client) -> None:
    odd = mutation.mutated(lambda: b"langyan_session=abc.def; langyan_locale=en").map(
        lambda value: value.translate(None, bytes([*range(32), 127]))[:8000].strip()
    )
    names = (
        b"cookie",
        b"authorization",
        b"accept-language",
        b"if-match",
        b"idempotency-key",
        b"origin",
        b"accept",
        b"x-csrf",
        b"x-forwarded-for",
        b"forwarded",
        b"range",
        b"content-type",
        b"via",
    )
    paths = ("/", "/signin", "/api/v1/incidents?cursor={0}", "/incidents?cursor={0}", "/healthz")
    case = st.tuples(st.sampled_from(paths), st.sampled_from(names), odd)

    def ask(chosen: tuple[str, bytes, bytes]) -> httpx.Response:
        path, name, value = chosen
        url = httpx.URL(path.partition("?")[0])
        if "?" in path:
            url = url.copy_with(params={"cursor": value.decode("latin-1")})
        return http.get(url, headers={name: value})

    await rounds(case, ask)


SLOW = {
    "a head": b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "a body": b"POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "chunks": b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded"
    b"\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    "a body that does not begin": b"POST /api/v1/samples HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer TOKEN\r\nContent-Length: 1000\r\n\r\n",
    "a form": b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded"
    b"\r\nContent-Length: 1000\r\n\r\nname=",
}
PATIENCE = 75.0


async def dripping(port: int, begin: bytes) -> float:
    """Send a request byte for byte; return after how many seconds the line was cut."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(begin.replace(b"TOKEN", INGEST_TOKEN.encode()))
        while loop.time() - began < PATIENCE:
            writer.write(b"1\r\nx\r\n" if b"chunked" in begin else b"x")
            await writer.drain()
            try:
                async with asyncio.timeout(1):
                    if not await reader.read(65_536):
                        break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    finally:
        writer.close()
    return loop.time() - began


async def test_who_sends_byte_for_byte_is_cut_off(site: Site) -> None:
    lines = [dripping(site.program.port, begin) for begin in SLOW.values() for _ in range(25)]
    took = await asyncio.gather(*lines)

    assert max(took) < PATIENCE, dict(zip(SLOW, took[::25], strict=True))


async def test_chunks_without_an_end_are_cut_off(site: Site) -> None:
    head = b"POST /signin HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    said = await raw(site.program.port, head + form + b"10000\r\n" + b"x" * 65_536 + b"\r\n" * 2)
    flood = (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 100
    said = await raw(site.program.port, head + form + flood)

    assert said == b"" or said.split(b" ")[1] in (b"413", b"400"), said[:200]


async def test_who_says_more_than_they_send_gets_no_hold_of_us(site: Site) -> None:
    lie = (
        f"POST {SAMPLES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {INGEST_TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 33000000\r\n\r\n{"
    )
    lines = [await asyncio.open_connection("127.0.0.1", site.program.port) for _ in range(100)]
    for _, writer in lines:
        writer.write(lie.encode())
    for _, writer in lines:
        writer.close()
    await site.pushes(1, name="calm")

    assert await site.value_of("calm") == "1"
