"""A target asked at once because a person wants to see it, on record and over the guarded way."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from access.commands import audit
from access.scope import Identity
from collectors.samples import Look
from collectors.turns import TargetFacts

if TYPE_CHECKING:
    from app.house import House

PATIENCE_MS = 30_000
"""Nobody waits longer before a page."""


async def ask_now(house: "House", target: TargetFacts, *, by: Identity, now: datetime) -> Look:
    """Ask a target as its turn would, and write down who did and what came of it."""
    asked = replace(target, timeout_ms=min(target.timeout_ms, PATIENCE_MS))
    look = await house.rounds.look(asked)
    facts = {
        "url": target.url,
        "good": look.good,
        "status": look.status,
        "milliseconds": round(look.seconds * 1000),
        "samples": len(look.samples),
        "why": look.why,
    }
    on = f"{target.client}/{target.name}"
    async with house.db.transaction() as tx:
        audit(tx, who=by.name, did="target.try", on=on, client=target.client, now=now, facts=facts)
    return look
