"""A Prometheus rule file, from the file to the page and back to calm."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.phone import Phone
from tests.support.world import STANDING, World, life

RULES = """
groups:
  - name: shop
    interval: 15s
    rules:
      - record: queue:depth:max
        expr: max by (system) (queue_depth)
      - alert: QueueTooLong
        expr: queue:depth:max > 100
        for: 1m
        labels:
          severity: critical
          team: "{{ $labels.system }}-team"
        annotations:
          summary: "{{ $value | humanize }} wait in {{ $labels.system }}"
"""
YAML = STANDING + "rule_files: [rules/*.yml]\n"


def write(folder: Path, rules: str = RULES) -> None:
    (folder / "config" / "rules").mkdir(parents=True)
    (folder / "config" / "rules" / "shop.yml").write_text(rules)


@pytest.fixture
async def shop(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    write(tmp_path)
    async with Phone() as phone, life(db, tmp_path, clock, phone=phone, yaml=YAML) as found:
        yield found


async def test_an_alert_of_a_file_pages_and_is_over(shop: World) -> None:
    await shop.pushes("queue_depth", 1500)
    await shop.passes(seconds=45)
    assert shop.phone.rang == []
    await shop.pushes("queue_depth", 1600)
    await shop.passes(seconds=45)
    assert shop.phone.rang == ["li"]
    incident = await shop.incident()
    assert incident["priority"] == "P1"
    (alert,) = incident["alerts"]
    assert alert["labels"] == {
        **{"client": "acme", "system": "pos", "alertname": "QueueTooLong"},
        **{"severity": "critical", "team": "pos-team"},
    }

    await shop.pushes("queue_depth", 3)
    await shop.passes(minutes=2)
    assert (await shop.incident())["status"] == "resolved"
