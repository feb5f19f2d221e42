"""What exporters answer with: read to the letter, or a target that is down and says why."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from collectors.jobs import Rounds
from collectors.probe import Prober
from collectors.samples import STALE, Sample
from collectors.scrape import Scraper
from collectors.turns import TargetFacts
from tests.support.clock import FakeClock
from tests.support.exporter import exporter

T0 = 1_762_000_000_000
TEXT = b"# TYPE jobs gauge\njobs 3\nwaiting 4\n"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def target(url: str, **more: object) -> TargetFacts:
    return TargetFacts("acme", "pos", "scrape", url, **more)  # type: ignore[arg-type]


def values(samples: Sequence[Sample]) -> dict[str, float]:
    return {dict(s.labels)["__name__"]: s.value for s in samples}


def ended(samples: Sequence[Sample]) -> set[str]:
    return {dict(s.labels)["__name__"] for s in samples if repr(s.value) == repr(STALE)
            and s.value != s.value}  # fmt: skip


async def test_open_metrics_is_asked_for_first_and_read(http: httpx.AsyncClient) -> None:
    registry = CollectorRegistry()
    Counter("hits", "hits", registry=registry).inc(2, {"trace_id": "x"})
    Gauge("temperature", "°C", ["room"], registry=registry).labels("机房").set(21.5)
    asked: list[dict[str, str]] = []
    said = generate_latest(registry)  # type: ignore[no-untyped-call]
    async with exporter(lambda: (200, said), heard=asked.append, kind=CONTENT_TYPE_LATEST) as url:
        samples = await Scraper(http).collect(target(url), T0)

    wanted = [one.partition(";")[0] for one in asked[0]["accept"].split(",")]
    assert wanted[0] == "application/openmetrics-text"
    assert "text/plain" in wanted
    assert "gzip" in asked[0]["accept-encoding"]
    found = values(samples)
    assert (found["hits_total"], found["temperature"], found["up"]) == (2.0, 21.5, 1.0)


@pytest.mark.parametrize(
    ("status", "body", "kind", "why"),
    [
        pytest.param(500, TEXT, "text/plain", "HTTP status 500", id="a server error"),
        pytest.param(200, b"jobs 3\nbad\n", "text/plain", "line 2: no sample: 'bad'", id="a line"),
        pytest.param(200, b"jobs x\n", "", "line 1: no value: 'x'", id="a value"),
        pytest.param(200, b"<html>", "text/html", "line 1: no sample: '<html>'", id="a page"),
        pytest.param(200, b"\xff 1\n", "", "the answer is not valid UTF-8", id="no text"),
        pytest.param(
            200, TEXT, "application/openmetrics-text", "the text does not end with # EOF", id="half"
        ),
        pytest.param(
            200, b"\x05a", "application/vnd.google.protobuf;encoding=delimited",
            "malformed protobuf: a family is cut short", id="half a family",
        ),
        pytest.param(
            200, TEXT, "application/vnd.google.protobuf",
            "protobuf that is not encoding=delimited", id="another protobuf",
        ),
    ],
)  # fmt: skip
async def test_a_bad_answer_is_a_target_that_is_down_and_says_why(
    http: httpx.AsyncClient, status: int, body: bytes, kind: str, why: str
) -> None:
    scraper = Scraper(http)
    async with exporter(lambda: (status, body), kind=kind) as url:
        found = values(await scraper.collect(target(url), T0))

    assert found["up"] == 0.0
    assert found["scrape_samples_scraped"] == 0.0
    assert "jobs" not in found
    assert scraper.troubles == {("acme", "pos"): why}


async def test_a_target_that_answers_again_has_no_trouble(http: httpx.AsyncClient) -> None:
    scraper = Scraper(http)
    await scraper.collect(target("http://127.0.0.1:1/metrics"), T0)
    assert scraper.troubles
    async with exporter(lambda: (200, TEXT)) as url:
        await scraper.collect(target(url), T0)
    assert not scraper.troubles


async def test_too_many_samples_are_a_failed_scrape(http: httpx.AsyncClient) -> None:
    async with exporter(lambda: (200, TEXT)) as url:
        samples = await Scraper(http).collect(target(url, options={"samples_most": 1}), T0)

    assert values(samples)["up"] == 0.0


async def test_series_that_vanish_end_and_new_ones_are_counted(http: httpx.AsyncClient) -> None:
    said = [TEXT, b"jobs 3\nother 1\n", b"jobs 3\nother 1\n"]
    scraper = Scraper(http)
    async with exporter(lambda: (200, said.pop(0))) as url:
        first, second, third = [await scraper.collect(target(url), T0) for _ in range(3)]

    assert values(first)["scrape_series_added"] == 2.0
    assert (values(second)["scrape_series_added"], ended(second)) == (1.0, {"waiting"})
    assert (values(third)["scrape_series_added"], ended(third)) == (0.0, set())


async def test_a_target_under_other_labels_ends_what_stood_under_the_old(
    http: httpx.AsyncClient,
) -> None:
    scraper = Scraper(http)
    async with exporter(lambda: (200, TEXT)) as url:
        await scraper.collect(target(url), T0)
        second = await scraper.collect(target(url, labels={"zone": "b"}), T0)

    assert {"jobs", "waiting", "up"} <= ended(second)
    assert all(dict(s.labels).get("zone") == "b" for s in second if s.value == s.value)


async def test_a_target_that_is_removed_ends_all_its_series(
    http: httpx.AsyncClient, clock: FakeClock
) -> None:
    came: list[Sample] = []

    async def deliver(client: str, samples: Sequence[Sample], now: datetime) -> None:
        came.extend(samples)

    rounds = Rounds(deliver, {"scrape": Scraper(http), "http": Prober(http)}, clock)
    async with exporter(lambda: (200, TEXT)) as url:
        probe = TargetFacts("acme", "web", "http", url, interval_ms=1000)
        rounds.targets = [target(url, interval_ms=1000), probe]
        await rounds.start_due(clock.advance(seconds=1))
        await rounds.settle()
    came.clear()
    rounds.targets = []
    await rounds.start_due(clock.advance(seconds=1))

    assert {"jobs", "waiting", "up", "probe_success"} <= ended(came)
    assert len(came) == len([s for s in came if s.value != s.value])
    came.clear()
    await rounds.start_due(clock.advance(seconds=1))
    assert came == []


async def test_a_probe_says_why_it_failed(http: httpx.AsyncClient) -> None:
    prober = Prober(http)
    async with exporter(lambda: (200, b"hello")) as url:
        wrong = target(url, options={"contains": "other"})
        await prober.collect(wrong, T0)
        assert prober.troubles[wrong.key] == "the answer does not contain 'other'"
        await prober.collect(target(url, options={"expect_status": [404]}), T0)
        assert prober.troubles[wrong.key] == "HTTP status 200"
        await prober.collect(target(url), T0)
        assert not prober.troubles
