"""The doors of InfluxDB: writing in version 1 and 2, and what clients ask before they write."""

import asyncio
import re
from abc import abstractmethod
from urllib.parse import parse_qs

import orjson
from starlette.types import Receive, Scope, Send

from kit.errors import Invalid, Refusal, Unsupported
from metrics.batch import Appended
from metrics.ports.http import (
    Door,
    Gone,
    Headers,
    MethodNotAllowed,
    Reply,
    body_of,
    client_of,
    headers_of,
    identity_of,
    refused_part,
    status_of,
)
from metrics.ports.influx.decoder import record
from metrics.ports.packed import gunzipped

ASKED_MOST = 64 * 1024
"""Bytes of a question."""
VERSION: Headers = {b"x-influxdb-version": b"1.8.10", b"x-influxdb-build": b"Langyan"}
CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    405: "method not allowed",
    413: "request too large",
    415: "invalid",
    429: "too many requests",
    503: "unavailable",
}
_CREATE = re.compile(r"\s*CREATE\s+DATABASE\b.*", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(rb"token\s+", re.IGNORECASE)


class Influx(Door):
    """Where lines are written to."""

    def credential(self, scope: Scope) -> Scope:
        """Find the token in `p=`, or behind the name in `Token name:token`, as old clients do."""
        headers = dict(scope["headers"])
        given = headers.get(b"authorization", b"").strip()
        if not given:
            secret = _asked(scope).get("p", "").encode()
            given = b"Token " + secret if secret else b""
        elif _TOKEN.match(given) and b":" in given:
            given = b"Token " + given.partition(b":")[2]
        if given:
            headers[b"authorization"] = given
        return {**scope, "headers": list(headers.items())}

    def port(self, scope: Scope, headers: Headers) -> str:
        """Take lines, plain or gzip."""
        if _encoding(headers) not in (b"", b"identity", b"gzip"):
            raise Unsupported("Content-Encoding has to be gzip, or none")
        return "influx"

    async def record(self, body: bytes, scope: Scope, headers: Headers) -> bytes:
        """Return the lines, with their precision and database."""
        if _encoding(headers) == b"gzip":
            body = await asyncio.to_thread(gunzipped, body, self._store.limits.body_bytes)
        asked = _asked(scope)
        database = asked.get("db") or asked.get("bucket", "")
        return record(body, precision=asked.get("precision", ""), database=database)

    def kept(self, scope: Scope, kept: Appended) -> Reply:
        """Answer 204; what was refused in part is told with the number of its line."""
        if kept.refused:
            part = refused_part(kept)
            why = f"partial write: {kept.reason} dropped={kept.refused}"
            return self.said(status_of(part), why, {})
        return Reply(204, dict(VERSION))

    def refused(self, scope: Scope, refusal: Refusal) -> Reply:
        """Answer as InfluxDB does."""
        return self.said(status_of(refusal), str(refusal.detail), headers_of(refusal))

    @abstractmethod
    def said(self, status: int, why: str, headers: Headers) -> Reply:
        """Return a no, and why."""


class Influx1(Influx):
    """POST /influx/write?db=."""

    def said(self, status: int, why: str, headers: Headers) -> Reply:
        """Return a no in the form of version 1."""
        return _json(status, {"error": why}, headers | VERSION)


class Influx2(Influx):
    """POST /influx/api/v2/write?bucket=."""

    def said(self, status: int, why: str, headers: Headers) -> Reply:
        """Return a no in the form of version 2."""
        return _json(status, {"code": CODES.get(status, "invalid"), "message": why}, headers)


class Query(Influx1):
    """POST /influx/query: databases need no making, so Telegraf is told that its own is made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            reply = await self._answer(scope, receive)
        except Gone:
            return
        except Refusal as refusal:
            reply = self.refused(scope, refusal)
        await reply.send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        if scope["method"] not in ("GET", "POST"):
            raise MethodNotAllowed(f"{scope['method']} is not spoken here", allowed="GET, POST")
        client_of(await identity_of(self._authorize, self.credential(scope)))
        with self._store.load.body(self._clock()) as came:
            body = await body_of(receive, dict(scope["headers"]), ASKED_MOST, came)
        form = _parameters(body.decode("utf-8", "replace"))
        query = _asked(scope).get("q") or form.get("q", "")
        if not _CREATE.fullmatch(query):
            raise Invalid("only CREATE DATABASE is understood here; ask /prometheus/api/v1/query")
        return _json(200, {"results": [{"statement_id": 0}]}, VERSION)


async def ping(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer GET and HEAD /influx/ping: somebody is there."""
    if scope["method"] in ("GET", "HEAD"):
        await Reply(204, dict(VERSION)).send(send)
    else:
        await Reply(405, {b"allow": b"GET, HEAD"}).send(send)


def _asked(scope: Scope) -> dict[str, str]:
    """Return the parameters of a request, the first of each name."""
    return _parameters(scope.get("query_string", b"").decode("latin-1"))


def _parameters(text: str) -> dict[str, str]:
    try:
        found = parse_qs(text, max_num_fields=100)
    except ValueError:
        raise Invalid("more than 100 parameters") from None
    return {name: values[0] for name, values in found.items()}


def _encoding(headers: Headers) -> bytes:
    return headers.get(b"content-encoding", b"").strip().lower()


def _json(status: int, said: object, headers: Headers) -> Reply:
    kind = {b"content-type": b"application/json"}
    return Reply(status, kind | headers, orjson.dumps(said))
