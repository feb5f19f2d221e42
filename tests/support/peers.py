"""Foreign programs as users run them: real ones, each on a free port and in a folder of its own."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import pytest

from tests.support.program import free_port

READY_MOST = 60.0


def needed(name: str) -> str:
    """Return where a program lies; without it the test is skipped, in CI it fails."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@dataclass
class Peer:
    """A program that answers HTTP at `port`; it can be killed and started again."""

    name: str
    words: Sequence[str]
    folder: Path
    port: int = field(default_factory=free_port)
    ready_path: str = "/-/ready"
    listen: str = "--web.listen-address"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

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

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [needed(self.name), f"{self.listen}=127.0.0.1:{self.port}", *self.words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_MOST
        async with httpx.AsyncClient() as client:
            while not await self._answers(client):
                assert self.process.poll() is None, f"{self.name} ended: {self.said()}"
                assert time.monotonic() < deadline, f"{self.name} is not ready: {self.said()}"
                await asyncio.sleep(0.05)

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}{self.ready_path}", timeout=2)).is_success
        except httpx.HTTPError:
            return False

    def said(self) -> str:
        """Return the end of what it has written."""
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def end(self) -> None:
        """End it at once, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def node_exporter(folder: Path) -> Peer:
    """Return a node_exporter that tells a little about this machine."""
    words = ("--collector.disable-defaults", "--collector.loadavg", "--collector.meminfo")
    return Peer("prometheus-node-exporter", words, folder, ready_path="/")


def prometheus(
    folder: Path, *, job: str, scraped: Peer, write_to: str, token: str, agent: bool = False
) -> Peer:
    """Return a Prometheus, or its agent, that scrapes each second and writes all of it on."""
    folder.mkdir(parents=True)
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["127.0.0.1:{scraped.port}"]}}]
remote_write:
  - url: {write_to}/prometheus/api/v1/write
    authorization: {{credentials: {token}}}
    queue_config: {{batch_send_deadline: 500ms, max_backoff: 1s}}
""")
    kept = ("--enable-feature=agent", "--storage.agent.path=wal")
    words = kept if agent else ("--storage.tsdb.path=tsdb",)
    return Peer("prometheus", ("--config.file=prometheus.yml", "--log.level=warn", *words), folder)


def vmagent(folder: Path, *, job: str, scraped: Peer, write_to: str, token: str) -> Peer:
    """Return VictoriaMetrics's agent that scrapes each second and writes all of it on."""
    folder.mkdir(parents=True)
    (folder / "scrape.yml").write_text(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["127.0.0.1:{scraped.port}"]}}]
""")
    words = (
        "-promscrape.config=scrape.yml",
        f"-remoteWrite.url={write_to}/prometheus/api/v1/write",
        f"-remoteWrite.bearerToken={token}",
        "-remoteWrite.flushInterval=500ms",
        "-remoteWrite.tmpDataPath=waiting",
        "-loggerLevel=WARN",
    )
    return Peer("vmagent", words, folder, ready_path="/health", listen="-httpListenAddr")
