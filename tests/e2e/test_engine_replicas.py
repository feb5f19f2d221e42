"""Replicas over one engine and one PostgreSQL: any takes samples, one passes verdicts."""

import os
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

pytestmark = pytest.mark.e2e
TAKES_OVER = 15


@dataclass
class Replicas:
    """Two programs with folders of their own, and the phone that both ring."""

    one: Program
    two: Program
    phone: Phone
    heard: list[int] = field(default_factory=list)

    async def crosses(self, number: int, *, at: Program) -> None:
        """Have a crossing, of a system of its own, arrive at one of them."""
        labels = {"n": str(number), "system": f"s{number}"}
        samples = [{"name": "crash_crossing", "value": 1, "labels": labels}]
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


@pytest.fixture(params=ENGINES)
async def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replicas]:
    await build_template(migrated)
    url = await create_database(f"langyan_replicas_{os.getpid()}")
    config = tmp_path / "config"
    config.mkdir()
    async with Phone() as phone, engine(request.param, tmp_path / "engine") as keeps:
        (config / "load.yml").write_text(configuration(phone.url("li")))
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
