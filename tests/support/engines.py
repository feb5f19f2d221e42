"""Real engines that keep samples for us, and what is asked of them directly."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.peers import Peer

VICTORIA, PROMETHEUS = "victoria-metrics", "prometheus"
ENGINES = (VICTORIA, PROMETHEUS)


def engine(name: str, folder: Path) -> Peer:
    """Return an engine of this kind, on a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == VICTORIA:
        words: tuple[str, ...] = (
            "-storageDataPath=data",
            "-retentionPeriod=10y",
            "-search.latencyOffset=30s",
        )
        return Peer(name, words, folder, ready_path="/health", listen="-httpListenAddr")
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    words = (
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=tsdb",
        "--log.level=warn",
        "--web.enable-remote-write-receiver",
    )
    return Peer(name, words, folder)


@dataclass(frozen=True)
class Kept:
    """What an engine has, asked without us."""

    peer: Peer

    async def samples(self, selector: str, *, seconds: int = 3600) -> Mapping[str, list[float]]:
        """Return the values of each series by its label `n`, oldest first."""
        async with httpx.AsyncClient(base_url=self.peer.url, timeout=30) as client:
            asked = {"query": f"{selector}[{seconds}s]", "nocache": "1"}
            answer = await client.get("/api/v1/query", params=asked)
        found = answer.raise_for_status().json()["data"]["result"]
        return {
            one["metric"].get("n", ""): [float(value) for _, value in one["values"]]
            for one in found
        }
