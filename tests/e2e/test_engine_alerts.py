"""The same samples give the same alerts and stay as private, wherever they are kept."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kit.clock import milliseconds, system_clock
from metrics.columns import Labels, labels_of
from metrics.ports.encode import write_request
from tests.support.engines import ENGINES, engine
from tests.support.phone import Phone
from tests.support.program import ADMIN_TOKEN as ADMIN
from tests.support.program import Program
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

ACME, BOLT = "ly_acme-token-0123456789abcdefghijklmnop", "ly_bolt-token-0123456789abcdefghijklmnop"
READS = "ly_acme-reads-0123456789abcdefghijklmno"
CONFIG = """
clients: [{name: acme, title: Acme, timezone: UTC}, {name: bolt, title: Bolt, timezone: UTC}]
people: [{name: li, title: Li, contacts: [{channel: webhook, url: "PHONE"}]}]
escalations: [{name: default, steps: [{notify: ["person:li"], wait: 24h}]}]
tokens:
  - {name: acme, client: acme, scopes: [ingest], secret_env: ACME_TOKEN}
  - {name: bolt, client: bolt, scopes: [ingest], secret_env: BOLT_TOKEN}
  - {name: acme-reads, client: acme, scopes: [read], secret_env: READ_TOKEN}
systems:
  - {name: a, client: acme, title: A}
  - {name: b, client: acme, title: B}
  - {name: c, client: acme, title: C}
thresholds:
  - {name: plain, title: Plain, expr: level, P1: {above: 95}, P3: {above: 80}, recover: {below: 70}}
  - {name: held, title: Held, expr: steady, P2: {above: 5, for: 3s}, recover: {below: 5, for: 2s}}
  - {name: share, title: Share, expr: used / size, P2: {above: 0.9}, recover: {below: 0.5}}
  - {name: speed, title: Speed, expr: "sum by (system) (rate(hits_total[10s]))", P2: {above: 50}}
"""
EVERY, STEPS = 0.5, 30


def step(number: int) -> Mapping[Labels, float]:
    """Return what is sent in one step of the stream."""
    late = number > 15
    values: dict[tuple[str, str], float] = {
        ("level", "a"): 97 if 6 <= number < 12 else 60,
        ("level", "b"): 85 if number == 4 else 60,
        ("steady", "b"): 9 if 4 <= number < 20 else 1,
        ("steady", "c"): 9 if number in (5, 6, 7) else 1,
        ("used", "a"): 95 if late else 20,
        ("size", "a"): 100,
        ("hits_total", "c"): number * (100 if late else 5) + (-1425 if late else 0),
    }
    return {labels_of({"__name__": n, "system": s}): v for (n, s), v in values.items()}


@dataclass
class House:
    """One program with a phone of its own."""

    program: Program
    phone: Phone

    def told(self) -> list[tuple[str, str, str]]:
        """Return what was told of each incident, in an order of its own."""
        return sorted(
            (call.json["event"], call.json["incident"]["system"], call.json["incident"]["priority"])
            for call in self.phone.calls
        )

    async def alerts(self) -> list[tuple[str, str, str]]:
        """Return rule, system and state of each alert."""
        async with httpx.AsyncClient(headers=self.program.admin) as client:
            answer = await client.get(f"{self.program.url}/api/v1/alerts", params={"limit": 100})
        items = answer.raise_for_status().json()["items"]
        return sorted((one["rule"], one["system"], one["state"]) for one in items)

    async def writes(self, token: str, series: Mapping[Labels, float], at: int) -> None:
        """Write one value to each series."""
        body = write_request(list(series), [at] * len(series), list(series.values()))
        headers = {"Authorization": f"Bearer {token}", "Content-Encoding": "snappy"}
        headers["Content-Type"] = "application/x-protobuf"
        async with httpx.AsyncClient(headers=headers) as client:
            answer = await client.post(f"{self.program.url}/prometheus/api/v1/write", content=body)
        assert answer.is_success, answer.text

    async def found(self, query: str, token: str = READS) -> list[dict[str, str]]:
        """Return the labels of what an instant query finds."""
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(headers=headers) as client:
            answer = await client.post(
                f"{self.program.url}/prometheus/api/v1/query", data={"query": query}
            )
        result = answer.raise_for_status().json()["data"]["result"]
        return [one["metric"] for one in result]

    async def listed(self, path: str, asked: Mapping[str, str] | None = None) -> list[str]:
        """Return what the API lists for the token that reads acme."""
        headers = {"Authorization": f"Bearer {READS}"}
        async with httpx.AsyncClient(headers=headers) as client:
            answer = await client.get(f"{self.program.url}/prometheus/api/v1/{path}", params=asked)
        found: list[str] = answer.raise_for_status().json()["data"]
        return found


@pytest.fixture
async def houses(tmp_path: Path) -> AsyncIterator[Mapping[str, House]]:
    async with AsyncExitStack() as all_:
        found = {}
        for name in ("own", *ENGINES):
            phone = await all_.enter_async_context(Phone())
            config = tmp_path / f"{name}-config"
            config.mkdir()
            (config / "site.yml").write_text(CONFIG.replace("PHONE", phone.url("li")))
            more = {"ACME_TOKEN": ACME, "BOLT_TOKEN": BOLT, "READ_TOKEN": READS}
            more["LANGYAN_RESOLVE_AFTER"] = "1s"
            if name in ENGINES:
                keeps = await all_.enter_async_context(engine(name, tmp_path / f"{name}-engine"))
                more["LANGYAN_METRICS_URL"] = keeps.url
            program = Program(tmp_path / name, config, more)
            found[name] = House(await all_.enter_async_context(program), phone)
        yield found


async def test_the_same_stream_gives_the_same_alerts(houses: Mapping[str, House]) -> None:
    for number in range(STEPS):
        at = milliseconds(system_clock())
        await asyncio.gather(*(one.writes(ACME, step(number), at) for one in houses.values()))
        await asyncio.sleep(EVERY)

    await asyncio.sleep(5)  # what is told last
    alerts = {name: await house.alerts() for name, house in houses.items()}
    told = {name: house.told() for name, house in houses.items()}
    assert len(alerts["own"]) >= 2
    assert len(told["own"]) >= 4
    for name in ENGINES:
        assert alerts[name] == alerts["own"]
        assert told[name] == told["own"]


async def test_a_client_sees_only_its_own(houses: Mapping[str, House]) -> None:
    queries = (
        "secret",
        '{__name__=~".+"}',
        'secret{client="bolt"} or level',
        "sum by (client) (secret)",
        "count_over_time(secret[5m])",
        'label_replace(secret, "client", "acme", "", "")',
        "max_over_time(sum by (client) (secret)[5m:10s])",
    )
    for name in ENGINES:
        house, at = houses[name], milliseconds(system_clock())
        await house.writes(BOLT, {labels_of({"__name__": "secret", "client": "acme"}): 1}, at)
        await house.writes(ACME, {labels_of({"__name__": "level", "system": "a"}): 1}, at)

        async def seen(house: House = house) -> list[dict[str, str]]:
            return await house.found("secret", token=ADMIN)

        assert (await until(seen))[0]["client"] == "bolt"
        for query in queries:
            found = await house.found(query)
            assert all(one.get("client") == "acme" for one in found), query
            assert not any(one.get("__name__") == "secret" for one in found), query
        assert await house.listed("label/client/values") == ["acme"]
        assert await house.listed("label/__name__/values") == ["level"]
        assert await house.listed("series", {"match[]": "secret"}) == []
        assert [one["__name__"] for one in await house.found('{__name__=~".+"}')] == ["level"]
