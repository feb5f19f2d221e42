"""1,000 rules of a Prometheus rule file, and the 100,000 counters that they read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.support import peers
from benchmarks.support.bodies import Body, Kind
from benchmarks.support.langyan import langyan
from metrics.batch import Floats
from metrics.columns import Labels, labels_of
from tests.support.peers import Peer
from tests.support.program import Program

METRICS, SERIES, ZONES, GROUPS = 500, 200, 10, 10
INTERVAL = 15
LIMIT, OVER = 1e9, 2e9


def rules() -> dict[str, Any]:
    """Return 500 thresholds and 500 sums of rates, in groups."""
    written: list[dict[str, Any]] = []
    for n in range(METRICS):
        written.append({"alert": f"over{n}", "expr": f"c{n}_total > {LIMIT:g}", "for": "10m"})
        expr = f"sum by (zone) (rate(c{n}_total[5m]))"
        written.append({"record": f"zone:c{n}:rate5m", "expr": expr})
    groups = [
        {"name": f"g{g}", "interval": f"{INTERVAL}s", "rules": written[g::GROUPS]}
        for g in range(GROUPS)
    ]
    return {"groups": groups}


def counters() -> list[Labels]:
    """Return the labels of all counters, those of a metric side by side."""
    return [
        labels_of({"__name__": f"c{n}_total", "instance": f"i{s}", "zone": f"z{s % ZONES}"})
        for n in range(METRICS)
        for s in range(SERIES)
    ]


def first_values() -> Floats:
    """Return where each counter begins; every tenth metric has one that is over the limit."""
    count = np.arange(METRICS * SERIES)
    return np.where(count % (SERIES * 10) == 17, OVER, count % 5_000.0)


class Counters(Body):
    """The request of some of the counters."""

    def __init__(self, labels: Sequence[Labels], values: Floats, seed: int) -> None:
        super().__init__(labels, [Kind.WHOLE] * len(labels), seed)
        self._values = values


def fleet(per_body: int) -> list[Body]:
    """Return the bodies of one round of all counters."""
    labels, values = counters(), first_values()
    return [
        Counters(labels[first : first + per_body], values[first : first + per_body], first)
        for first in range(0, len(labels), per_body)
    ]


def langyan_with_rules(
    folder: Path, *, ruled: bool = True, more: Mapping[str, str] | None = None
) -> Program:
    """Return a Langyan with the rule file, or beside it without reading it."""
    shelf = folder / "config" / "rules"
    shelf.mkdir(parents=True)
    (shelf / "bench.yml").write_text(yaml.safe_dump(rules()))
    return langyan(folder, config="rule_files: [rules/*.yml]\n" if ruled else "", more=more)


def prometheus_with_rules(folder: Path, *, ruled: bool = True) -> Peer:
    """Return a Prometheus with the rule file, or beside it without reading it."""
    config: Mapping[str, Any] = {
        "global": {"scrape_interval": "1h", "evaluation_interval": f"{INTERVAL}s"},
        "rule_files": ["rules.yml"] if ruled else [],
    }
    server = peers.prometheus(folder, config=yaml.safe_dump(dict(config)))
    (folder / "rules.yml").write_text(yaml.safe_dump(rules()))
    return server


def vmalert_with_rules(folder: Path, metrics: Peer) -> Peer:
    """Return a vmalert with the rule file, beside a VictoriaMetrics; it has nobody to tell."""
    folder.mkdir(parents=True)
    (folder / "rules.yml").write_text(yaml.safe_dump(rules()))
    return peers.vmalert(folder, metrics, words=("-rule=rules.yml",))
