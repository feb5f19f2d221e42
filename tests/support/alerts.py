"""Clients, rules and observations for tests of alerting, in few words."""

from datetime import datetime
from typing import Any

from access.tables import Client
from alerting.lifecycle import AT_ONCE, Ladder, Level, Priority, Test
from alerting.schemas import Observation, Terms, ThresholdSpec
from alerting.thresholds import CompiledRule
from kit.db import Database
from tests.support.clock import NOON

ABOVE_90 = Ladder({Priority.P2: Level(Test.ABOVE, 90, AT_ONCE)})


def rule(name: str = "disk", expr: str = "disk_used", **parts: Any) -> CompiledRule:
    """Return a rule that is P2 above 90 at once, unless `parts` say something else."""
    ladder = parts if {"P1", "P2", "P3", "P4", "absent"} & parts.keys() else {"P2": {"above": 90}}
    return CompiledRule(
        ThresholdSpec.model_validate({"name": name, "expr": expr, **ladder, **parts})
    )


def seen(
    fingerprint: str, value: float | None, *, at: datetime = NOON, **labels: str
) -> Observation:
    """Return what a rule "disk" (P2 above 90, at once) saw."""
    terms = Terms("disk", {"zh": "磁盘", "en": "Disk"}, ABOVE_90, "percent")
    return Observation(terms, {"host": fingerprint, **labels}, fingerprint, "pos", value, at, at)


async def add_clients(db: Database, *names: str, **overrides: Any) -> None:
    """Add clients by name."""
    async with db.transaction() as tx:
        tx.add_all([Client(name=name, title=name, overrides=overrides) for name in names])
