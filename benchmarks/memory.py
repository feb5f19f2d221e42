"""Resident bytes for each series with its last hour at 15 seconds, also after a restart."""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import bodies
from benchmarks.support.apart import STEP, Life
from kit.clock import milliseconds, system_clock

PER_BODY = 2_000
STEP_MS = round(STEP.total_seconds() * 1000)
A_CYCLE = 40
"""Rounds between two flushes."""


def _fed(life: Life, fleet: list[bodies.Body], first: int, rounds: int, start_ms: int) -> None:
    for number in range(first, first + rounds):
        for body in fleet:
            life.sends(body.at(number, start_ms, STEP_MS))
        life.passes()


def run(series: int, minutes: int) -> list[tuple[str, float]]:
    """Return what a series takes at each moment that is shown."""
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

            print(f"empty: {empty / 2**20:.0f} MiB")
            _fed(life, fleet, 0, 1, start_ms)
            show("after one sample of each", life.asked()["resident"])
            for done in range(1, rounds, A_CYCLE):
                _fed(life, fleet, done, A_CYCLE, start_ms)
                said = life.asked()
                show(f"minute {(done + A_CYCLE) // 4}, at most", said["most"])
            last, now = done + A_CYCLE, said["now"]
        with Life(Path(folder), now) as life:
            print(f"restarted in {life.started['seconds']:.1f} s")
            show("after a restart", life.started["resident"])
            _fed(life, fleet, last, A_CYCLE * 2, start_ms)
            show("20 minutes after a restart, at most", life.asked()["most"])
    return shown


def main() -> None:
    """Measure, show, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--series", type=int, default=100_000)
    asked.add_argument("--minutes", type=int, default=90)
    given = asked.parse_args()
    run(given.series, given.minutes)


if __name__ == "__main__":
    main()
