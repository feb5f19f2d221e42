"""CPU and memory of whole process trees, from /proc: what a program costs, all of it."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
_PARENT, _USED = 1, slice(11, 15)  # utime, stime, and those of children that have ended


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the name; nothing of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(roots: Iterable[int]) -> list[int]:
    """Return these processes and everything that descends from them."""
    parents = {
        int(entry): int(fields[_PARENT])
        for entry in os.listdir("/proc")
        if entry.isdigit() and (fields := _fields(int(entry)))
    }
    found = {pid for pid in roots if pid in parents}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return sorted(found)


def seconds(roots: Collection[int]) -> float:
    """Return the CPU seconds that these processes and their descendants have used so far.

    A child that has ended counts in its parent, so that the sum never falls.
    """
    used = (_fields(pid)[_USED] for pid in family(roots))
    return sum(int(ticks) for fields in used for ticks in fields) / TICK


def resident(roots: Collection[int]) -> int:
    """Return the bytes that these processes alone hold in memory; shared pages are not theirs."""
    total = 0
    for pid in roots:
        try:
            sizes = Path(f"/proc/{pid}/statm").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += (int(sizes[1]) - int(sizes[2])) * PAGE
    return total
