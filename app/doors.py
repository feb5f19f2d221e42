"""The outermost layer: hot ports as plain ASGI before any routing, and headers on every answer."""

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import send_problem
from kit.errors import TooLarge

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
BODY_MOST = 1024 * 1024
"""Bytes that a route takes; the hot ports have a measure of their own."""
BODY_WITHIN = 30.0
"""Seconds for a body."""
VALUES_MOST = 10_000
"""Values of a JSON body; a million of them fit into one, each wrong in its own way."""
BELOW = "{path}"
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Timed:
    """A port that says how long each of its answers took."""

    def __init__(self, port: ASGIApp, took: Callable[[float], None]) -> None:
        self._port = port
        self._took = took

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began = time.perf_counter()
        await self._port(scope, receive, send)
        self._took(time.perf_counter() - began)


class Doors:
    """Sends a request to the port mounted at its path, else to the application.

    A port at `…/{path}` has everything below.
    """

    def __init__(self, app: ASGIApp, ports: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._ports = {path: port for path, port in ports.items() if not path.endswith(BELOW)}
        self._below = {
            path.removesuffix(BELOW): port for path, port in ports.items() if path.endswith(BELOW)
        }

    def _port(self, path: str) -> ASGIApp | None:
        below = (port for prefix, port in self._below.items() if path.startswith(prefix))
        return self._ports.get(path) or next(below, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        port = self._port(scope.get("path", "")) if scope["type"] == "http" else None
        if port is not None:
            await port(scope, receive, send)
            return

        began = time.perf_counter()

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                took = 1000 * (time.perf_counter() - began)
                headers["Server-Timing"] = f"app;dur={took:.1f}"
            await send(message)

        if _declared(scope) > BODY_MOST:
            refusal = TooLarge(
                "{sent} bytes, {most} are taken at once", sent=_declared(scope), most=BODY_MOST
            )
            await send_problem(send_guarded, refusal, scope["path"])
            return
        if scope["type"] == "http":
            json = "json" in Headers(scope=scope).get("content-type", "")
            receive = Body(receive, separator=b"," if json else b"\xff")
        await self._app(scope, receive, send_guarded)


class Body:
    """The body of a request as it comes: it ends in time, and has not a million parts.

    Each value of JSON can be wrong in its own way, and to say so of all of them stops the loop.
    """

    def __init__(self, receive: Receive, *, separator: bytes) -> None:
        self._receive, self._separator = receive, separator
        self._parts, self._size = 1, 0
        self._ends = asyncio.get_running_loop().time() + BODY_WITHIN
        self._whole = False

    async def __call__(self) -> Message:
        """Return the next message of the server."""
        if self._whole:  # from here on it is only waited for the other side to hang up
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                408, f"the body did not come within {BODY_WITHIN:.0f} s", {"Connection": "close"}
            ) from None
        self._count(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message

    def _count(self, part: bytes) -> None:
        self._size += len(part)
        self._parts += part.count(self._separator)
        if self._size > BODY_MOST:
            raise HTTPException(413, f"more than {BODY_MOST} bytes", {"Connection": "close"})
        if self._parts > VALUES_MOST:
            raise HTTPException(413, f"more than {VALUES_MOST} values are not taken at once")


def _declared(scope: Scope) -> int:
    """Return how long the body says it is; FastAPI counts one that does not say."""
    length = Headers(scope=scope).get("content-length", "0") if scope["type"] == "http" else "0"
    return int(length) if length.isdecimal() else 0
