"""Scrapes and probes against real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from collectors.host import Host
from collectors.jobs import Rounds
from collectors.probe import Prober
from collectors.samples import STALE, Sample
from collectors.scrape import Scraper
from collectors.turns import TargetFacts
from tests.support.clock import FakeClock
from tests.support.exporter import exporter

T0 = 1_762_000_000_000
TEXT = b"""# TYPE jobs gauge
jobs{queue="mail",client="evil",job="theirs"} 3
jobs{queue="sms"} 4 1762000000123
"""


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def target(url: str, **more: object) -> TargetFacts:
    return TargetFacts("acme", "pos", "scrape", url, **more)  # type: ignore[arg-type]


def values(samples: Sequence[Sample]) -> dict[str, float]:
    return {dict(s.labels)["__name__"]: s.value for s in samples}


async def test_a_scrape_keeps_the_targets_words_under_our_labels(http: httpx.AsyncClient) -> None:
    async with exporter(lambda: (200, TEXT)) as url:
        samples = await Scraper(http).collect(target(url, system="till"), T0)

    first = dict(samples[0].labels)
    assert first["exported_client"] == "evil"
    assert (first["job"], first["exported_job"], first["system"]) == ("pos", "theirs", "till")
    assert samples[1].at_ms == 1_762_000_000_123
    assert values(samples)["up"] == 1
    assert values(samples)["scrape_samples_scraped"] == 2


async def test_a_target_that_goes_away_is_down_and_its_series_end(http: httpx.AsyncClient) -> None:
    scraper = Scraper(http)
    async with exporter(lambda: (200, TEXT)) as url:
        await scraper.collect(target(url), T0)

    samples = await scraper.collect(target(url), T0 + 15_000)

    assert values(samples)["up"] == 0
    ends = [s for s in samples if dict(s.labels)["__name__"] == "jobs"]
    assert len(ends) == 2
    assert all(repr(s.value) == repr(STALE) for s in ends)


@pytest.mark.parametrize(
    "said",
    [(500, TEXT), (200, b'jobs{queue="mail" 3\n'), (200, b"\xff\xfe\x00"), None],
    ids=["a server error", "half a line", "no text", "a dropped connection"],
)
async def test_a_bad_answer_is_a_target_that_is_down(
    http: httpx.AsyncClient, said: tuple[int, bytes] | None
) -> None:
    async with exporter(lambda: said) as url:
        samples = await Scraper(http).collect(target(url), T0)

    assert values(samples)["up"] == 0


async def test_an_endless_body_is_cut_off(http: httpx.AsyncClient) -> None:
    async with exporter(lambda: (200, b"# " + b"x" * 300_000)) as url:
        samples = await Scraper(http).collect(target(url, options={"body_most": 100_000}), T0)

    assert values(samples)["up"] == 0


async def test_metadata_addresses_are_not_asked(http: httpx.AsyncClient) -> None:
    samples = await Prober(http).collect(target("http://169.254.169.254/latest"), T0)

    assert values(samples)["probe_success"] == 0


async def test_a_probe_tells_success_status_and_time(http: httpx.AsyncClient) -> None:
    async with exporter(lambda: (200, b"hello"), delay=0.05) as url:
        good = await Prober(http).collect(target(url, options={"contains": "hello"}), T0)
        bad = await Prober(http).collect(target(url, options={"contains": "other"}), T0)

    assert values(good)["probe_success"] == 1
    assert values(good)["probe_http_status_code"] == 200
    assert values(good)["probe_duration_seconds"] >= 0.05
    assert values(bad)["probe_success"] == 0


async def test_a_slow_target_delays_no_other(http: httpx.AsyncClient, clock: FakeClock) -> None:
    came: list[tuple[str, float]] = []
    began = time.perf_counter()

    async def deliver(client: str, samples: Sequence[Sample], now: datetime) -> None:
        came.append((dict(samples[-1].labels)["job"], time.perf_counter() - began))

    rounds = Rounds(deliver, {"scrape": Scraper(http)}, clock)
    async with (
        exporter(lambda: (200, TEXT), delay=1.5) as slow,
        exporter(lambda: (200, TEXT)) as quick,
    ):
        rounds.targets = [
            TargetFacts("acme", "slow", "scrape", slow, interval_ms=1000, timeout_ms=1000),
            TargetFacts("acme", "quick", "scrape", quick, interval_ms=1000),
        ]
        await rounds.start_due(clock())
        await asyncio.sleep(0.5)
        early = list(came)
        await rounds.start_due(clock.advance(seconds=1))
        await rounds.settle()

    assert [name for name, _ in early] == ["quick"]
    assert {name for name, _ in came} == {"quick", "slow"}
    assert rounds.counts["skipped"] == 1


def works(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        sum(range(1000))


def test_the_processor_is_as_busy_as_it_is_whichever_thread_looks() -> None:
    host = Host("here")
    host.read(T0)
    works(0.3)
    with ThreadPoolExecutor(1) as other:
        found = values(other.submit(host.read, T0 + 5000).result())

    assert found["langyan_host_cpu_percent"] > 10


def test_this_host_is_read_under_the_exporters_names() -> None:
    host = Host("here")
    host.read(T0)
    works(0.05)  # the kernel counts in hundredths of a second
    found = values(host.read(T0 + 5000))

    assert 0 <= found["langyan_host_cpu_percent"] <= 100
    assert found["node_filesystem_size_bytes"] >= found["node_filesystem_avail_bytes"] > 0
    assert found["langyan_host_receive_bytes_per_second"] >= 0
