"""Two processes on one PostgreSQL: one works, the other stands by and goes on where it was."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.crash_load import TOKEN, configuration
from tests.support.database import migrated
from tests.support.phone import Answer, Phone
from tests.support.postgres import build_template, create_database
from tests.support.program import Program

pytestmark = pytest.mark.e2e
LEASE = 30


@dataclass
class Pair:
    """Two programs on one data folder, a third with a folder of its own, and a phone."""

    one: Program
    two: Program
    stranger: Program
    phone: Phone

    async def crosses(self, number: int) -> None:
        """Have a crossing, of a system of its own, arrive at the first."""
        labels = {"n": str(number), "system": f"s{number}"}
        samples = [{"name": "crash_crossing", "value": 1, "labels": labels}]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=self.one.url, headers=headers) as client:
            answer = await client.post("/api/v1/samples", json={"samples": samples})
        assert answer.status_code == 204, answer.text


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    await build_template(migrated)
    url = await create_database(f"langyan_two_{os.getpid()}")
    config = tmp_path / "config"
    config.mkdir()
    async with Phone() as phone:
        (config / "load.yml").write_text(configuration(phone.url("li")))
        more = {
            "CRASH_TOKEN": TOKEN,
            "LANGYAN_DATABASE_URL": url,
            "LANGYAN_SECRET_KEY": "k" * 43,
        }
        shared, own = tmp_path / "shared", tmp_path / "own"
        one, two, stranger = (Program(folder, config, more) for folder in (shared, shared, own))
        try:
            await one.start()
            yield Pair(one, two, stranger, phone)
        finally:
            for program in (one, two, stranger):
                if program.process is not None:
                    program.end()


async def test_what_one_was_sending_when_it_was_killed_the_other_sends_under_the_same_key(
    pair: Pair,
) -> None:
    pair.phone.answers(Answer(hang=True))
    pair.two.spawn()
    await pair.crosses(7)
    await pair.phone.rings(1)
    pair.one.kill()

    await pair.two.ready()
    await pair.phone.rings(2, within=LEASE + 10)
    first, second = pair.phone.calls
    assert first.key == second.key
    assert second.at - first.at > LEASE - 2


async def test_another_folder_on_the_same_database_is_refused_until_it_is_adopted(
    pair: Pair,
) -> None:
    pair.stranger.spawn()
    assert pair.stranger.process is not None
    assert await asyncio.to_thread(pair.stranger.process.wait, 30) == 1
    assert "belong to another data folder" in pair.stranger.said()

    pair.one.kill()
    pair.stranger.more = {**pair.stranger.more, "LANGYAN_ADOPT": "true"}
    await pair.stranger.start()
