"""Debian's Prometheus, Alertmanager and VictoriaMetrics, each in a folder of its own."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.peers import Peer

QUIET = "global: {scrape_interval: 1h}\n"


def prometheus(folder: Path, *, config: str = QUIET, words: Sequence[str] = ()) -> Peer:
    """Return a Prometheus that takes remote write at `/api/v1/write`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(config)
    usual = ("--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--log.level=warn")
    return Peer("prometheus", (*usual, "--web.enable-remote-write-receiver", *words), folder)


def alertmanager(folder: Path, *, config: str, words: Sequence[str] = ()) -> Peer:
    """Return an Alertmanager that gossips with nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alertmanager.yml").write_text(config)
    usual = ("--config.file=alertmanager.yml", "--storage.path=kept", "--cluster.listen-address=")
    return Peer("prometheus-alertmanager", (*usual, *words), folder)


def victoria_metrics(folder: Path, *, words: Sequence[str] = ()) -> Peer:
    """Return a single-node VictoriaMetrics that takes remote write at `/api/v1/write`."""
    usual = ("-storageDataPath=kept", "-retentionPeriod=1", "-loggerLevel=WARN")
    return Peer(
        "victoria-metrics", (*usual, *words), folder, ready_path="/health", listen="-httpListenAddr"
    )


def vmalert(folder: Path, metrics: Peer, *, words: Sequence[str] = ()) -> Peer:
    """Return a vmalert that reads from a VictoriaMetrics and records into it."""
    usual = tuple(
        f"-{what}.url={metrics.url}" for what in ("datasource", "remoteWrite", "notifier")
    )
    return Peer(
        "vmalert",
        (*usual, "-loggerLevel=WARN", *words),
        folder,
        ready_path="/health",
        listen="-httpListenAddr",
    )


def version(name: str) -> str:
    """Return the version of a Debian package."""
    words = ["dpkg-query", "-W", "-f=${Version}", name]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout or "unknown"
