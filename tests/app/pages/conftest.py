"""Pages are read in a world of their own, which has a little more in it than journeys need."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.world import STANDING, World, world

CHANGES = {
    "core: true}]": "core: true}, {name: web, client: acme, title: 官网}]",
    "people: [li]}]": "people: [li, han], start: 2026-11-02}]",
}
MORE = """
  - name: queue
    title: {zh: 队列积压, en: Queue backlog}
    expr: queue
    P3: {above: 500}
    recover: {below: 100}
  - name: cpu
    title: {zh: CPU 使用率, en: CPU usage}
    expr: langyan_host_cpu_percent
    unit: percent
    P2: {above: 90}
    recover: {below: 60}
  - name: orders
    title: {zh: 下单延迟, en: Order latency}
    expr: latency
    unit: ms
    P1: {above: 2000}
    P2: {above: 800}
    recover: {below: 500}
    absent: {for: 10m, priority: P1}
"""


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    yaml = STANDING
    for before, after in CHANGES.items():
        yaml = yaml.replace(before, after)
    async with world(db, tmp_path, clock, yaml=yaml + MORE.lstrip("\n")) as found:
        yield found
