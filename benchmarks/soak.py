"""Half the maximum for half an hour: memory and lag stay flat, and no sample is lost."""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import bodies, cpu, report
from benchmarks.support.langyan import (
    TOKEN,
    WRITE,
    Figures,
    database,
    drained,
    figures,
    langyan,
    quantile,
    service,
)
from benchmarks.support.sender import Sender
from kit.clock import milliseconds, system_clock
from tests.support.embedded import url_of
from tests.support.program import Program

SERIES, PER_BODY = 100_000, 2_000
TRIAL, LOOKS = 10.0, 60
WARM = 1 / 3
"""The part of the time in which memory may still fill."""


@dataclass(frozen=True)
class Look:
    """The program at one moment: seconds since the beginning, memory in MiB."""

    at: float
    service: float
    database: float
    said: Figures


async def _look(program: Program, at: float) -> Look:
    sizes = [cpu.resident(of(program)) / 2**20 for of in (service, database)]
    return Look(at, *sizes, await figures(program))


async def _watched(program: Program, seconds: float) -> list[Look]:
    clock = asyncio.get_running_loop().time
    began, looks = clock(), [await _look(program, 0.0)]
    while clock() - began < seconds:
        await asyncio.sleep(seconds / LOOKS)
        looks.append(await _look(program, clock() - began))
    return looks


async def _stored(program: Program) -> int:
    url = url_of(program.folder).replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT coalesce(sum(count), 0) FROM chunks"))
    finally:
        await connection.close()


def _sender(program: Program, rate: float | None) -> Sender:
    start = milliseconds(system_clock())
    step = bodies.STEP_MS if rate is None else max(1, round(1000 * SERIES / rate))
    fleet = bodies.fleet(SERIES, PER_BODY)
    return Sender(program.port, WRITE, fleet, start, TOKEN, rate=rate, step_ms=step)


async def run(minutes: float, rate: float | None) -> str:
    """Soak, and return the section of the page."""
    seconds = minutes * 60
    more = {"LANGYAN_FLUSH_EVERY": f"{max(5, round(seconds / 15))}s"}
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        async with langyan(Path(folder), more=more) as program:
            sent = 0
            if rate is None:
                trial = _sender(program, None)
                await trial.send(rounds=2)
                before = trial.accepted
                took = await trial.send(seconds=TRIAL)
                rate, sent = (trial.accepted - before) / took / 2, trial.accepted
                await asyncio.sleep(TRIAL)  # the trial's times ran ahead of the clock
            sender = _sender(program, rate)
            looks, _ = await asyncio.gather(
                _watched(program, seconds), sender.send(seconds=seconds)
            )
            await drained(program, within=900)
            stored = await _stored(program)
            sent += sender.accepted
    return _told(minutes, rate, looks, (sent, stored, sender.busy))


def _told(minutes: float, rate: float, looks: list[Look], counts: tuple[int, int, int]) -> str:
    sent, stored, busy = counts
    later = [look for look in looks if look.at >= WARM * looks[-1].at]
    at = np.array([look.at / 60 for look in later])
    slopes = [
        1024 * float(np.polyfit(at, [getattr(look, of) for look in later], 1)[0])
        for of in ("service", "database")
    ]
    rows = []
    for first, last in zip(
        looks[:: len(looks) // 6], looks[len(looks) // 6 :: len(looks) // 6], strict=False
    ):
        lags = [quantile("loop_lag_seconds", share, first.said, last.said) for share in (0.5, 0.99)]
        kept = last.said["samples_kept"] - first.said["samples_kept"]
        rows.append(
            (
                f"{first.at / 60:.1f} to {last.at / 60:.1f} min",
                f"{kept / (last.at - first.at) / 1e6:.2f} M",
                f"{last.service:,.0f}",
                f"{last.database:,.0f}",
                *(f"≤ {lag * 1000:g}" for lag in lags),
            )
        )
    head = ("", "samples/s", "service MiB", "PostgreSQL MiB", "lag p50 ms", "lag p99 ms")
    lost = "none was lost" if sent == stored else f"{sent - stored:,} DIFFER"
    return (
        f"{minutes:g} minutes at {rate / 1e6:.2f} M samples/s (half the maximum) of {SERIES:,} "
        f"series. {sent:,} samples were acknowledged, {stored:,} stand in chunks: {lost}; "
        f"{busy} times 503. After the first third memory moves by {slopes[0]:+,.0f} KiB a minute "
        f"(service) and {slopes[1]:+,.0f} (PostgreSQL). `python benchmarks/soak.py`\n\n"
        f"{report.table(head, rows)}\n\n{report.machine()}"
    )


def main() -> None:
    """Soak, show, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=30)
    asked.add_argument("--rate", type=float, help="samples a second; half the maximum if not given")
    given = asked.parse_args()
    text = asyncio.run(run(given.minutes, given.rate))
    print(text)
    report.write("soak", "Soak: half the maximum for a long time", text)


if __name__ == "__main__":
    main()
