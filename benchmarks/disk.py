"""Bytes a sample in the table: a day of node_exporter at 15 seconds, everything counted."""

import argparse
import asyncio
import sys
import tempfile
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
DAY_MS = 86_400_000
SHOWN = (1, 6, 12, 24)


def run(hosts: int, hours: int) -> tuple[int, list[tuple[int, int, int]]]:
    """Return the series, and after some hours the samples kept and the bytes of the table."""
    here = asyncio.run(seen())
    fleet = [Host(here, number) for number in range(hosts)]
    now = milliseconds(system_clock()) // DAY_MS * DAY_MS
    found = []
    with tempfile.TemporaryDirectory(prefix="langyan-") as folder, Life(Path(folder), now) as life:
        for hour in range(1, hours + 1):
            for _ in range(AN_HOUR):
                for host in fleet:
                    life.sends(host.body(now))
                life.passes()
                now += STEP_MS
            if hour in (*SHOWN, hours):
                said = life.asked(flush=True, pack=True)
                found.append((hour, said["appended"], said["table"]))
                size = said["table"] / said["appended"]
                print(f"after {hour} h: {size:.2f} bytes a sample", flush=True)
    return hosts * fleet[0].samples, found


def main() -> None:
    """Measure, show, and write the page after a whole day."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--hosts", type=int, default=5)
    asked.add_argument("--hours", type=int, default=24)
    given = asked.parse_args()
    series, found = run(given.hosts, given.hours)
    if given.hours < max(SHOWN):
        return
    rows = [
        (f"{hour} h", f"{samples / 1e6:.1f} M", f"{size / 2**20:.0f}", f"{size / samples:.2f}")
        for hour, samples, size in found
    ]
    report.write(
        "disk",
        "Table: bytes a sample",
        f"{given.hosts} hosts with {series:,} series, scraped each 15 s. What there is to scrape "
        f"is what {EXPORTER} says of the machine this ran on; counters take steps and gauges "
        "levels that were seen in 40 scrapes of it. Flushed each 10 minutes, packed when an hour "
        "is over, faster than real time. The size is that of the tables of all days with their "
        "indexes, long bodies and free room (`pg_total_relation_size`). "
        "`python benchmarks/disk.py`\n\n"
        f"{report.table(('after', 'samples', 'MiB', 'bytes a sample'), rows)}\n\n"
        f"{report.machine(f'{EXPORTER} {version(EXPORTER)}')}",
    )


if __name__ == "__main__":
    main()
