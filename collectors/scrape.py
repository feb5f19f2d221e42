"""Scraping a target as Prometheus does: its samples, `up`, the duration, stale markers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from collectors.exposition import Known, samples_of
from collectors.fetching import Answer, Unseal, credential, fetch
from collectors.samples import Labels, Look, Sample, ended, labelled
from collectors.turns import TargetFacts
from kit.errors import Refusal
from metrics.described import About

BODY_MOST = 16 * 2**20
SAMPLES_MOST = 50_000
ACCEPT = ",".join(
    (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6",
        "application/openmetrics-text;version=0.0.1;q=0.5",
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4",
        "text/plain;version=0.0.4;q=0.3",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.2",
        "*/*;q=0.1",
    )
).encode()
"""What we read, best first (prometheus/docs: content_negotiation.md)."""


def labels_of(target: TargetFacts) -> dict[str, str]:
    """Return the labels that every series of a target gets."""
    place = urlsplit(target.url)
    ours = {"job": target.name, "instance": place.netloc.rpartition("@")[2]}
    if target.system:
        ours["system"] = target.system
    return {**ours, **target.labels}


@dataclass
class _Past:
    """What a target said the last time, and how it is read."""

    known: Known
    theirs: list[Labels] = field(default_factory=list)
    about: list[Labels] = field(default_factory=list)


Describe = Callable[[str, Sequence[tuple[str, About]]], None]
"""Takes what a client's target says about its metrics."""


def _not_told(client: str, told: Sequence[tuple[str, About]]) -> None:
    return


@dataclass
class Scraper:
    """Fetches targets; remembers which series each had, to say when one has ended."""

    client: httpx.AsyncClient
    allow: bool = False
    unseal: Unseal = str
    describe: Describe = _not_told
    troubles: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why a target is down, of those that are."""
    _past: dict[tuple[str, str], _Past] = field(default_factory=dict)

    async def look(self, target: TargetFacts, now_ms: int) -> Look:
        """Ask the target once and remember nothing of it."""
        return await self._ask(target, Known(labels_of(target)))

    async def collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        """Return what the target said, or `up` 0 and an end for all it had."""
        ours = labels_of(target)
        before = self._past.get(target.key) or _Past(Known(ours))
        known = before.known if before.known.ours == ours else Known(ours)
        seen = await self._ask(target, known)
        self.troubles.pop(target.key, None)
        if seen.good:
            self.describe(target.client, known.told)
        else:
            self.troubles[target.key] = seen.why
        theirs = [sample.labels for sample in seen.samples]
        added = 0 if theirs == before.theirs else len(set(theirs) - set(before.theirs))
        told = {
            "up": float(seen.good),
            "scrape_duration_seconds": seen.seconds,
            "scrape_samples_scraped": float(len(theirs)),
            "scrape_samples_post_metric_relabeling": float(len(theirs)),
            "scrape_series_added": float(added),
        }
        about = [Sample(labelled(name, ours), value, now_ms) for name, value in told.items()]
        now = _Past(known, theirs, [sample.labels for sample in about])
        self._past[target.key] = now
        gone = ended(before.theirs, theirs) if theirs != before.theirs else []
        return [*seen.samples, *gone, *ended(before.about, now.about), *about]

    def end(self, key: tuple[str, str]) -> list[Sample]:
        """Return an end for every series of a target that is asked no more."""
        self.troubles.pop(key, None)
        past = self._past.pop(key, None)
        return ended([*past.theirs, *past.about], ()) if past else []

    async def _ask(self, target: TargetFacts, known: Known) -> Look:
        timeout = target.timeout_ms / 1000
        try:
            answer = await fetch(
                self.client,
                target.url,
                timeout=timeout,
                most=int(target.options.get("body_most", BODY_MOST)),
                allow=self.allow,
                shown={b"Accept": ACCEPT, **credential(target, self.unseal)},
            )
        except Refusal as refusal:
            return Look(timeout, None, why=refusal.detail)
        if answer.why is not None:
            return Look(answer.seconds, answer.status, why=answer.why)
        if answer.status is None or not 200 <= answer.status < 300:
            return Look(answer.seconds, answer.status, why=f"HTTP status {answer.status}")
        return await self._read(target, answer, known)

    async def _read(self, target: TargetFacts, answer: Answer, known: Known) -> Look:
        most = int(target.options.get("samples_most", SAMPLES_MOST))
        try:
            found = await asyncio.to_thread(samples_of, answer.body, answer.kind, known, most=most)
        except Refusal as refusal:
            return Look(answer.seconds, answer.status, why=refusal.detail)
        return Look(answer.seconds, answer.status, found)
