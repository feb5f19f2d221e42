"""Rounds of kill -9 under load: what was acknowledged is there, once, and everybody was told."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e import crash_readback as readback
from tests.e2e.crash_load import TOKEN, Load, configuration
from tests.e2e.crash_rounds import Tally, run_rounds
from tests.support.phone import Phone
from tests.support.program import Program

pytestmark = pytest.mark.crash
ROUNDS = int(os.environ.get("ROUNDS", "100"))


@asynccontextmanager
async def loaded(folder: Path, phone: Phone) -> AsyncIterator[tuple[Program, Load]]:
    """The program, configured and under load; nothing of it is left running at the end."""
    config = folder / "config"
    config.mkdir()
    (config / "load.yml").write_text(configuration(phone.url("li")))
    more = {"CRASH_TOKEN": TOKEN, "LANGYAN_FLUSH_EVERY": "2s"}
    program = Program(folder / "data", config, more)
    try:
        await program.start()
        load = Load(program.url)
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(load.run())
            yield program, load
            writing.cancel()
    finally:
        program.end()


async def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    tally = Tally()
    async with Phone() as phone, loaded(tmp_path, phone) as (program, load):
        await run_rounds(ROUNDS, program, phone, tally)
        await load.stop()
        async with httpx.AsyncClient(
            base_url=program.url, headers=program.admin, timeout=120
        ) as client:
            incidents = await readback.settled(client, phone, load.ledger)
            lost = await readback.missing_samples(client, load.ledger)
            unwell = (await client.get("/healthz")).json()["wrong"]
    heard = readback.Heard.of(phone)
    tally.report(load.ledger, incidents, heard)

    assert load.ledger.refused == []
    assert lost == []
    assert readback.not_once(incidents, load.ledger) == []
    assert heard.untold(incidents) == set()
    assert heard.first_words_with_two_keys() == []
    assert heard.keys_with_two_meanings() == []
    assert unwell == []
