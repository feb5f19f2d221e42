"""Langyan as users start it, for benchmarks: own folder, own port, a client and a token."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.support import cpu
from kit.postgres import postmaster
from tests.support.program import Program

CLIENT = "acme"
TOKEN = "ly_the-token-of-the-benchmarks-0123456789abcdef"
CONFIG = f"""
clients: [{{name: {CLIENT}, title: ACME}}]
tokens: [{{name: bench, client: {CLIENT}, scopes: [ingest, read], secret_env: BENCH_TOKEN}}]
"""
WRITE = "/prometheus/api/v1/write"
_LINE = re.compile(r"(\w+)(\{[^}]*\})? (\S+)")


def langyan(folder: Path, *, config: str = "", more: Mapping[str, str] | None = None) -> Program:
    """Return a Langyan with the shipped thresholds, one client and `TOKEN`, and more YAML."""
    shelf = folder / "config"
    shelf.mkdir(parents=True, exist_ok=True)
    (shelf / "bench.yml").write_text(CONFIG)
    if config:
        (shelf / "more.yml").write_text(config)
    return Program(folder / "data", shelf, {"BENCH_TOKEN": TOKEN, **(more or {})})


def service(program: Program) -> list[int]:
    """Return the process of the service alone."""
    assert program.process is not None
    return [program.process.pid]


def database(program: Program) -> list[int]:
    """Return the processes of its PostgreSQL."""
    return postmaster.left_behind((program.folder / "postgres" / "data").resolve())


def cpu_seconds(program: Program) -> float:
    """Return the CPU seconds of the service and of its PostgreSQL."""
    first = postmaster.note(program.folder.resolve() / "postgres" / "data")
    return cpu.seconds([*service(program), *([first.pid] if first else [])])


@dataclass(frozen=True)
class Figures:
    """What /metrics said at one moment; keys as they stand there, labels included."""

    said: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.said.get(f"langyan_{name}", 0.0)

    def buckets(self, name: str) -> dict[float, float]:
        """Return the upper ends of a histogram's buckets, and how many lie at or below each."""
        form = re.compile(rf'langyan_{name}_bucket\{{le="([^"]+)"\}}')
        found = ((form.fullmatch(key), value) for key, value in self.said.items())
        return {float(match[1]): value for match, value in found if match}


async def said(url: str) -> dict[str, float]:
    """Return what a program that answers there says at /metrics; keys as they stand there."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics", timeout=30)).text
    found = (_LINE.fullmatch(line) for line in text.splitlines() if not line.startswith("#"))
    return {f"{m[1]}{m[2] or ''}": float(m[3]) for m in found if m}


async def figures(program: Program) -> Figures:
    """Return what the program measures of itself."""
    return Figures(await said(program.url))


def quantile(name: str, share: float, before: Figures, after: Figures) -> float:
    """Return between two moments the upper end of the bucket that a share of all stays within."""
    old, new = before.buckets(name), after.buckets(name)
    counts = {end: new[end] - old.get(end, 0.0) for end in sorted(new)}
    total = max(counts.values(), default=0.0)
    return next((end for end, count in counts.items() if count >= share * total), 0.0)


async def drained(program: Program, *, within: float = 300.0) -> None:
    """Return when no rule and no chunk is behind."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        now = await figures(program)
        if not now["samples_pending"] and not now["rules_backlog_samples"]:
            return
        await asyncio.sleep(0.5)
    raise TimeoutError(f"not drained within {within:.0f} s: {program.said()[-3000:]}")
