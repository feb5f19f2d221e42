"""Samples kept by another engine: none that was acknowledged is lost, whoever dies."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.engines import ENGINES, Kept, engine
from tests.support.peers import Peer
from tests.support.program import Program
from tests.support.sender import SERIES, Sender
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

TOKENS = {
    "ACME_TOKEN": "ly_acme-token-0123456789abcdefghijklmnop",
    "READ_TOKEN": "ly_acme-reads-0123456789abcdefghijklmno",
}
CONFIG = """
clients: [{name: acme, title: Acme, timezone: UTC}, {name: bolt, title: Bolt, timezone: UTC}]
tokens:
  - {name: acme, client: acme, scopes: [ingest], secret_env: ACME_TOKEN}
  - {name: acme-reads, client: acme, scopes: [read], secret_env: READ_TOKEN}
"""


@dataclass
class Pair:
    """Our program, and the engine that keeps its samples."""

    program: Program
    engine: Peer
    sender: Sender

    async def has_all(self) -> None:
        """Wait until the engine has every sample that was acknowledged, in order."""
        wanted = [float(number) for number in self.sender.acknowledged]

        async def it_has() -> bool:
            found = await Kept(self.engine).samples('steps{client="acme"}')
            return len(found) == SERIES and all(values == wanted for values in found.values())

        await until(it_has, within=60)

    async def condition(self) -> dict[str, object]:
        """Return what /healthz says."""
        async with httpx.AsyncClient(headers=self.program.admin) as client:
            told: dict[str, object] = (await client.get(f"{self.program.url}/healthz")).json()
        return told


@pytest.fixture(params=ENGINES)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    config = tmp_path / "config"
    config.mkdir()
    (config / "site.yml").write_text(CONFIG)
    async with engine(request.param, tmp_path / "engine") as keeps:
        more = {**TOKENS, "LANGYAN_METRICS_URL": keeps.url, "LANGYAN_METRICS_BUFFER": "1"}
        async with Program(tmp_path / "data", config, more) as program:
            yield Pair(program, keeps, Sender(program.url, TOKENS["ACME_TOKEN"]))


async def test_what_came_while_the_engine_was_away_is_in_it_after_its_return(pair: Pair) -> None:
    await pair.sender.steps(10)
    pair.engine.end()
    await pair.sender.steps(40)
    await pair.engine.start()
    await pair.sender.steps(10)

    await pair.has_all()


async def test_what_came_while_the_engine_was_away_outlives_our_own_death(pair: Pair) -> None:
    await pair.sender.steps(10)
    pair.engine.end()
    await pair.sender.steps(20)
    pair.program.kill()
    await pair.program.start()
    await pair.sender.steps(20)
    await pair.engine.start()

    await pair.has_all()


async def test_a_full_buffer_puts_senders_off_and_is_worked_off(pair: Pair) -> None:
    pair.engine.end()
    async with httpx.AsyncClient() as client:
        number = 0
        while not pair.sender.put_off:
            await pair.sender.write(client, number)
            number += 1
            assert number < 10_000
    assert int(pair.sender.put_off[0]) > 0
    told = await pair.condition()
    assert "engine" in str(told["wrong"])

    await pair.engine.start()
    await pair.sender.steps(5)
    await pair.has_all()


async def test_the_doctor_says_whether_the_engine_answers_and_takes_samples(pair: Pair) -> None:
    assert "answers" in _of_the_engine(await pair.program.run("doctor"))

    pair.engine.end()
    assert "does not answer" in _of_the_engine(await pair.program.run("doctor"))


def _of_the_engine(done: subprocess.CompletedProcess[str]) -> str:
    """Return what the doctor says about the engine."""
    return next(line for line in done.stdout.splitlines() if "metrics engine" in line)
