"""Scraping a target as Prometheus does: its samples, `up`, the duration, stale markers."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from collectors.exposition import samples_of
from collectors.fetching import Answer, Unseal, credential, fetch
from collectors.samples import Labels, Sample, ended, labelled
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

    async def collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        """Return what the target said, or `up` 0 and an end for all it had."""
        ours = labels_of(target)
        try:
            answer = await fetch(
                self.client,
                target.url,
                timeout=target.timeout_ms / 1000,
                most=int(target.options.get("body_most", BODY_MOST)),
                allow=self.allow,
                shown=credential(target, self.unseal),
            )
            found = await self._read(target, answer, ours)
        except Refusal as refusal:
            answer, found = Answer(target.timeout_ms / 1000, why=refusal.detail), []
        up = answer.why is None and answer.status is not None and 200 <= answer.status < 300
        gone = ended(self._had.get(target.key, ()), (s.labels for s in found))
        self._had[target.key] = [sample.labels for sample in found]
        told = {
            "up": float(up),
            "scrape_duration_seconds": answer.seconds,
            "scrape_samples_scraped": float(len(found)),
        }
        about = [Sample(labelled(name, ours), value, now_ms) for name, value in told.items()]
        return [*found, *gone, *about]

    async def _read(
        self, target: TargetFacts, answer: Answer, ours: dict[str, str]
    ) -> list[Sample]:
        if answer.status is None or not 200 <= answer.status < 300:
            return []
        text = answer.body.decode("utf-8", "replace")
        most = int(target.options.get("samples_most", SAMPLES_MOST))
        return await asyncio.to_thread(samples_of, text, ours, most=most)
