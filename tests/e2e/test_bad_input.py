"""What is sent to the program is not to be trusted: right refusals, never a fault, nothing kept."""

import time
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
import pytest_asyncio
from cramjam import snappy

from metrics.ports.encode import varint, write_request
from tests.support.hostile import Answered, Attempt, attempts, fault, raw, send
from tests.support.site import INGEST_TOKEN, Site, bearer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

WRITE, SAMPLES = "/prometheus/api/v1/write", "/api/v1/samples"
LABELS = (("__name__", "bad_input"), ("job", "hostile"))
PROTOBUF = {"Content-Type": b"application/x-protobuf", "Content-Encoding": b"snappy"}
JSON = {"Content-Type": b"application/json"}
MEBI = 1024 * 1024


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_breaks(site: Site) -> AsyncIterator[None]:
    if not await site.incidents():
        await site.opens()
    kept = await samples(site)
    yield
    assert await samples(site) == kept
    assert await site.value_of("count(bad_input)") is None
    assert "Traceback" not in site.program.said()
    assert (await site.http.get("/healthz")).status_code == 200


async def samples(site: Site) -> float:
    """Return how many samples the program has kept."""
    text = (await site.http.get("/metrics")).raise_for_status().text
    lines = (line for line in text.splitlines() if line.startswith("langyan_samples_kept "))
    return float(next(lines).split()[1])


async def writes(
    site: Site, body: bytes, headers: dict[str, bytes] = PROTOBUF, *, to: str = WRITE
) -> Answered:
    """Send a body as acme's agent."""
    token = {"Authorization": f"Bearer {INGEST_TOKEN}".encode()}
    answer = await send(site.http, Attempt("POST", to, {**token, **headers}, body))
    assert fault(answer, path=to) is None, fault(answer, path=to)
    return answer


def good() -> bytes:
    """Return a body that would be kept."""
    return write_request([LABELS], [round(time.time() * 1000)], [1.0])


WRITES = {
    "empty": (b"", PROTOBUF, 400),
    "no snappy": (b"no snappy at all", PROTOBUF, 400),
    "truncated": (good()[:-4], PROTOBUF, 400),
    "turned": (good()[::-1], PROTOBUF, 400),
    "no protobuf": (bytes(snappy.compress_raw(b"\x0a\xff\xff\xff\xff\x0fabc")), PROTOBUF, 400),
    "cut inside": (
        bytes(snappy.compress_raw(bytes(snappy.decompress_raw(good()))[:-3])),
        PROTOBUF,
        400,
    ),
    "framed": (bytes(snappy.compress(b"x" * 100)), PROTOBUF, 400),
    "a bomb by its header": (varint(4 * 1024 * MEBI - 1) + b"\x00" * 50, PROTOBUF, 413),
    "a header that lies": (varint(30 * MEBI) + b"\x00" * 50, PROTOBUF, 400),
    "a bomb": (bytes(snappy.compress_raw(b"\x00" * (33 * MEBI))), PROTOBUF, 413),
    "NUL": (write_request([(*LABELS, ("a", "b\0c"))], [1], [1.0]), PROTOBUF, 400),
    "no name": (write_request([(("job", "hostile"),)], [1], [1.0]), PROTOBUF, 400),
    "a label name": (write_request([(*LABELS, ("a b", "c"))], [1], [1.0]), PROTOBUF, 400),
    "a long value": (write_request([(*LABELS, ("z", "x" * 5000))], [1], [1.0]), PROTOBUF, 400),
    "the far future": (write_request([LABELS], [2**62], [1.0]), PROTOBUF, 400),
    "the far past": (write_request([LABELS], [-(2**62)], [1.0]), PROTOBUF, 400),
    "not packed": (good(), {**PROTOBUF, "Content-Encoding": b"gzip"}, 415),
    "JSON": (b"{}", JSON, 415),
}


@pytest.mark.parametrize("what", WRITES)
async def test_remote_write_refuses(site: Site, what: str) -> None:
    body, headers, status = WRITES[what]

    assert (await writes(site, body, headers)).status == status


SAMPLES_SENT = {
    "nothing": (b"", JSON, 400),
    "no JSON": (b'{"samples": [', JSON, 400),
    "no UTF-8": (b'{"samples": "\xff"}', JSON, 400),
    "a list": (b"[]", JSON, 400),
    "too deep": (b"[" * 100_000, JSON, 400),
    "a number that is text": (b'{"samples": [{"name": "bad_input", "value": "1"}]}', JSON, 400),
    "NUL": (b'{"samples": [{"name": "bad_input\\u0000", "value": 1}]}', JSON, 400),
    "half a letter": (b'{"samples": [{"name": "bad_input\\ud800", "value": 1}]}', JSON, 400),
    "year 10000": (
        b'{"samples": [{"name": "bad_input", "value": 1, "at": "9999-12-31T23:59:59-12:00"}]}',
        JSON,
        400,
    ),
    "a foreign client": (
        b'{"samples": [{"name": "bad_input", "value": 1, "labels": {"__name__": "x"}}]}',
        JSON,
        400,
    ),
    "a form": (b"samples=1", {"Content-Type": b"application/x-www-form-urlencoded"}, 415),
    "packed": (b"{}", {**JSON, "Content-Encoding": b"gzip"}, 415),
    "33 MiB": (b" " * (33 * MEBI), JSON, 413),
}


