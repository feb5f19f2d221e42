"""Scraping a target as Prometheus does: its samples, `up`, the duration, stale markers."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from collectors.exposition import samples_of
from collectors.fetching import Answer, Unseal, credential, fetch
from collectors.samples import Labels, Look, Sample, ended, labelled
from collectors.turns import TargetFacts
from kit.errors import Refusal

BODY_MOST = 16 * 2**20
SAMPLES_MOST = 50_000


def labels_of(target: TargetFacts) -> dict[str, str]:
    """Return the labels that every series of a target gets."""
    place = urlsplit(target.url)
    ours = {"job": target.name, "instance": place.netloc.rpartition("@")[2]}
    if target.system:
        ours["system"] = target.system
    return {**ours, **target.labels}


@dataclass
class Scraper:
    """Fetches targets; remembers which series each had, to say when one has ended."""

    client: httpx.AsyncClient
    allow: bool = False
    unseal: Unseal = str
    _had: dict[tuple[str, str], list[Labels]] = field(default_factory=dict)

    async def look(self, target: TargetFacts, now_ms: int) -> Look:
        """Ask the target once and remember nothing of it."""
        timeout = target.timeout_ms / 1000
        try:
            answer = await fetch(
                self.client,
                target.url,
                timeout=timeout,
                most=int(target.options.get("body_most", BODY_MOST)),
                allow=self.allow,
                shown=credential(target, self.unseal),
            )
            if answer.status is None or not 200 <= answer.status < 300:
                why = answer.why or f"it answered {answer.status}"
                return Look(answer.seconds, answer.status, why=why)
            found = await self._read(target, answer, labels_of(target))
        except Refusal as refusal:
            return Look(timeout, None, why=refusal.detail)
        return Look(answer.seconds, answer.status, found)

    async def collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        """Return what the target said, or `up` 0 and an end for all it had."""
        ours, seen = labels_of(target), await self.look(target, now_ms)
        gone = ended(self._had.get(target.key, ()), (s.labels for s in seen.samples))
        self._had[target.key] = [sample.labels for sample in seen.samples]
        told = {
            "up": float(seen.good),
            "scrape_duration_seconds": seen.seconds,
            "scrape_samples_scraped": float(len(seen.samples)),
        }
        about = [Sample(labelled(name, ours), value, now_ms) for name, value in told.items()]
        return [*seen.samples, *gone, *about]

    async def _read(
        self, target: TargetFacts, answer: Answer, ours: dict[str, str]
    ) -> list[Sample]:
        text = answer.body.decode("utf-8", "replace")
        most = int(target.options.get("samples_most", SAMPLES_MOST))
        return await asyncio.to_thread(samples_of, text, ours, most=most)
