"""The doors of the Pushgateway: push, replace and delete groups; text and protobuf."""

import asyncio

import orjson
from starlette.types import Receive, Scope, Send

from kit.clock import Clock
from kit.errors import Invalid, Refusal, Unsupported
from metrics.ports.exposition import delimited, text
from metrics.ports.exposition.found import Exposition
from metrics.ports.http import (
    Authorize,
    Gone,
    Headers,
    MethodNotAllowed,
    Reply,
    Sink,
    body_of,
    client_of,
    identity_of,
    problem,
)
from metrics.ports.packed import gunzipped
from metrics.pushed import telling
from metrics.pushed.gateway import Gateway
from metrics.pushed.groups import grouping

PREFIX = "/pushgateway/metrics/"
TOLD, WIPE = "/pushgateway/api/v1/metrics", "/pushgateway/api/v1/admin/wipe"
BODY_MOST = 16 * 1024 * 1024
PROTOBUF = b"application/vnd.google.protobuf"


class Pushgateway:
    """PUT, POST and DELETE /pushgateway/metrics/job/<job>{/<label>/<value>}."""

    def __init__(self, gateway: Gateway, store: Sink, authorize: Authorize, clock: Clock) -> None:
        self._gateway = gateway
        self._store = store
        self._authorize = authorize
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request: 200 when a push was checked and kept, 202 for what is gone."""
        try:
            reply = await self._answer(scope, receive)
        except Gone:
            return
        except Refusal as refusal:
            reply = problem(refusal, scope["path"])
        await reply.send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        method = scope["method"]
        if method not in ("PUT", "POST", "DELETE"):
            raise MethodNotAllowed(f"{method} is not spoken here", allowed="PUT, POST, DELETE")
        client = client_of(await identity_of(self._authorize, scope))
        labels = grouping(_path(scope))
        if method == "DELETE":
            await self._gateway.delete(client, labels, now=self._clock())
            return Reply(202)
        headers = dict(scope["headers"])
        with self._store.load.body(self._clock()) as came:
            body = await body_of(receive, headers, BODY_MOST, came)
            given = await asyncio.to_thread(_read, body, headers)
            await self._gateway.push(
                client, labels, given, whole=method == "PUT", now=self._clock()
            )
        return Reply(200)


def _path(scope: Scope) -> str:
    """Return what follows the prefix, still percent-encoded: a value may contain a slash."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return bytes(raw).decode("latin-1").partition("?")[0].removeprefix(PREFIX).rstrip("/")


def _read(body: bytes, headers: Headers) -> Exposition:
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding == b"gzip":
        body = gunzipped(body, BODY_MOST)
    elif encoding not in (b"", b"identity"):
        raise Unsupported("Content-Encoding has to be gzip, or none")
    kind, _, rest = headers.get(b"content-type", b"").lower().partition(b";")
    if kind.strip() == PROTOBUF:
        if b"encoding=delimited" not in rest.replace(b" ", b""):
            raise Unsupported("protobuf has to be encoding=delimited")
        return delimited.parsed(body)
    if body and not body.endswith(b"\n"):
        raise Invalid("the last line does not end with a line feed")
    try:
        return text.parsed(body.decode())
    except UnicodeDecodeError:
        raise Invalid("the body is not valid UTF-8") from None


class Groups:
    """GET /pushgateway/metrics and /api/v1/metrics: what the token's client has pushed.

    And PUT /pushgateway/api/v1/admin/wipe, which takes all of it away.
    """

    def __init__(self, gateway: Gateway, authorize: Authorize, clock: Clock) -> None:
        self._gateway = gateway
        self._authorize = authorize
        self._clock = clock

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            reply = await self._answer(scope)
        except Refusal as refusal:
            reply = problem(refusal, scope["path"])
        await reply.send(send)

    async def _answer(self, scope: Scope) -> Reply:
        wipes = scope["path"] == WIPE
        allowed = "PUT" if wipes else "GET"
        if scope["method"] != allowed:
            raise MethodNotAllowed(f"{scope['method']} is not spoken here", allowed=allowed)
        client = client_of(await identity_of(self._authorize, scope))
        if wipes:
            await self._gateway.wipe(client, now=self._clock())
            return Reply(202)
        groups = self._gateway.groups(client)
        if scope["path"] == TOLD:
            body = orjson.dumps({"status": "success", "data": telling.told(groups)})
            return Reply(200, {b"content-type": b"application/json"}, body)
        kind = b"text/plain; version=0.0.4; charset=utf-8"
        return Reply(200, {b"content-type": kind}, telling.text(groups).encode())


async def healthy(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer GET and HEAD /pushgateway/-/healthy and /-/ready."""
    if scope["method"] in ("GET", "HEAD"):
        body = b"OK" if scope["method"] == "GET" else b""
        await Reply(200, {b"content-type": b"text/plain"}, body).send(send)
    else:
        await Reply(405, {b"allow": b"GET, HEAD"}).send(send)
