"""Probing an address over HTTP: does it answer as expected, and how fast."""

from dataclasses import dataclass, field

import httpx

from collectors.fetching import Unseal, credential, fetch
from collectors.samples import Labels, Look, Sample, ended, labelled
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
    troubles: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why a probe failed, of those that did."""
    _told: dict[tuple[str, str], list[Labels]] = field(default_factory=dict)

    async def look(self, target: TargetFacts, now_ms: int) -> Look:
        """Ask the address once; its samples say whether it answered as expected, and how fast."""
        timeout = target.timeout_ms / 1000
        try:
            answer = await fetch(
                self.client,
                target.url,
                timeout=timeout,
                most=BODY_MOST,
                allow=self.allow,
                shown=credential(target, self.unseal),
            )
        except Refusal as refusal:
            return _seen(target, timeout, None, refusal.detail, now_ms)
        why = answer.why or _unexpected(target, answer.status, answer.body)
        return _seen(target, answer.seconds, answer.status, why, now_ms)

    async def collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        """Return success, status and duration of one request."""
        seen = await self.look(target, now_ms)
        self.troubles.pop(target.key, None)
        if not seen.good:
            self.troubles[target.key] = seen.why
        before, labels = self._told.get(target.key, []), [one.labels for one in seen.samples]
        self._told[target.key] = labels
        return [*seen.samples, *ended(before, labels)]

    def end(self, key: tuple[str, str]) -> list[Sample]:
        """Return an end for every series of a target that is asked no more."""
        self.troubles.pop(key, None)
        return ended(self._told.pop(key, ()), ())


def _seen(target: TargetFacts, seconds: float, status: int | None, why: str, now_ms: int) -> Look:
    ours = {**labels_of(target), "instance": target.url}
    told = {
        "probe_success": float(not why),
        "probe_http_status_code": float(status or 0),
        "probe_duration_seconds": seconds,
    }
    samples = [Sample(labelled(name, ours), value, now_ms) for name, value in told.items()]
    return Look(seconds, status, samples, why)


def _unexpected(target: TargetFacts, status: int | None, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as expected."""
    expected = target.options.get("expect_status")
    if status is None or not (status in expected if expected else 200 <= status < 400):
        return f"HTTP status {status}"
    contains = target.options.get("contains")
    if contains and str(contains).encode() not in body:
        return f"the answer does not contain {str(contains)[:80]!r}"
    return ""
