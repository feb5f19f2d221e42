"""The door for OTLP over HTTP: protobuf or JSON, gzip, and answers in the form of the request."""

import asyncio

import orjson
from starlette.types import Scope

from kit.errors import Refusal, Unsupported
from metrics.batch import Appended
from metrics.ports.encode import delimited, packed
from metrics.ports.http import Door, Headers, MethodNotAllowed, Reply, headers_of, status_of
from metrics.ports.otlp.messages import from_json
from metrics.ports.packed import gunzipped

PROTOBUF, JSON = b"application/x-protobuf", b"application/json"
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 429: 8, 503: 14}
"""Our numbers as those of google.rpc.Status."""


class Otlp(Door):
    """POST /otlp/v1/metrics."""

    def port(self, scope: Scope, headers: Headers) -> str:
        """Take protobuf or JSON, plain or gzip."""
        if _encoding(headers) not in (b"", b"identity", b"gzip"):
            raise Unsupported("Content-Encoding has to be gzip, or none")
        if _kind(headers) not in (PROTOBUF, JSON):
            raise Unsupported("Content-Type has to be application/x-protobuf or application/json")
        return "otlp"

    async def record(self, body: bytes, scope: Scope, headers: Headers) -> bytes:
        """Return the request as plain protobuf."""
        if _encoding(headers) == b"gzip":
            body = await asyncio.to_thread(gunzipped, body, self._store.limits.body_bytes)
        if _kind(headers) == JSON:
            body = await asyncio.to_thread(from_json, body)
        return body

    def kept(self, scope: Scope, kept: Appended) -> Reply:
        """Answer 200, and say what was rejected: it must not be sent again."""
        why = kept.reason or ""
        kind = _kind(dict(scope["headers"]))
        if kind == JSON:
            partial = {"rejectedDataPoints": str(kept.refused), "errorMessage": why}
            return _reply(200, kind, orjson.dumps({"partialSuccess": partial} if why else {}))
        inside = packed([0x08, kept.refused]) + delimited(2, why.encode())
        return _reply(200, kind, delimited(1, inside) if why else b"")

    def refused(self, scope: Scope, refusal: Refusal) -> Reply:
        """Answer with a Status, as clients of OTLP read it."""
        kind = _kind(dict(scope["headers"]))
        if kind not in (PROTOBUF, JSON) or isinstance(refusal, MethodNotAllowed):
            return super().refused(scope, refusal)
        status = status_of(refusal)
        code, why = CODES.get(status, 2), str(refusal.detail)
        if kind == JSON:
            body = orjson.dumps({"code": code, "message": why})
        else:
            body = packed([0x08, code]) + delimited(2, why.encode())
        return _reply(status, kind, body, headers_of(refusal))


def _encoding(headers: Headers) -> bytes:
    return headers.get(b"content-encoding", b"").strip().lower()


def _kind(headers: Headers) -> bytes:
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


def _reply(status: int, kind: bytes, body: bytes, more: Headers | None = None) -> Reply:
    return Reply(status, {b"content-type": kind, **(more or {})}, body)
