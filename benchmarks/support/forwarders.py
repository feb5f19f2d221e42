"""What stands between a sender and an engine: the agents that others run there."""

from pathlib import Path

from tests.support.peers import Peer

AT_ONCE = 10_000
"""Samples that each of them sends in one request, as Langyan does."""


def prometheus_agent(folder: Path, engine: Peer) -> Peer:
    """Return a Prometheus in agent mode that takes remote write and writes all of it on."""
    folder.mkdir(parents=True, exist_ok=True)
    queue = f"{{max_samples_per_send: {AT_ONCE}, capacity: {3 * AT_ONCE}}}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1h}\n"
        f"remote_write: [{{url: {engine.url}/api/v1/write, queue_config: {queue}}}]\n"
    )
    words = (
        "--config.file=prometheus.yml",
        "--enable-feature=agent",
        "--storage.agent.path=kept",
        "--log.level=warn",
        "--web.enable-remote-write-receiver",
    )
    return Peer("prometheus", words, folder)


def vmagent(folder: Path, engine: Peer) -> Peer:
    """Return VictoriaMetrics's agent that takes remote write and writes all of it on."""
    words = (
        f"-remoteWrite.url={engine.url}/api/v1/write",
        "-remoteWrite.tmpDataPath=kept",
        "-loggerLevel=WARN",
    )
    return Peer("vmagent", words, folder, ready_path="/health", listen="-httpListenAddr")
