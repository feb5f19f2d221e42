"""Rounds of kill -9 under load: what was acknowledged is there, once, and everybody was told."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.e2e.crash_aims import in_the_middle_of_writing
from tests.e2e.crash_load import (
    EVERY,
    GROUP,
    SERIES,
    STEP_MS,
    TOKEN,
    Ledger,
    Load,
    configuration,
    value_of,
)
from tests.support.embedded import url_of
from tests.support.phone import Phone
from tests.support.program import Program

pytestmark = pytest.mark.crash
ROUNDS = int(os.environ.get("ROUNDS", "100"))
Aim = Callable[["Round"], Awaitable[asyncpg.Connection | None]]


class Round:
    """One life of the program and how it ends."""

    def __init__(self, program: Program, phone: Phone) -> None:
        self.program = program
        self.phone = phone

    async def at_random(self) -> None:
        """Wait for no particular moment."""
        await asyncio.sleep(random.uniform(0.3, 2.0))

    async def in_the_transaction(self) -> asyncpg.Connection | None:
        """Wait until a batch is stuck between its alert rows and its notifications."""
        return await in_the_middle_of_writing(url_of(self.program.folder), "notifications")

    async def in_the_flush(self) -> asyncpg.Connection | None:
        """Wait until the chunk writer is stuck in its COPY."""
        return await in_the_middle_of_writing(url_of(self.program.folder), "chunks")

    async def in_the_send(self) -> None:
        """Wait until the receiver has a message and has not answered yet."""
        heard = len(self.phone.calls)
        self.phone.delays(0.4)
        for _ in range(800):
            await asyncio.sleep(0.01)
            if len(self.phone.calls) > heard:
                return


AIMS = (Round.at_random, Round.in_the_transaction, Round.in_the_flush, Round.in_the_send)


async def run_rounds(program: Program, phone: Phone, load: Load) -> Counter[str]:
    """Kill the program ROUNDS times, each time in another way; return how often each way hit."""
    ways: Counter[str] = Counter()
    for number in range(ROUNDS):
        aim, whole_group = AIMS[number % len(AIMS)], (number // len(AIMS)) % 2 == 1
        holder = await aim(Round(program, phone))
        program.kill(database_too=whole_group)
        hit = holder is not None or aim in (Round.at_random, Round.in_the_send)
        if holder is not None:
            holder.terminate()
        phone.delays(0)
        ways[f"{aim.__name__}{' with the database' if whole_group else ''}"] += hit
        await program.start()
    return ways


async def everything(client: httpx.AsyncClient, path: str) -> list[dict[str, object]]:
    """Return all items of a list, page by page."""
    found: list[dict[str, object]] = []
    cursor = None
    while True:
        query = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(path, params=query)).raise_for_status().json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def crossings_of(incidents: list[dict[str, object]]) -> Counter[int]:
    """Return in how many incidents each crossing stands."""
    alerts = (alert for incident in incidents for alert in incident["alerts"])  # type: ignore[attr-defined]
    return Counter(int(alert["labels"]["n"]) for alert in alerts)


async def settled(
    client: httpx.AsyncClient, phone: Phone, ledger: Ledger
) -> list[dict[str, object]]:
    """Wait until every acknowledged crossing has an incident and each incident was told."""
    for _ in range(120):
        incidents = await everything(client, "/api/v1/incidents")
        told = {call.body["incident"]["number"] for call in phone.calls}
        known = crossings_of(incidents)
        if known.keys() >= set(ledger.crossings) and told >= {i["number"] for i in incidents}:
            break
        await asyncio.sleep(0.5)
    return incidents


async def missing_samples(client: httpx.AsyncClient, ledger: Ledger) -> list[tuple[int, int]]:
    """Return each (tick, series) that was acknowledged and does not read back with its value."""
    lost: list[tuple[int, int]] = []
    first, last = ledger.ticks[0], ledger.ticks[-1]
    for group in range(SERIES // GROUP):
        for start in range(first, last + 1, 10_000):
            query = {
                "query": f'crash_load{{group="{group}"}}',
                "start": start * EVERY,
                "end": min(start + 9_999, last) * EVERY,
                "step": EVERY,
            }
            answer = await client.get("/prometheus/api/v1/query_range", params=query, timeout=120)
            read = {
                (round(at * 1000) // STEP_MS, int(series["metric"]["index"])): float(value)
                for series in answer.raise_for_status().json()["data"]["result"]
                for at, value in series["values"]
            }
            lost += [
                (tick, index)
                for tick in ledger.ticks
                if start <= tick < start + 10_000
                for index in range(group * GROUP, (group + 1) * GROUP)
                if read.get((tick, index)) != value_of(tick, index)
            ]
    return lost


async def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    async with Phone() as phone:
        config = tmp_path / "config"
        config.mkdir()
        (config / "load.yml").write_text(configuration(f"{phone.url}/li"))
        more = {"CRASH_TOKEN": TOKEN, "LANGYAN_FLUSH_EVERY": "2s"}
        program = Program(tmp_path / "data", config, more)
        await program.start()
        load = Load(program.url)
        writing = asyncio.create_task(load.run())
        try:
            ways = await run_rounds(program, phone, load)
            load.stopping = True
            await writing
            async with httpx.AsyncClient(base_url=program.url, headers=program.admin) as client:
                incidents = await settled(client, phone, load.ledger)
                lost = await missing_samples(client, load.ledger)
        finally:
            writing.cancel()
            program.kill(database_too=True)

    report(ways, load.ledger, incidents, phone)
    assert load.ledger.refused == 0
    assert lost == []
    times = crossings_of(incidents)
    assert {n for n in load.ledger.crossings if times[n] != 1} == set()
    assert untold(incidents, phone) == set()
    assert keys_of_first_word(phone).most_common(1)[0][1] == 1
    assert all(
        call.headers["idempotency-key"] == call.body["idempotency_key"] for call in phone.calls
    )


def untold(incidents: list[dict[str, object]], phone: Phone) -> set[object]:
    """Return the numbers of incidents of which nobody was told."""
    told = {c.body["incident"]["number"] for c in phone.calls if c.body["event"] == "triggered"}
    return {incident["number"] for incident in incidents} - told


def keys_of_first_word(phone: Phone) -> Counter[int]:
    """Return how many different keys the first word about each incident carried."""
    words = {
        (call.body["incident"]["number"], call.headers["idempotency-key"])
        for call in phone.calls
        if call.body["event"] == "triggered"
    }
    return Counter(number for number, _ in words)


def report(
    ways: Counter[str], ledger: Ledger, incidents: list[dict[str, object]], phone: Phone
) -> None:
    """Print what the rounds amounted to."""
    seconds = (ledger.ticks[-1] - ledger.ticks[0]) * EVERY
    keys = {call.headers["idempotency-key"] for call in phone.calls}
    print(  # noqa: T201 - the figures are what this run is for
        f"\n{ROUNDS} rounds in {seconds:.0f} s: {ledger.samples:,} samples acknowledged, "
        f"{ledger.retried} bodies sent again, {len(ledger.crossings)} crossings, "
        f"{len(incidents)} incidents, {len(phone.calls)} messages with {len(keys)} keys"
    )
    for way, hits in sorted(ways.items()):
        print(f"  {way}: {hits}")  # noqa: T201
