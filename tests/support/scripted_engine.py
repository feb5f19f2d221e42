"""An engine on a real socket that does as a test tells it: refuses, puts off, hangs, breaks off."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cramjam import snappy

from metrics.ports import wire
from metrics.ports.protobuf import split

Point = tuple[str, int, float]
"""A sample: the label `n` of its series, its time in ms, its value."""


@dataclass(frozen=True)
class Said:
    """An answer to a write: `keeps` is whether the samples stay, `after` how late it comes."""

    status: int = 204
    keeps: bool = True
    after: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[list[Point]], Said]


def takes(_: list[Point]) -> Said:
    """Take everything."""
    return Said()


@dataclass
class ScriptedEngine:
    """Takes remote write and answers queries for samples; `does` decides about each write.

    So many writes as `breaks_off` says end in the middle of their body.
    """

    does: Script = takes
    kept: list[Point] = field(default_factory=list)
    writes: list[list[Point]] = field(default_factory=list)
    queries: int = 0
    breaks_off: int = 0
    port: int = 0
    _all: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._over = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self._over.set()
        await asyncio.gather(*self._all)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def values(self) -> dict[str, list[float]]:
        """Return the values of each series in the order of their times; each time it came."""
        found: dict[str, list[float]] = {}
        for name, _, value in sorted(self.kept):
            found.setdefault(name, []).append(value)
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._all.add(task)
        over = asyncio.create_task(self._over.wait())
        answers = asyncio.create_task(self._until_it_hangs_up(reader, writer))
        await asyncio.wait([over, answers], return_when=asyncio.FIRST_COMPLETED)
        for each in (over, answers):
            each.cancel()
        await asyncio.wait([over, answers])
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._all.discard(task)

    async def _until_it_hangs_up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._answered(reader, writer):
                pass

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        if "/write" not in head.partition("\r\n")[0]:
            await reader.readexactly(size)
            self._tell(writer, 200, self._matrix())
            return True
        if self.breaks_off:
            self.breaks_off -= 1
            await reader.readexactly(size // 2)
            return False
        points = _points(await reader.readexactly(size))
        said = self.does(points)
        self.writes.append(points)
        if said.keeps:
            self.kept += points
        await asyncio.sleep(said.after)
        self._tell(writer, said.status, b"", said.headers)
        return True

    def _tell(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        kind = "Content-Type: application/json\r\n" if body else ""
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 {status} said\r\n{kind}{more}{length}\r\n".encode() + body)

    def _matrix(self) -> bytes:
        self.queries += 1
        series: dict[str, list[tuple[float, str]]] = {}
        for name, at, value in self.kept:
            series.setdefault(name, []).append((at / 1000, str(value)))
        result = [
            {"metric": {"__name__": "steps", "client": "acme", "n": name}, "values": values}
            for name, values in series.items()
        ]
        return json.dumps(
            {"status": "success", "data": {"resultType": "matrix", "result": result}}
        ).encode()


def _points(body: bytes) -> list[Point]:
    found = []
    for message in split(bytes(snappy.decompress_raw(body))):
        series = wire.Series(message)
        named = {name.decode(): value.decode() for name, value in series.labels}
        assert named["client"] == "acme"
        found += [(named["n"], at, v) for at, v in zip(series.times, series.values, strict=True)]
    return found
