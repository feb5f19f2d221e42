"""Half the maximum for half an hour: memory and lag stay flat, and no sample is lost."""

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
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
TRIAL, LOOKS, PARTS = 10.0, 60, 6
WARM = 1 / 3
"""The part of the time in which memory may still fill."""
MIB = 2**20


@dataclass(frozen=True)
class Look:
    """The program at one moment: seconds since the beginning, memory and disk in MiB."""

    at: float
    service: float
    database: float
    journal: float
    tables: float
    said: Figures


def _on_disk(folder: Path) -> float:
    """Return MiB of a folder of which files may vanish while they are counted."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(place, name), follow_symlinks=False).st_size
    return total / MIB


async def _look(program: Program, at: float) -> Look:
    return Look(
        at=at,
        service=cpu.resident(service(program)) / MIB,
        database=cpu.resident(database(program)) / MIB,
        journal=await asyncio.to_thread(_on_disk, program.folder / "samples"),
        tables=await asyncio.to_thread(_on_disk, program.folder / "postgres"),
        said=await figures(program),
    )


def _line(first: Look, last: Look) -> tuple[str, ...]:
    """Return what happened between two looks, in the columns of the page."""
    lags = [quantile("loop_lag_seconds", share, first.said, last.said) for share in (0.5, 0.99)]
    kept = last.said["samples_kept"] - first.said["samples_kept"]
    sizes = (last.service, last.database, last.journal, last.tables)
    return (
        f"{first.at / 60:.1f} to {last.at / 60:.1f} min",
        f"{kept / (last.at - first.at) / 1e6:.2f} M",
        *(f"{size:,.0f}" for size in sizes),
        *(f"≤ {lag * 1000:g}" for lag in lags),
    )


HEAD = (
    *("", "samples/s", "service MiB", "PostgreSQL MiB", "journal MiB on disk"),
    *("PostgreSQL MiB on disk", "lag p50 ms", "lag p99 ms"),
)


async def _watched(program: Program, seconds: float) -> list[Look]:
    clock = asyncio.get_running_loop().time
    began, looks = clock(), [await _look(program, 0.0)]
    print(" | ".join(HEAD), flush=True)
    while clock() - began < seconds:
        await asyncio.sleep(min(seconds / LOOKS, max(0.0, began + seconds - clock())))
        looks.append(await _look(program, clock() - began))
        print(" | ".join(_line(looks[-2], looks[-1])), flush=True)
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
                print(f"the maximum is {2 * rate / 1e6:.2f} M samples/s", flush=True)
                ahead = trial.start_ms + trial.rounds * trial.step_ms - milliseconds(system_clock())
                await asyncio.sleep(TRIAL + max(0, ahead) / 1000)  # no time is sent twice
            sender = _sender(program, rate)
            looks, _ = await asyncio.gather(
                _watched(program, seconds), sender.send(seconds=seconds)
            )
            print("all is sent; now it is worked off", flush=True)
            await drained(program, within=900)
            stored = await _stored(program)
            sent += sender.accepted
    return _told(minutes, rate, looks, (sent, stored, sender.busy))


def _told(minutes: float, rate: float, looks: list[Look], counts: tuple[int, int, int]) -> str:
    sent, stored, busy = counts
    later = [look for look in looks if look.at >= WARM * looks[-1].at]
    hours = np.array([look.at / 3600 for look in later])
    slopes = [
        float(np.polyfit(hours, [getattr(look, of) for look in later], 1)[0])
        for of in ("service", "database")
    ]
    bounds = [round(part * (len(looks) - 1) / PARTS) for part in range(PARTS + 1)]
    rows = [_line(looks[first], looks[last]) for first, last in pairwise(bounds)]
    lost = "none was lost" if sent == stored else f"{sent - stored:,} DIFFER"
    return (
        f"{minutes:g} minutes at {rate / 1e6:.2f} M samples/s (half the maximum) of {SERIES:,} "
        f"series. {sent:,} samples were acknowledged, {stored:,} stand in chunks: {lost}; "
        f"{busy} times 503. In the last {(1 - WARM) * minutes:.3g} minutes memory moves by "
        f"{slopes[0]:+,.0f} MiB an hour (service) and {slopes[1]:+,.0f} (PostgreSQL). "
        f"`python benchmarks/soak.py`\n\n{report.table(HEAD, rows)}\n\n{report.machine()}"
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
