"""An event stream of the program, read as it comes: no client of ours waits for an end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.main import create_app
from tests.support.waiting import until
from tests.support.world import World

TICK = b"event: tick\ndata: "


@dataclass
class Heard:
    """What a stream has said so far, event by event."""

    said: list[bytes] = field(default_factory=list)
    status: int = 0

    @property
    def drawn(self) -> list[bytes]:
        """What was drawn, without the ticks."""
        return [each for each in self.said if not each.startswith(TICK)]

    async def says(self, count: int) -> None:
        """Wait until so much was said."""

        async def it_was() -> bool:
            return len(self.said) >= count

        await until(it_was)

    async def draws(self, count: int) -> None:
        """Wait until the page was drawn so often."""

        async def it_was() -> bool:
            return len(self.drawn) >= count

        await until(it_was)

    async def shows(self, part: bytes) -> None:
        """Wait until the page as it was drawn last has this in it."""

        async def it_has() -> bool:
            return part in self.drawn[-1]

        await until(it_has)


@asynccontextmanager
async def following(
    world: World, path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Heard]:
    """Follow a page until the block ends, by default as admin who reads English."""
    heard = Heard()
    asked = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        heard.status = message.get("status", heard.status)
        if body := message.get("body"):
            heard.said.append(body)

    url = urlsplit(path)
    sent = {**world.http.headers, "accept-language": "en"} if headers is None else headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    task = asyncio.create_task(create_app(world.house)(scope, receive, send))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