@pytest.mark.parametrize("what", SAMPLES_SENT)
async def test_json_samples_refuse(site: Site, what: str) -> None:
    body, headers, status = SAMPLES_SENT[what]

    assert (await writes(site, body, headers, to=SAMPLES)).status == status


@pytest.mark.parametrize("path", [WRITE, SAMPLES, "/api/v1/incidents", "/prometheus/api/v1/query"])
async def test_who_is_unknown_is_told_how_to_come_in(site: Site, path: str) -> None:
    method = "POST" if path in (WRITE, SAMPLES) else "GET"
    ways = [None, b"Bearer nonsense", b"Bearer", b"Basic !!", b"Digest x", b"Bearer \xff\xfe"]
    async with httpx.AsyncClient(base_url=site.program.url) as nobody:
        for way in ways:
            headers = {"Authorization": way} if way is not None else {}
            answer = await send(nobody, Attempt(method, path, headers))
            assert answer.status == 401, (way, answer)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert fault(answer) is None


async def test_who_lacks_the_right_is_refused(site: Site) -> None:
    agent = {"Authorization": f"Bearer {INGEST_TOKEN}".encode()}
    for path in ("/api/v1/incidents", "/api/v1/tokens", "/prometheus/api/v1/query?query=up"):
        answer = await send(site.http, Attempt("GET", path, agent))
        assert (answer.status, fault(answer, path=path)) == (403, None)
    made = await site.http.post(
        "/api/v1/tokens", json={"name": "reader", "client": "acme", "rights": ["read"]}
    )
    reader = bearer(made.raise_for_status().json()["token"])
    for path in (WRITE, SAMPLES, "/api/v1/incidents/1/acknowledge"):
        attempt = Attempt("POST", path, {k: v.encode() for k, v in reader.items()}, b"{}")
        assert (await send(site.http, attempt)).status == 403, path


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/prometheus/api/v1/nothing", 404),
        ("GET", "/static/../app/main.py", 404),
        ("GET", "/static/%2e%2e/pyproject.toml", 404),
        ("GET", "/static/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/static/%00", 404),
        ("GET", WRITE, 405),
        ("PUT", SAMPLES, 405),
        ("DELETE", "/api/v1/incidents", 405),
        ("PATCH", "/api/v1/incidents", 405),
        ("TRACE", "/", 405),
    ],
)
async def test_what_is_not_there_is_a_problem(
    site: Site, method: str, path: str, status: int
) -> None:
    answer = await send(site.http, Attempt(method, path))

    assert (answer.status, fault(answer)) == (status, None)


async def test_a_body_beyond_all_measure_is_not_read(site: Site) -> None:
    body = b'{"text": "' + b"x" * (40 * MEBI) + b'"}'
    answer = await send(site.http, Attempt("POST", "/api/v1/incidents/1/notes", JSON, body))

    assert (answer.status, fault(answer)) == (413, None)


RAW = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no verb of ours": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (2 * MEBI) + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    "a huge path": b"GET /" + b"x" * (2 * MEBI) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a negative length": b"POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\nabcde",
    "length and chunks": b"POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"POST /api/v1/samples HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("what", RAW)
async def test_what_is_no_http_is_refused_or_cut_off(site: Site, what: str) -> None:
    said = await raw(site.program.port, RAW[what])

    assert said == b"" or said.split(b" ")[1][:1] == b"4", said[:200]


async def test_no_operation_breaks_whatever_it_is_given(site: Site) -> None:
    described = (await site.http.get("/api/v1/openapi.json")).raise_for_status().json()
    wrong = []
    for attempt in attempts(described):
        path = attempt.url.partition("?")[0]
        answer = await send(site.http, attempt)
        if found := fault(answer, path=path):
            wrong.append(f"{attempt.method} {attempt.url[:120]} {attempt.body[:60]!r}: {found}")

    assert wrong == []


PAGES = (
    "/",
    "/incidents?state={0}&priority={0}&client={0}&text={0}&cursor={0}",
    "/incidents/{0}",
    "/incidents/{0}/events",
    "/oncall?week={0}",
    "/hosts?client={0}",
    "/acknowledge/{0}",
    "/language/{0}?back={0}",
    "/signin?next={0}",
    "/problems/{0}",
)


async def test_no_page_breaks_whatever_its_address_says(site: Site) -> None:
    described = {
        "paths": {
            page.partition("?")[0].replace("{0}", "{x}"): {
                "get": {"parameters": _parameters(page)},
                "post": {"parameters": _parameters(page), "requestBody": {}},
            }
            for page in PAGES
        }
    }
    wrong = []
    for attempt in attempts(described):
        answer = await send(site.http, attempt)
        if found := fault(answer, page=True):
            wrong.append(f"{attempt.method} {attempt.url[:120]}: {found}")

    assert wrong == []


def _parameters(page: str) -> list[dict[str, str]]:
    path, _, query = page.partition("?")
    inside = [{"in": "path", "name": "x"}] if "{0}" in path else []
    asked = [each.partition("=")[0] for each in query.split("&") if each]
    return inside + [{"in": "query", "name": name} for name in asked]


async def test_nothing_reaches_the_log_or_the_page_as_it_was_sent(site: Site) -> None:
    bad = "<script>alert(1)</script>"
    page = await site.http.get(
        "/incidents", params={"text": bad, "client": bad}, headers={"Accept": "text/html"}
    )
    refused = await site.http.post("/api/v1/tokens", content=orjson.dumps({"name": bad}))

    assert bad not in page.text
    assert refused.headers["content-type"] == "application/problem+json"
