"""Requests that nobody sends by mistake alone, and what an answer to them may look like."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import orjson

PROBLEM = "application/problem+json"
READ_MOST = 200_000
IN_PATHS = (
    "%00",
    "a%00b",
    "..%2F..%2F..%2Fetc%2Fpasswd",
    "%FF%FE",
    "-1",
    "0",
    "99999999999999999999999999",
    "2147483648",
    "9223372036854775808",
    "1e400",
    "%C2%B2",  # ², a digit that is no number
    "%EF%BC%91%EF%BC%92",  # １２
    "'%20OR%201=1--",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%7B%7B7*7%7D%7D",
    "%0D%0AX-Injected:%20yes",
    "x" * 3000,
)
IN_QUERIES = (*IN_PATHS, "", "null", "NaN", "true", "%5B%5D", "2026-13-45T99:99:99Z", "%E2%80%AE")
IN_HEADERS = (b"\xff\xfe", b"x" * 4000, b'"99999999999999999999999"', b"\xc2\xb2", b"*")
BODIES = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"{",
    b'{"a": ',
    b"\xff\xfe\x00",
    b"\x00",
    b"[" * 50_000,
    b'{"version": 99999999999999999999999999, "reason": "x"}',
    b'{"version": 1e999}',
    b'{"text": "a\\u0000b", "reason": "a\\u0000b", "name": "a\\u0000b"}',
    b'{"text": "\\ud800", "reason": "\\ud800"}',
    b'{"name": "x", "client": "nobody", "rights": ["ingest"], "scopes": ["ingest"]}',
    b'{"reason": "x", "since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}',
    b'{"reason": "x", "since": "0001-01-01T00:00:00+14:00", "until": "9999-12-31T23:59:59-12:00"}',
    b'{"person": "li", "start": "9999-12-31T23:59:59-12:00", "end": "0001-01-01T00:00:00+14:00"}',
)


@dataclass(frozen=True)
class Attempt:
    """One request."""

    method: str
    url: str
    headers: dict[str, bytes] = field(default_factory=dict)
    body: bytes = b""


def attempts(openapi: dict[str, Any]) -> Iterator[Attempt]:
    """Yield hostile requests for every operation that a description names."""
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            yield from _of_operation(path, method.upper(), operation)


def _of_operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[Attempt]:
    given = operation.get("parameters", [])
    names = {kind: [p["name"] for p in given if p["in"] == kind] for kind in KINDS}
    ones = dict.fromkeys(names["path"], "1")
    plain = _filled(path, ones)
    paths = [_filled(path, {**ones, n: value}) for n in names["path"] for value in IN_PATHS]
    asked = [f"{plain}?{quote(n)}={value}" for n in names["query"] for value in IN_QUERIES]
    headers = [{n: value} for n in names["header"] for value in IN_HEADERS]
    yield from (Attempt(method, url) for url in (*paths, *asked))
    yield from (Attempt(method, plain, header) for header in headers)
    if "requestBody" in operation:
        yield from (Attempt(method, plain, JSON, body) for body in BODIES)


KINDS = ("path", "query", "header")
JSON = {"Content-Type": b"application/json"}


def _filled(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


@dataclass(frozen=True)
class Answered:
    """What came back: the beginning of it, for a stream has no end."""

    status: int
    headers: httpx.Headers
    body: bytes


async def send(http: httpx.AsyncClient, attempt: Attempt) -> Answered:
    """Send one request; a stream is not read."""
    async with http.stream(
        attempt.method,
        attempt.url,
        headers={name.encode(): value for name, value in attempt.headers.items()},
        content=attempt.body or None,
        follow_redirects=False,
    ) as answer:
        body = b""
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > READ_MOST:
                    break
        return Answered(answer.status_code, answer.headers, body)


def fault(answer: Answered, *, path: str = "/api", page: bool = False) -> str | None:
    """Return what is wrong with an answer to a bad request; None if it says it well."""
    if answer.status >= 500:
        return f"{answer.status}: {answer.body[:300]!r}"
    if b"Traceback" in answer.body or b"site-packages" in answer.body:
        return f"it shows its insides: {answer.body[:300]!r}"
    if "x-injected" in answer.headers:
        return "a header was injected"
    if answer.status < 400:
        return None
    return _form(answer, path, page)


def _form(answer: Answered, path: str, page: bool) -> str | None:
    kind = answer.headers.get("content-type", "")
    if page:
        return None if kind.startswith(("text/html", PROBLEM)) else f"{answer.status} as {kind}"
    if path.startswith("/prometheus/api/v1/") and kind.startswith("application/json"):
        told = orjson.loads(answer.body)
        return None if told["status"] == "error" else "no error in Prometheus's envelope"
    if not kind.startswith(PROBLEM):
        return f"{answer.status} as {kind}: {answer.body[:200]!r}"
    told = orjson.loads(answer.body)
    whole = told["status"] == answer.status and told["type"] and told["title"]
    return None if whole else f"no whole problem: {told}"


async def raw(port: int, request: bytes, *, within: float = 10) -> bytes:
    """Send bytes as they are and return what comes back until the other side is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(within):
            while b"\r\n\r\n" not in said and (part := await reader.read(65_536)):
                said += part
    except (ConnectionError, TimeoutError):
        return said
    finally:
        writer.close()
    return said
