"""A target left in peace for a while, whoever owns it: by whom, since when, and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.by_hand import configured
from access.commands.trail import audit
from access.scope import Identity
from access.tables import Target
from kit.errors import NotFound


async def pause_target(
    tx: AsyncSession, client: str, name: str, *, why: str, by: Identity, now: datetime
) -> Target:
    """Ask a target no more until somebody resumes it; a second pause only changes the reason."""
    row = await _held(tx, client, name, by)
    if row.paused_why == why:
        return row
    row.paused_why = why
    if row.paused_at is None:
        row.paused_by, row.paused_at = by.name, now
    await _recorded(tx, row, "target.pause", by, now, {"reason": why})
    return row


async def resume_target(
    tx: AsyncSession, client: str, name: str, *, by: Identity, now: datetime
) -> Target:
    """Ask a target again; of one that is not paused nothing changes."""
    row = await _held(tx, client, name, by)
    if row.paused_at is None:
        return row
    facts = {"reason": row.paused_why, "since": row.paused_at.isoformat()}
    row.paused_why = row.paused_by = row.paused_at = None
    await _recorded(tx, row, "target.resume", by, now, facts)
    return row


async def _held(tx: AsyncSession, client: str, name: str, by: Identity) -> Target:
    mine = select(Target).where(Target.client == client, Target.name == name)
    row: Target | None = None
    if by.scope.allows(client):
        row = await tx.scalar(mine.with_for_update())
    if row is None:
        raise NotFound("the client {client} has no target {name}", client=client, name=name)
    return row


async def _recorded(
    tx: AsyncSession, row: Target, did: str, by: Identity, now: datetime, facts: Mapping[str, Any]
) -> None:
    await tx.flush()
    on = f"{row.client}/{row.name}"
    audit(tx, who=by.name, did=did, on=on, client=row.client, now=now, facts=facts)
    await configured(tx)
