"""Two processes on one PostgreSQL, each with a data folder of its own: they share the sending."""

import asyncio
import os
import signal
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
    """Two programs and the phone that both ring."""

    one: Program
    two: Program
    phone: Phone

    async def cross(self, *numbers: int) -> None:
        """Have crossings, each of a system of its own, arrive at the first."""
        samples = [
            {"name": "crash_crossing", "value": 1, "labels": {"n": str(n), "system": f"s{n}"}}
            for n in numbers
        ]
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
        one, two = (Program(tmp_path / name, config, more) for name in ("one", "two"))
        try:
            await one.start()
            await two.start()
            yield Pair(one, two, phone)
        finally:
            for program in (one, two):
                program.end()


async def test_each_notification_is_sent_by_one_of_them(pair: Pair) -> None:
    await pair.cross(*range(60))
    await pair.phone.rings(60, within=20)
    await asyncio.sleep(1)

    assert len(pair.phone.calls) == 60
    assert len({call.key for call in pair.phone.calls}) == 60


async def test_what_one_was_sending_when_it_was_killed_the_other_sends_under_the_same_key(
    pair: Pair,
) -> None:
    pair.phone.answers(Answer(hang=True))
    assert pair.two.process is not None
    pair.two.process.send_signal(signal.SIGSTOP)
    await pair.cross(7)
    await pair.phone.rings(1)
    pair.one.kill()
    pair.two.process.send_signal(signal.SIGCONT)

    await pair.phone.rings(2, within=LEASE + 10)
    first, second = pair.phone.calls
    assert first.key == second.key
    assert second.at - first.at > LEASE - 2
