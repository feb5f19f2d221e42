"""The house in a process of its own whose clock is turned from outside: hours pass in a minute.

What sends stays in the process that asks, so that the memory measured here is the house's alone.
"""

import asyncio
import json
import os
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import text

from app.house import House
from app.migrations import upgrade
from app.opening import open_database, prepare
from app.server import settle_memory
from app.wiring import build
from benchmarks.support import cpu
from benchmarks.support.langyan import CLIENT, CONFIG, TOKEN
from kit import allocation
from kit.clock import from_milliseconds, milliseconds
from kit.settings import ROOT, Settings
from metrics.partitions import CHUNKS
from metrics.rollups.making import QUIET, SETTLED
from metrics.rollups.steps import STEPS
from notifications.sender import Limits
from tests.support.program import ADMIN_TOKEN

STEP = timedelta(seconds=15)
FLUSH_EVERY = timedelta(minutes=10)
TABLE = """
SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint FROM pg_inherits
WHERE inhparent = ANY(cast(cast(:tables AS text[]) AS regclass[]))
"""
"""What tables take with their parts, indexes, long bodies, free room and all."""
_HEAD = struct.Struct("<cI")
_BODY, _ROUND, _ASK = b"b", b"r", b"a"


@dataclass
class Life:
    """One life of a house, seen from the process that feeds it."""

    folder: Path
    now_ms: int
    started: dict[str, Any] = field(init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.support.apart", str(self.folder), str(self.now_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "BENCH_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin
        self.started = self._heard()
        return self

    def __exit__(self, *_: object) -> None:
        """End it as `kill -9` would, but its database is stopped."""
        self._pipe.close()
        self._process.wait()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def sends(self, body: bytes) -> None:
        """Hand a remote-write body over."""
        self._pipe.write(_HEAD.pack(_BODY, len(body)) + body)

    def passes(self) -> None:
        """Let a scrape interval pass, with what falls due in it."""
        self._pipe.write(_HEAD.pack(_ROUND, 0))

    def asked(self, **what: object) -> dict[str, Any]:
        """Return what the house says of itself, after everything before has been worked off."""
        said = json.dumps(what).encode()
        self._pipe.write(_HEAD.pack(_ASK, len(said)) + said)
        self._pipe.flush()
        return self._heard()


class _Turned:
    """A clock that the pipe turns."""

    def __init__(self, now_ms: int) -> None:
        self.now = from_milliseconds(now_ms)

    def __call__(self) -> datetime:
        return self.now


async def _live(folder: Path, now_ms: int) -> None:
    allocation.one_heap()
    shelf = folder / "config"
    shelf.mkdir(parents=True, exist_ok=True)
    (shelf / "bench.yml").write_text(CONFIG)
    settings = Settings(
        data_dir=folder / "data", config=shelf, admin_token=ADMIN_TOKEN, watch_host=False
    )
    clock = _Turned(now_ms)
    async with open_database(settings) as db:
        await upgrade(db)
        began = time.perf_counter()
        secrets = await prepare(db, settings, now=clock(), environ=os.environ)
        house = build(settings, secrets, db, clock, sending=Limits(skew_most=None))
        await house.bring_up()
        await house.evaluator.settle()
        settle_memory()
        _say({"seconds": time.perf_counter() - began, "resident": _resident()})
        await _obey(house, clock)
    os._exit(0)


async def _obey(house: House, clock: _Turned) -> None:
    reader = asyncio.StreamReader()  # what waits in the pipe is not the house's
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    due = clock.now + FLUSH_EVERY
    peak = 0
    while head := await reader.read(_HEAD.size):
        kind, size = _HEAD.unpack(head + await reader.readexactly(_HEAD.size - len(head)))
        content = await reader.readexactly(size)
        if kind == _BODY:
            await house.store.append(content, port="remote_write", client=CLIENT, now=clock.now)
            continue
        await house.evaluator.settle()
        if kind == _ASK:
            said = await _answer(house, clock, json.loads(content))
            _say({"resident": _resident(), "most": peak, **said})
            peak = 0
            continue
        if clock.now >= due:
            await house.evaluator.sweep(clock.now)  # what it has seen, the journal may let go of
            await house.flush(clock.now)
            due += FLUSH_EVERY
            await house.store.upkeep.pack(clock.now)
        clock.now += STEP
        peak = max(peak, _resident())


async def _answer(house: House, clock: _Turned, asked: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked, and tell what a benchmark may want to know."""
    if asked.get("flush"):
        await house.flush(clock.now)
    if asked.get("pack"):
        await house.store.upkeep.pack(clock.now)
    store = house.store
    if asked.get("roll"):  # as it will be when the day has settled
        await store.upkeep.roll(clock.now + SETTLED + QUIET)
    async with house.db.snapshot() as session:
        table = await session.scalar(text(TABLE), {"tables": [CHUNKS.table]})
        steps = [step.table.table for step in STEPS]
        rolled = await session.scalar(text(TABLE), {"tables": steps})
    return {
        "table": table,
        "rolled": rolled,
        "series": store.series,
        "appended": store.appended,
        "pending": store.pending,
        "now": milliseconds(clock.now),
    }


def _resident() -> int:
    return cpu.resident([os.getpid()])


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(_live(Path(sys.argv[1]), int(sys.argv[2])))
