"""Phones and chat rooms as an HTTP server on loopback: it answers from a script and remembers."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson


@dataclass(frozen=True)
class Answer:
    """How one call is answered; `hang` never answers, `drop` cuts the line."""

    status: int = 200
    delay: float = 0
    hang: bool = False
    drop: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass(frozen=True)
class Call:
    """A request as it came; header names are in lower case; `at` is the loop's time."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def key(self) -> str:
        """The key by which a receiver knows a repeat."""
        return self.headers["idempotency-key"]


class Phone:
    """`async with Phone() as phone`: `phone.url("li")` is where li is called."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.script: deque[Answer] = deque()
        self.scripts: dict[str, deque[Answer]] = {}
        self.always: dict[str, Answer] = {}
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._rang = asyncio.Condition()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.hangs_up()

    async def hangs_up(self) -> None:
        """Close the port and every line; `__aenter__` opens the same port again."""
        if self._server:
            self._server.close()
        for line in list(self._lines):
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def url(self, name: str = "") -> str:
        """Return the address at which `name` is called."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def answers(self, *script: Answer | int, name: str | None = None) -> None:
        """Answer the next calls (to `name`, or to anybody) like this, then 200 again."""
        line = self.script if name is None else self.scripts.setdefault(f"/{name}", deque())
        line.extend(Answer(a) if isinstance(a, int) else a for a in script)

    def always_answers(self, answer: Answer | int, *, name: str) -> None:
        """From now on answer every call to `name` like this."""
        self.always[f"/{name}"] = Answer(answer) if isinstance(answer, int) else answer

    @property
    def rang(self) -> list[str]:
        """Who was called, in order."""
        return [call.path.strip("/") for call in self.calls]

    def calls_of(self, name: str) -> list[Call]:
        """Return the calls to one name."""
        return [call for call in self.calls if call.path == f"/{name}"]

    async def rings(self, times: int = 1, *, within: float = 5) -> None:
        """Wait until it rang that often in all."""
        async with asyncio.timeout(within), self._rang:
            await self._rang.wait_for(lambda: len(self.calls) >= times)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    await writer.drain()
        except asyncio.CancelledError:
            return  # the server's own callback would report it as an error
        finally:
            self._lines.discard(line)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        at = asyncio.get_running_loop().time()
        async with self._rang:
            self.calls.append(Call(method, path, headers, body, at))
            self._rang.notify_all()
        answer = self._answer(path)
        await asyncio.sleep(3600 if answer.hang else answer.delay)
        if answer.drop:
            return False
        writer.write(_response(answer))
        return True

    def _answer(self, path: str) -> Answer:
        own = self.scripts.get(path)
        if own:
            return own.popleft()
        if path in self.always:
            return self.always[path]
        return self.script.popleft() if self.script else Answer()


def _response(answer: Answer) -> bytes:
    headers = {"Content-Length": str(len(answer.body)), "Content-Type": "application/json"}
    lines = [f"HTTP/1.1 {answer.status} Scripted"]
    lines += [f"{name}: {value}" for name, value in {**headers, **answer.headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
