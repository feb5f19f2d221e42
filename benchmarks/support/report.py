"""docs/benchmarks.md: each benchmark owns the section between its two markers."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from kit.clock import system_clock
from kit.settings import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

What `make bench` measured, each with the machine it ran on. Every section is written by its
benchmark (`benchmarks/`) and by nobody else.
"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown; all columns but the first are set to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def machine(*programs: str) -> str:
    """Return in one paragraph where and when this was measured, and with which programs."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    ours = f"Langyan {version('langyan')}, Python {platform.python_version()}"
    ours += f", numpy {version('numpy')}"
    return (
        f"{system_clock():%Y-%m-%d}; {_cpu_model()}, {cores} cores, {memory / 2**30:.0f} GiB; "
        f"{platform.system()} {platform.release()}; {', '.join([ours, *programs])}."
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown CPU"


def write(section: str, title: str, text: str, *, page: Path = PAGE) -> None:
    """Put `text` in place of the section's former one; a new section goes to the end."""
    begin, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    written = f"{begin}\n## {title}\n\n{text.strip()}\n{end}"
    old = page.read_text() if page.exists() else HEAD
    before, found, rest = old.partition(begin)
    new = before + written + rest.partition(end)[2]
    page.write_text(new if found else f"{old.rstrip()}\n\n{written}\n")
