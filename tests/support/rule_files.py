"""A rule file as Prometheus has it, and where an installation looks for it."""

from pathlib import Path

from tests.support.world import STANDING

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
    """Write it below the configuration of an installation."""
    (folder / "config" / "rules").mkdir(parents=True)
    (folder / "config" / "rules" / "shop.yml").write_text(rules)
