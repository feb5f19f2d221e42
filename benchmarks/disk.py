"""A day of node_exporter at 15 seconds: bytes a sample in the table, memory, and a restart."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import report
from benchmarks.support.apart import STEP, Life
from benchmarks.support.exporter import EXPORTER, Host, seen
from benchmarks.support.peers import version
from kit.clock import milliseconds, system_clock

STEP_MS = round(STEP.total_seconds() * 1000)
AN_HOUR = 240
"""Rounds."""
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SHOWN = (1, 6, 12, 24)


@dataclass(frozen=True)
class Found:
    """What stands after so many hours: samples, bytes of the table, bytes of memory beyond none."""

    hours: int
    samples: int
    table: int
    memory: int


@dataclass(frozen=True)
class Course:
    """A run: what was found on the way, bytes of a day's rollups, and a start after it.

    `memory` is what the house then holds more than one without a series, in bytes.
    """

    series: int
    found: list[Found]
    rolled: int
    took: float
    memory: int


def run(hosts: int, hours: int) -> Course:
    """Feed so many hosts for so long, end as `kill -9` would, and start again."""
    here = asyncio.run(seen())
    fleet = [Host(here, number) for number in range(hosts)]
    now = milliseconds(system_clock()) // DAY_MS * DAY_MS
    with tempfile.TemporaryDirectory(prefix="langyan-") as folder:
        with Life(Path(folder), now) as life:
            empty = life.started["resident"]
            found = list(_lived(life, fleet, hours, now, empty))
        with Life(Path(folder), now + hours * HOUR_MS) as life:
            began = life.started
            rolled = life.asked(roll=True)["rolled"]
    series = hosts * fleet[0].samples
    return Course(series, found, rolled, began["seconds"], began["resident"] - empty)


def _lived(life: Life, fleet: Sequence[Host], hours: int, now: int, empty: int) -> Iterator[Found]:
    """Let hours pass; yield what is found at the end of those that are shown."""
    for hour in range(1, hours + 1):
        for number in range(AN_HOUR):
            for host in fleet:
                life.sends(host.body(now + number * STEP_MS))
            life.passes()
        now += HOUR_MS
        if hour in (*SHOWN, hours):
            said = life.asked(flush=True, pack=True)
            size = said["table"] / said["appended"]
            print(f"after {hour} h: {size:.2f} bytes a sample", flush=True)
            yield Found(hour, said["appended"], said["table"], said["most"] - empty)


def main() -> None:
    """Measure, show, and write the page after a whole day."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--hosts", type=int, default=20)
    asked.add_argument("--hours", type=int, default=24)
    given = asked.parse_args()
    course = run(given.hosts, given.hours)
    rolled = course.rolled / course.found[-1].samples
    print(f"restarted in {course.took:.1f} s; rolled up, {rolled:.2f} bytes a sample", flush=True)
    if given.hours < max(SHOWN):
        return
    rows = [
        (
            f"{one.hours} h",
            f"{one.samples / 1e6:.1f} M",
            f"{one.table / 2**20:.0f}",
            f"{one.table / one.samples:.2f}",
            f"{one.memory / 2**20:.0f}",
            f"{one.memory / course.series:,.0f}",
        )
        for one in course.found
    ]
    columns = ("after", "samples", "table MiB", "bytes a sample", "memory MiB", "bytes a series")
    report.write(
        "disk",
        "A day: bytes a sample in the table, memory, a restart",
        f"{given.hosts} hosts with {course.series:,} series, scraped each 15 s. What there is to "
        f"scrape is what {EXPORTER} says of the machine this ran on; counters take steps and "
        "gauges levels that were seen in 40 scrapes of it. Flushed each 10 minutes, packed when "
        "an hour is over, and when a window of four is; time is passed in, faster than real "
        "time. The size is that of the tables of all days with their indexes, long bodies and free "
        "room (`pg_total_relation_size`). Memory is what the process of the service holds more "
        "than without a series, the last hour of samples among it, at most since the line above; "
        "what it needs however few series there are is part of that. After the day and `kill -9` a "
        f"start takes {course.took:.1f} s and holds {course.memory / 2**20:.0f} MiB more than "
        "one without a series. Rolled up to steps of five minutes and of an hour, the day takes "
        f"{course.rolled / 2**20:.0f} MiB more, {rolled:.2f} bytes a sample. "
        "`python benchmarks/disk.py`\n\n"
        f"{report.table(columns, rows)}\n\n"
        f"{report.machine(f'{EXPORTER} {version(EXPORTER)}')}",
    )


if __name__ == "__main__":
    main()
