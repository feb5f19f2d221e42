"""Who did what, written down in the transaction that does it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from access.tables import AuditEntry
from kit.errors import Conflict


class OwnedByFile(Conflict):
    """A file owns the row: the change belongs into that file."""

    slug, title = "owned-by-file", "A file owns this"


def audit(
    tx: AsyncSession,
    *,
    who: str,
    did: str,
    on: str,
    now: datetime,
    client: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write down who did what to which thing; it stands if the change does."""
    entry = AuditEntry(at=now, who=who, did=did, on=on, client=client, facts=dict(facts or {}))
    tx.add(entry)


def refuse_if_owned(origin: str | None, *, what: str) -> None:
    """Refuse to edit a row that a file owns, and name the file and its line."""
    if origin is None:
        return
    file, _, line = origin.rpartition(":")
    place = {"file": file, "line": int(line)} if line.isdecimal() else {}
    raise OwnedByFile(
        "{what} is owned by {origin}; change it there", origin=origin, what=what, **place
    )
