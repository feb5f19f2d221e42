"""The program as users start it: a process of its own, with its own data folder and port."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from kit.postgres import postmaster
from kit.settings import ROOT
from tests.support.embedded import processes_of

LANGYAN = (sys.executable, "-m", "app")
ADMIN_TOKEN = "ly_admin-token-of-the-tests-0123456789abcdef"
START_MOST = 60.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Program:
    """`langyan serve` on a folder; it can be stopped, killed, and started again.

    `async with` starts it, and in the end leaves no process behind.
    """

    folder: Path
    config: Path | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self.end()
            raise
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> dict[str, str]:
        """The header that makes a request an admin's."""
        return {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    def environment(self) -> dict[str, str]:
        """Return what the process is told."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LANGYAN_")}
        told = {
            "LANGYAN_DATA_DIR": str(self.folder),
            "LANGYAN_LISTEN": f"127.0.0.1:{self.port}",
            "LANGYAN_ADMIN_TOKEN": ADMIN_TOKEN,
            "LANGYAN_WATCH_HOST": "false",
            "PYTHONPATH": str(ROOT),
        }
        if self.config:
            told["LANGYAN_CONFIG"] = str(self.config)
        return {**kept, **told, **self.more}

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*LANGYAN, "serve"],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.spawn()
        await self.ready()

    async def ready(self) -> None:
        """Wait until /readyz says so."""
        deadline = time.monotonic() + START_MOST
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline:
                assert self.process is not None
                assert self.process.poll() is None, f"it ended: {self.said()[-3000:]}"
                try:
                    answer = await client.get(f"{self.url}/readyz", timeout=2)
                    if answer.status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(f"not ready after {START_MOST} s: {self.said()[-3000:]}")

    async def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run another command of `langyan` with the same settings, and wait for its end."""
        return await asyncio.to_thread(
            subprocess.run,
            [*LANGYAN, *words],
            cwd=ROOT,
            env={**self.environment(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_MOST,
            check=False,
        )

    def said(self) -> str:
        """Return what the process has written so far."""
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """Return the process and those of its database."""
        assert self.process is not None
        return [psutil.Process(pid) for pid in (self.process.pid, *processes_of(self.folder))]

    def kill(self, *, database_too: bool = False) -> None:
        """End it with SIGKILL, alone or with every process of its database, in any order."""
        assert self.process is not None
        _kill([self.process.pid, *(processes_of(self.folder) if database_too else [])])
        self.process.wait()

    def kill_database(self) -> None:
        """End every process of its database with SIGKILL, and nothing else."""
        _kill(processes_of(self.folder))

    def stop(self) -> float:
        """Ask it to end; return how many seconds that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def end(self) -> None:
        """Leave nothing running, not even the database of a process that was killed alone."""
        if self.process is not None and self.process.poll() is None:
            self.kill(database_too=True)
        left = postmaster.living(self.folder.resolve() / "postgres" / "data")
        if left is not None:
            os.kill(left.pid, signal.SIGQUIT)


def _kill(doomed: list[int]) -> None:
    random.shuffle(doomed)
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
