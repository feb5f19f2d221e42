"""Resident bytes for each series with its last hour at 15 seconds, also after a restart."""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import bodies, report
from benchmarks.support.apart import STEP, Life
from kit.clock import milliseconds, system_clock

PER_BODY = 2_000
STEP_MS = round(STEP.total_seconds() * 1000)
A_CYCLE, AN_HOUR = 40, 240
"""Rounds: between two flushes, and in an hour."""


def _fed(life: Life, fleet: list[bodies.Body], first: int, rounds: int, start_ms: int) -> None:
    for number in range(first, first + rounds):
        for body in fleet:
            life.sends(body.at(number, start_ms, STEP_MS))
        life.passes()


def run(series: int, minutes: int) -> tuple[list[tuple[str, float]], float]:
    """Return what a series takes at each moment that is shown, and the seconds of a restart."""
    fleet = bodies.fleet(series, PER_BODY)
    start_ms = milliseconds(system_clock()) // 60_000 * 60_000
    shown: list[tuple[str, float]] = []
    rounds = minutes * 4
    with tempfile.TemporaryDirectory(prefix="langyan-") as folder:
        with Life(Path(folder), start_ms) as life:
            empty = life.started["resident"]

            def show(when: str, resident: int) -> None:
                shown.append((when, (resident - empty) / series))
                print(f"{when}: {shown[-1][1]:,.0f} bytes a series", flush=True)

            _fed(life, fleet, 0, 1, start_ms)
            show("after one sample of each", life.asked()["resident"])
            for done in range(1, rounds, A_CYCLE):
                _fed(life, fleet, done, A_CYCLE, start_ms)
                said = life.asked()
                show(f"until minute {(done + A_CYCLE) // 4}", said["most"])
            last, now = done + A_CYCLE, said["now"]
        with Life(Path(folder), now) as life:
            took = life.started["seconds"]
            print(f"restarted in {took:.1f} s", flush=True)
            show("right after a restart", life.started["resident"])
            _fed(life, fleet, last, AN_HOUR, start_ms)
            show("until an hour after it", life.asked()["most"])
    return shown, took


def main() -> None:
    """Measure, show, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--series", type=int, default=100_000)
    asked.add_argument("--minutes", type=int, default=160)
    given = asked.parse_args()
    shown, took = run(given.series, given.minutes)
    rows = [(when, f"{size:,.0f}") for when, size in shown]
    report.write(
        "memory",
        "Memory: resident bytes a series",
        f"{given.series:,} series as node_exporter has them, a sample each 15 s by remote write, "
        "the last hour of it in memory; time is passed in, faster than real time. What the "
        "process of the service holds more than without a series, its thresholds and all, its "
        "database apart; of a stretch of time the most. A start reads the series and the journal "
        f"in {took:.1f} s. `python benchmarks/memory.py`\n\n"
        f"{report.table(('', 'bytes a series'), rows)}\n\n{report.machine()}",
    )


if __name__ == "__main__":
    main()
