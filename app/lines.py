"""HTTP as uvicorn reads it, with an end to how long the head of a request may be and may take."""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_MOST = 65_536
HEAD_WITHIN = 30.0
"""Seconds for a head; a connection that sends nothing at all has no longer."""


class Lines(HttpToolsProtocol):
    """One connection; what is no HTTP, or only ever headers, gets a problem and is cut off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: int | None = 0
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to count a head anew."""
        self._head = 0
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: from here on whoever reads the body knows how much of it is too much."""
        self._head = None
        self._stop_waiting()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what has come, unless the head goes on and on."""
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > HEAD_MOST and not self.transport.is_closing():
            self._refuse(431, "The head of the request is too large", f"{HEAD_MOST} bytes at most")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, "This is not HTTP", msg)

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: int, title: str, detail: str) -> None:
        members = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = orjson.dumps(members)
        head = (
            STATUS_LINE[status] + b"content-type: application/problem+json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        )
        self.transport.write(head + body)
        self.transport.close()
