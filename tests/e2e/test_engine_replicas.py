"""Replicas over one engine and one PostgreSQL: any takes samples, they share the rules."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.e2e.crash_load import TOKEN, configuration
from tests.support.database import migrated
from tests.support.engines import ENGINES, engine
from tests.support.phone import Call, Phone
from tests.support.postgres import build_template, create_database
from tests.support.program import Program
from tests.support.waiting import until

log = logging.getLogger(__name__)
pytestmark = pytest.mark.e2e
TAKES_OVER = 15
GROUPS = 4
HELD = 20
RULES = """
  - name: g{n}
    interval: 1s
    rules:
      - {{alert: Now, expr: now{n} > 0}}
      - {{alert: Held, expr: held{n} > 0, for: {held}s}}
"""


def rule_file() -> str:
    """Return groups of rules that do not feed each other."""
    return "groups:" + "".join(RULES.format(n=n, held=HELD) for n in range(GROUPS))


@dataclass
class Replicas:
    """Two programs with folders of their own, and the phone that both ring."""

    one: Program
    two: Program
    phone: Phone
    heard: list[int] = field(default_factory=list)

    async def crosses(self, number: int, *, at: Program) -> None:
        """Have a crossing, of a system of its own, arrive at one of them."""
        await self.sends("crash_crossing", number, at=at)

    async def sends(self, name: str, number: int, *, at: Program) -> None:
        """Have a sample, of a system of its own, arrive at one of them."""
        labels = {"n": str(number), "system": f"s{number}"}
        samples = [{"name": name, "value": 1, "labels": labels}]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=at.url, headers=headers) as client:
            answer = await client.post("/api/v1/samples", json={"samples": samples})
        assert answer.status_code == 204, answer.text

    def told(self, number: int) -> list[Call]:
        """Return the calls about a crossing."""
        return [
            call
            for call in self.phone.calls
            if call.json["event"] == "triggered" and call.json["incident"]["system"] == f"s{number}"
        ]

    async def hears(self, number: int, *, within: float = TAKES_OVER) -> None:
        """Wait until the phone has rung for a crossing."""

        async def it_has() -> bool:
            return bool(self.told(number))

        await until(it_has, within=within)

    async def alert(self, kind: str, first: int, *, at: Program) -> range:
        """Have an alert of each group; return the numbers of their systems."""
        for n in range(GROUPS):
            await self.sends(f"{kind}{n}", first + n, at=at)
        return range(first, first + GROUPS)

    async def hear(self, numbers: range, *, within: float = TAKES_OVER) -> None:
        """Wait until the phone has rung for all of these."""
        async with asyncio.TaskGroup() as all_:
            for number in numbers:
                all_.create_task(self.hears(number, within=within))

    async def share(self) -> None:
        """Wait until each evaluates half of the groups."""

        async def they_do() -> bool:
            return [await groups_of(each) for each in (self.one, self.two)] == [GROUPS / 2] * 2

        await until(they_do, within=TAKES_OVER)


async def groups_of(program: Program) -> float:
    """Return how many groups of rules a replica evaluates."""
    async with httpx.AsyncClient() as client:
        told = (await client.get(f"{program.url}/metrics")).text
    name = "langyan_rules_groups "
    return next(
        float(line.removeprefix(name)) for line in told.splitlines() if line.startswith(name)
    )


async def alerts(program: Program, state: str) -> dict[str, str]:
    """Return by system since when each alert in a state is active, whoever evaluates it."""
    async with httpx.AsyncClient(headers=program.admin) as client:
        answer = await client.get(f"{program.url}/prometheus/api/v1/alerts")
    found = answer.raise_for_status().json()["data"]["alerts"]
    return {o["labels"]["system"]: o["activeAt"] for o in found if o["state"] == state}


@pytest.fixture(params=ENGINES)
async def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replicas]:
    await build_template(migrated)
    url = await create_database(f"langyan_replicas_{os.getpid()}")
    config = tmp_path / "config"
    (config / "rules").mkdir(parents=True)
    (config / "rules" / "shared.yml").write_text(rule_file())
    async with Phone() as phone, engine(request.param, tmp_path / "engine") as keeps:
        files = "rule_files: [rules/*.yml]\n"
        (config / "load.yml").write_text(configuration(phone.url("li")) + files)
        more = {
            "CRASH_TOKEN": TOKEN,
            "LANGYAN_DATABASE_URL": url,
            "LANGYAN_SECRET_KEY": "k" * 43,
            "LANGYAN_METRICS_URL": keeps.url,
        }
        folders = (tmp_path / "one", tmp_path / "two")
        one, two = (Program(folder, config, more) for folder in folders)
        async with one, two:
            yield Replicas(one, two, phone)


async def test_one_is_killed_and_the_other_passes_verdicts_without_telling_anything_twice(
    replicas: Replicas,
) -> None:
    one, two = replicas.one, replicas.two
    await replicas.crosses(1, at=one)
    await replicas.hears(1)
    await replicas.crosses(2, at=two)
    await replicas.hears(2)

    one.kill()
    await replicas.crosses(3, at=two)
    await replicas.hears(3)

    await one.start()
    await replicas.crosses(4, at=one)
    await replicas.hears(4)
    assert [len(replicas.told(number)) for number in (1, 2, 3, 4)] == [1, 1, 1, 1]


async def test_one_is_killed_and_the_other_evaluates_its_groups_where_they_were(
    replicas: Replicas,
) -> None:
    one, two = replicas.one, replicas.two
    await replicas.share()
    now = await replicas.alert("now", 10, at=one)
    await replicas.hear(now)
    seen = await alerts(one, "firing")
    assert seen == await alerts(two, "firing")
    assert seen.keys() == {f"s{number}" for number in now}
    held = await replicas.alert("held", 20, at=two)

    async def all_wait() -> bool:
        return len(await alerts(two, "pending")) == GROUPS

    await until(all_wait, within=HELD)
    since = await alerts(two, "pending")
    one.kill()
    killed = time.monotonic()
    late = await replicas.alert("now", 30, at=two)
    await replicas.hear(late)
    log.info("evaluated %.1f s after the kill", time.monotonic() - killed)
    assert await groups_of(two) == GROUPS
    assert await alerts(two, "pending") == since
    await replicas.hear(held, within=HELD)

    await one.start()
    await replicas.share()
    again = await replicas.alert("now", 40, at=one)
    await replicas.hear(again)
    await asyncio.sleep(3)  # what would be told twice
    told = {number: len(replicas.told(number)) for number in (*now, *held, *late, *again)}
    assert told == dict.fromkeys(told, 1)
