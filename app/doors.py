"""The outermost layer: hot ports as plain ASGI before any routing, and headers on every answer."""

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
VALUES_MOST = 10_000
"""Values of a JSON body; a million of them fit into one, each wrong in its own way."""
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
    """Sends a request to the port mounted at exactly its path, else to the application."""

    def __init__(self, app: ASGIApp, ports: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._ports = ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        port = self._ports.get(scope.get("path", "")) if scope["type"] == "http" else None
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
        json = scope["type"] == "http" and "json" in Headers(scope=scope).get("content-type", "")
        await self._app(scope, _counted(receive) if json else receive, send_guarded)


def _counted(receive: Receive) -> Receive:
    """Refuse JSON of so many values that to say what is wrong with each would stop the loop."""
    values = 1

    async def counting() -> Message:
        nonlocal values
        message = await receive()
        values += message.get("body", b"").count(b",")
        if values > VALUES_MOST:
            raise HTTPException(413, f"more than {VALUES_MOST} values are not taken at once")
        return message

    return counting


def _declared(scope: Scope) -> int:
    """Return how long the body says it is; FastAPI counts one that does not say."""
    length = Headers(scope=scope).get("content-length", "0") if scope["type"] == "http" else "0"
    return int(length) if length.isdecimal() else 0
