"""The HTTP side that all doors for samples share: plain ASGI, because routing costs half of it."""

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

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
    """This door takes other methods: `allowed` names them, as the header does."""

    slug, title = "method-not-allowed", "This method is not spoken here"

    def __init__(self, detail: str, *, allowed: str = "POST", **facts: object) -> None:
        super().__init__(detail, **facts)
        self.allowed = allowed


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


@dataclass(frozen=True)
class Reply:
    """A whole response."""

    status: int
    headers: Headers = field(default_factory=dict)
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Send it."""
        headers = list(self.headers.items())
        if self.status != 204:
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def status_of(refusal: Refusal) -> int:
    """Return the number with which a port says this no."""
    status = 405 if isinstance(refusal, MethodNotAllowed) else 400
    return next((STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS), status)


def headers_of(refusal: Refusal) -> Headers:
    """Return the headers that belong to a refusal, whatever its body looks like."""
    headers: Headers = {}
    if isinstance(refusal, Overloaded | errors.TooMany):
        headers[b"retry-after"] = str(refusal.retry_after).encode()
    if isinstance(refusal, errors.Unauthorized):
        headers[b"www-authenticate"] = b'Bearer realm="langyan"'
    if isinstance(refusal.__cause__, TimeoutError):
        headers[b"connection"] = b"close"  # the rest of its body would come for ever
    if isinstance(refusal, MethodNotAllowed):
        headers[b"allow"] = refusal.allowed.encode()
    return headers


def problem(refusal: Refusal, path: str) -> Reply:
    """Return the refusal as RFC 9457 has it."""
    status = status_of(refusal)
    members = {
        **refusal.facts,
        "type": f"/problems/{refusal.slug}",
        "title": refusal.title,
        "status": status,
        "detail": refusal.detail,
        "instance": path,
    }
    headers = {b"content-type": b"application/problem+json", **headers_of(refusal)}
    return Reply(status, headers, orjson.dumps(members, default=str))


async def identity_of(authorize: Authorize, scope: Scope) -> Identity:
    """Return who sends this request, or refuse."""
    allowed = authorize(scope)
    return await allowed if inspect.isawaitable(allowed) else allowed


def refused_part(kept: Appended) -> SamplesRefused:
    """Return what says that some samples of a request were refused, and why the first was."""
    reason = f"{kept.refused} of {kept.samples + kept.refused} refused; {kept.reason}"
    return SamplesRefused(reason, kept=kept.samples, refused=kept.refused)


class Door(ABC):
    """One way in; kinds of it say which forms of body they read, and how they answer."""

    def __init__(self, store: Sink, authorize: Authorize, clock: Clock) -> None:
        self._store = store
        self._authorize = authorize
        self._clock = clock

    def credential(self, scope: Scope) -> Scope:
        """Return the request with its credential where the authorizer looks for it."""
        return scope

    @abstractmethod
    def port(self, scope: Scope, headers: Headers) -> str:
        """Return the name of the decoder for this form of body, or refuse it."""

    async def record(self, body: bytes, scope: Scope, headers: Headers) -> bytes:
        """Return what the decoder is given, now and when the journal is replayed."""
        return body

    def kept(self, scope: Scope, kept: Appended) -> Reply:
        """Return the answer to a request that was understood."""
        if kept.refused:
            raise refused_part(kept)
        return Reply(204)

    def refused(self, scope: Scope, refusal: Refusal) -> Reply:
        """Return the answer to a request that is refused."""
        return problem(refusal, scope["path"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            reply = self.kept(scope, await self._take(scope, receive))
        except Gone:
            return
        except Refusal as refusal:
            reply = self.refused(scope, refusal)
        await reply.send(send)

    async def _take(self, scope: Scope, receive: Receive) -> Appended:
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['method']} is not spoken here")
        client = client_of(await identity_of(self._authorize, self.credential(scope)))
        headers = dict(scope["headers"])
        port = self.port(scope, headers)
        now, most = self._clock(), self._store.limits.body_bytes
        with self._store.load.body(now) as came:
            body = await body_of(receive, headers, most, came)
            body = await self.record(body, scope, headers)
            return await self._store.append(body, port=port, client=client, now=self._clock())
