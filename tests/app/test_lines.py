"""Connections that send a head for ever are ended; those that work are not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app import lines
from tests.support.waiting import until


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(lines, "HEAD_WITHIN", 0.5)
    config = uvicorn.Config(echo, port=0, http=lines.Lines, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@pytest.mark.parametrize("line", [b"X-More: %d\r\n", b"%d"])
async def test_a_head_without_end_is_cut_off(port: int, line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n" if b":" in line else b"GET /")
    for number in range(100_000):
        writer.write(line % number)
    async with asyncio.timeout(5):
        with suppress(ConnectionResetError):  # what we go on sending meets a closed door
            assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    writer.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(port: int, begun: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_long_body_and_a_second_request_pass(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        first = await http.post("/", content=b"x" * 1_000_000)
        await asyncio.sleep(0.7)
        second = await http.get("/", headers={"X-Long": "x" * 30_000})

    assert (first.text, second.text) == ("1000000", "0")
