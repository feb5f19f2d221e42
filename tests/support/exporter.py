"""A target on loopback that answers from a script."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Answer = Callable[[], tuple[int, bytes] | None]


@asynccontextmanager
async def exporter(
    answer: Answer,
    *,
    delay: float = 0,
    heard: Callable[[dict[str, str]], None] | None = None,
    kind: str = "",
) -> AsyncIterator[str]:
    """Serve `answer` over HTTP; None hangs up without a word. Yields the address.

    `heard` is told the headers of each request, their names in small letters.
    """

    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[1:-1]
        if heard is not None:
            pairs = (line.split(": ", 1) for line in asked)
            heard({name.lower(): value for name, value in pairs})
        await asyncio.sleep(delay)
        said = answer()
        if said is not None:
            status, body = said
            head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            head += f"Content-Type: {kind}\r\n" if kind else ""
            writer.write(head.encode() + b"\r\n" + body)
            await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talking.add(task)
        await asyncio.gather(task, return_exceptions=True)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        for task in talking:
            task.cancel()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)
