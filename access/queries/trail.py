"""Reads of the audit trail, and of how often the configuration has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from access.tables import AuditEntry, Configuration


@dataclass(frozen=True)
class Trail:
    """Which part of the audit trail is asked for; "" and None: all of it.

    `did` may be the beginning of a deed: `person` finds `person.invite`, too.
    """

    who: str = ""
    did: str = ""
    on: str = ""
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def audit_entries(
    session: AsyncSession,
    scope: Scope,
    *,
    wanted: Trail | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[AuditEntry]:
    """Return who did what, newest first; a narrow scope sees its clients' entries only."""
    stmt = select(AuditEntry)
    if scope.clients is not None:
        stmt = stmt.where(AuditEntry.client.in_(sorted(scope.clients)))
    if before is not None:
        stmt = stmt.where(AuditEntry.id < before)
    stmt = stmt.where(*_narrowed(wanted or Trail()))
    return (await session.scalars(stmt.order_by(AuditEntry.id.desc()).limit(limit))).all()


def _narrowed(wanted: Trail) -> list[ColumnElement[bool]]:
    tests = []
    for column, value in (
        (AuditEntry.who, wanted.who),
        (AuditEntry.on, wanted.on),
        (AuditEntry.client, wanted.client),
    ):
        if value:
            tests.append(column == value)
    if wanted.did:
        tests.append(AuditEntry.did.startswith(wanted.did, autoescape=True))
    if wanted.since is not None:
        tests.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        tests.append(AuditEntry.at < wanted.until)
    return tests


async def last_audit(session: AsyncSession, did: str) -> AuditEntry | None:
    """Return the newest entry of one kind of deed, for jobs."""
    newest = select(AuditEntry).where(AuditEntry.did == did).order_by(AuditEntry.id.desc()).limit(1)
    found: AuditEntry | None = await session.scalar(newest)
    return found


async def configuration_version(session: AsyncSession) -> int:
    """Return how often the configuration has changed, for the program that follows it."""
    return await session.scalar(select(Configuration.version)) or 0
