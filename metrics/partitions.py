"""Chunks by day: each day of their start is a table of its own, and goes as one.

Whatever has no day of its own stands in `rest`: chunks of long ago, those that a restore brought,
and those from before there were days. A day that is made takes its chunks out of there.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.clock import milliseconds

DAY = 86_400_000
OWN = 400
"""Days back from today that may have a table of their own; more would be too many to lock."""
REST = "chunks_rest"
_COLUMNS = "series, start_at, id, end_at, count, packed, body"
_DAYS = text(
    "SELECT substring(c.relname FROM 'chunks_([0-9]+)$')::int FROM pg_inherits i "
    "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'chunks'::regclass "
    "AND c.relname ~ '^chunks_[0-9]+$'"
)
_DAYS_OF_REST = text(f"SELECT DISTINCT start_at / {DAY} FROM {REST} WHERE start_at >= :least")
_DELETE = text(
    f"DELETE FROM {REST} WHERE ctid IN (SELECT ctid FROM {REST} WHERE end_at < :before LIMIT :most)"
)


def name_of(day: int) -> str:
    """Return the table of a day, counted from 1970."""
    return f"chunks_{day}"


async def days(session: AsyncSession) -> set[int]:
    """Return the days that have a table."""
    return set((await session.scalars(_DAYS)).all())


async def make(tx: AsyncSession, wanted: Iterable[int], now: datetime) -> None:
    """See that these days have a table, unless they are too long ago."""
    least = milliseconds(now) // DAY - OWN
    missing = sorted(day for day in set(wanted) - await days(tx) if day >= least)
    for day in missing:
        begin, end, table = day * DAY, (day + 1) * DAY, name_of(day)
        inside = f"start_at >= {begin} AND start_at < {end}"
        for statement in (
            f"CREATE TABLE {table} (LIKE chunks INCLUDING DEFAULTS INCLUDING STORAGE)",
            f"WITH taken AS (DELETE FROM {REST} WHERE {inside} RETURNING {_COLUMNS}) "
            f"INSERT INTO {table} ({_COLUMNS}) SELECT {_COLUMNS} FROM taken",
            f"ALTER TABLE chunks ATTACH PARTITION {table} FOR VALUES FROM ({begin}) TO ({end})",
        ):
            await tx.execute(text(statement))


async def days_of_rest(session: AsyncSession, now: datetime) -> list[int]:
    """Return the days that could have a table, and whose chunks have none."""
    least = milliseconds(now) - OWN * DAY
    return sorted(await session.scalars(_DAYS_OF_REST, {"least": least}))


async def drop_before(tx: AsyncSession, before: int) -> int:
    """Drop the days that end before a time; return how many there were."""
    old = [day for day in await days(tx) if (day + 1) * DAY <= before]
    if old:
        await tx.execute(text("SET LOCAL lock_timeout = '10s'"))
        await tx.execute(text(f"DROP TABLE {', '.join(map(name_of, sorted(old)))}"))
    return len(old)


async def delete_before(tx: AsyncSession, before: int, *, limit: int) -> int:
    """Delete up to `limit` chunks without a day that end before a time; return how many."""
    gone = await tx.execute(_DELETE, {"before": before, "most": limit})
    return int(getattr(gone, "rowcount", 0))
