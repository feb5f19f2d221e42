"""The HTTP side that all doors for samples share: plain ASGI, because routing costs half of it."""

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import ClassVar, Protocol, TypeAlias, TypeVar

import orjson
from starlette.types import Receive, Scope, Send

from access.scope import Identity, Right
from kit import errors
from kit.clock import Clock
from kit.errors import Forbidden, Invalid, Overloaded, Refusal, TooLarge
from metrics.batch import Appended
from metrics.labels import Limits
from metrics.load import Load

Authorize: TypeAlias = Callable[[Scope], Identity | Awaitable[Identity]]
Headers: TypeAlias = dict[bytes, bytes]
Bytes = TypeVar("Bytes", bytes, bytearray)

BODY_WITHIN = 60.0
"""Seconds for a body: what is half read takes room from others."""

# remote write knows 400 for what must not be sent again, and no other number for it
STATUS: dict[type[Refusal], int] = {
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.TooMany: 429,
    errors.Overloaded: 503,
}


class SamplesRefused(Invalid):
    """Some samples were not taken; all the others were, so sending them again gains nothing."""

    slug, title = "samples-refused", "Some samples were refused"


class MethodNotAllowed(Refusal):
    """This door takes POST only."""

    slug, title = "method-not-allowed", "This door takes POST only"


class Gone(Exception):
    """The sender hung up before its body was complete."""


class Sink(Protocol):
    """Where samples go: the store."""

    limits: Limits
    load: Load

    async def append(
        self, body: bytes, *, port: str, client: str | None, now: datetime
    ) -> Appended:
        """Keep the samples of one request."""
        ...


def client_of(identity: Identity) -> str | None:
    """Return the client whose samples this token sends, None for every client's."""
    identity.need(Right.INGEST)
    clients = identity.scope.clients
    if clients is None:
        return None
    if len(clients) != 1:
        raise Forbidden("a token for samples is one client's, or stands for all clients")
    return next(iter(clients))


async def body_of(
    receive: Receive, headers: Headers, most: int, came: Callable[[int], None]
) -> bytes:
    """Return the request's body; more than `most` bytes are refused before they are read.

    `came` is told of each part, and may refuse it.
    """
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"{int(declared)} bytes, {most} are taken at once")
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await _read(receive, most, came)
    except TimeoutError as late:
        raise Overloaded(f"the body did not come within {BODY_WITHIN:.0f} s") from late


async def _read(receive: Receive, most: int, came: Callable[[int], None]) -> bytes:
    part, more = await _part(receive)
    came(len(part))
    if not more:
        return _at_most(part, most)
    body = bytearray(part)
    while more:
        part, more = await _part(receive)
        came(len(part))
        body += part
        _at_most(body, most)
    return bytes(body)


async def _part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


def _at_most(body: Bytes, most: int) -> Bytes:
    if len(body) > most:
        raise TooLarge(f"more than {most} bytes")
    return body


async def answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Send a whole response."""
    start = {"type": "http.response.start", "status": status, "headers": list(headers.items())}
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def problem(send: Send, refusal: Refusal, path: str) -> None:
    """Answer with the refusal as RFC 9457 has it."""
    status = 405 if isinstance(refusal, MethodNotAllowed) else 400
    status = next((STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS), status)
    members = {
        **refusal.facts,
        "type": f"/problems/{refusal.slug}",
        "title": refusal.title,
        "status": status,
        "detail": refusal.detail,
        "instance": path,
    }
    body = orjson.dumps(members, default=str)
    headers = {
        b"content-type": b"application/problem+json",
        b"content-length": str(len(body)).encode(),
    }
    if isinstance(refusal, Overloaded | errors.TooMany):
        headers[b"retry-after"] = str(refusal.retry_after).encode()
    if status == 401:
        headers[b"www-authenticate"] = b'Bearer realm="langyan"'
    if isinstance(refusal.__cause__, TimeoutError):
        headers[b"connection"] = b"close"  # the rest of its body would come for ever
    if status == 405:
        headers[b"allow"] = b"POST"
    await answer(send, status, headers, body)


class Door(ABC):
    """One way in; kinds of it say what they are called and which headers they accept."""

    port: ClassVar[str]

    def __init__(self, store: Sink, authorize: Authorize, clock: Clock) -> None:
        self._store = store
        self._authorize = authorize
        self._clock = clock

    @abstractmethod
    def check(self, headers: Headers) -> None:
        """Refuse a form of body that this door does not read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request: 204 when every sample was kept."""
        try:
            await self._take(scope, receive)
        except Gone:
            return
        except Refusal as refusal:
            await problem(send, refusal, scope["path"])
        else:
            await answer(send, 204, {})

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['method']} is not spoken here")
        allowed = self._authorize(scope)
        identity = await allowed if inspect.isawaitable(allowed) else allowed
        client = client_of(identity)
        headers = dict(scope["headers"])
        self.check(headers)
        now, most = self._clock(), self._store.limits.body_bytes
        with self._store.load.body(now) as came:
            body = await body_of(receive, headers, most, came)
            kept = await self._store.append(body, port=self.port, client=client, now=self._clock())
        if kept.refused:
            reason = f"{kept.refused} of {kept.samples + kept.refused} refused; {kept.reason}"
            raise SamplesRefused(reason, kept=kept.samples, refused=kept.refused)
