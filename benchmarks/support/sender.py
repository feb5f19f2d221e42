"""A lean sender of remote-write bodies over connections that stay open."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.support.bodies import STEP_MS, Body, share
from kit.clock import milliseconds, system_clock

CONNECTIONS = 6
KINDS = {
    1: "Content-Type: application/x-protobuf\r\nX-Prometheus-Remote-Write-Version: 0.1.0",
    2: "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\n"
    "X-Prometheus-Remote-Write-Version: 2.0.0",
}
"""What a request says of itself, by the version of remote write."""


class Refused(Exception):
    """The receiver did not take a body."""


@dataclass
class Sender:
    """Writes round after round; a 503 is sent again after its Retry-After.

    Round n carries `start_ms` and n times `step_ms`; with `live` the moment at which it is sent.
    """

    port: int
    path: str
    bodies: Sequence[Body]
    start_ms: int
    token: str = ""
    connections: int = CONNECTIONS
    rate: float | None = None
    step_ms: int = STEP_MS
    version: int = 1
    live: bool = False
    accepted: int = 0
    busy: int = 0
    rounds: int = 0
    _next: list[int] = field(default_factory=list)

    async def send(self, *, rounds: int | None = None, seconds: float | None = None) -> float:
        """Send so many rounds, or for so long; return how many seconds that took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        until = None if seconds is None else began + seconds
        lanes = list(share(self.bodies, self.connections))
        self._next = self._next or [0] * len(lanes)
        last = None if rounds is None else min(self._next) + rounds
        async with asyncio.TaskGroup() as all_:
            for number, mine in enumerate(lanes):
                all_.create_task(self._lane(number, mine, until, last))
        self.rounds = max(self._next)
        return clock() - began

    async def _lane(
        self, number: int, mine: Sequence[Body], until: float | None, last: int | None
    ) -> None:
        clock = asyncio.get_running_loop().time
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        due = clock()
        try:
            while (until is None or clock() < until) and (
                last is None or self._next[number] < last
            ):
                for body in mine:
                    await self._post(reader, writer, self._content(body, self._next[number]))
                    self.accepted += body.samples
                self._next[number] += 1
                if self.rate:
                    due = max(due + self._round / self.rate, clock() - 1)
                    await asyncio.sleep(max(0.0, due - clock()))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _content(self, body: Body, number: int) -> bytes:
        if self.live:
            return body.at(number, milliseconds(system_clock()), 0)
        return body.at(number, self.start_ms, self.step_ms)

    @property
    def _round(self) -> int:
        return sum(body.samples for body in self.bodies)

    async def _post(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes
    ) -> None:
        while True:
            writer.write(self._head(len(content)) + content)
            status, again = await _answer(reader)
            if status < 300:
                return
            if status != 503:
                raise Refused(f"{self.path} answered {status}")
            self.busy += 1
            await asyncio.sleep(again)

    def _head(self, length: int) -> bytes:
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Encoding: snappy\r\n"
            f"{KINDS[self.version]}\r\nUser-Agent: bench\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, float]:
    """Read one response; return its status and how long to wait before the next try."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    lines = dict(line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:])
    await reader.readexactly(int(lines.get(b"content-length", b"0")))
    return int(head.split(b" ", 2)[1]), float(lines.get(b"retry-after", b"1"))
