"""Probing an address over HTTP: does it answer as expected, and how fast."""

from dataclasses import dataclass

import httpx

from collectors.fetching import Unseal, credential, fetch
from collectors.samples import Sample, labelled
from collectors.scrape import labels_of
from collectors.turns import TargetFacts
from kit.errors import Refusal

BODY_MOST = 2**20


@dataclass
class Prober:
    """Asks addresses from outside, under blackbox_exporter's names."""

    client: httpx.AsyncClient
    allow: bool = False
    unseal: Unseal = str

    async def collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        """Return success, status and duration of one request."""
        ours = {**labels_of(target), "instance": target.url}
        try:
            answer = await fetch(
                self.client,
                target.url,
                timeout=target.timeout_ms / 1000,
                most=BODY_MOST,
                allow=self.allow,
                shown=credential(target, self.unseal),
            )
        except Refusal:
            status, seconds, good = 0, target.timeout_ms / 1000, False
        else:
            status, seconds = answer.status or 0, answer.seconds
            good = _as_expected(target, status, answer.body)
        told = {
            "probe_success": float(good),
            "probe_http_status_code": float(status),
            "probe_duration_seconds": seconds,
        }
        return [Sample(labelled(name, ours), value, now_ms) for name, value in told.items()]


def _as_expected(target: TargetFacts, status: int, body: bytes) -> bool:
    expected = target.options.get("expect_status")
    fits = status in expected if expected else 200 <= status < 400
    contains = target.options.get("contains")
    return fits and (not contains or str(contains).encode() in body)
