"""Tables in parts of whole days, each of which goes as one: chunks by one day, rollups by several.

What has no part of its own stands in `rest`: rows of long ago, those that a restore brought, and
chunks from before there were days. A part that is made takes its rows out of there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.clock import milliseconds

DAY = 86_400_000
OWN = 400
"""Days back from today that may have a part of their own; more would be too many to lock."""


@dataclass(frozen=True)
class Parted:
    """A table with parts of so many `days`; its column `by` counts so many `units` a day."""

    table: str
    columns: str
    by: str
    units: int
    days: int = 1
    own: int = OWN

    @property
    def rest(self) -> str:
        """The part for all that has none of its own."""
        return f"{self.table}_rest"

    def part_of(self, day: int) -> int:
        """Return the first day of the part that a day is in."""
        return day - day % self.days

    def name_of(self, day: int) -> str:
        """Return the part of a day, counted from 1970."""
        return f"{self.table}_{self.part_of(day)}"


CHUNKS = Parted("chunks", "series, start_at, id, end_at, count, packed, body", "start_at", DAY)


async def days(session: AsyncSession, of: Parted = CHUNKS) -> set[int]:
    """Return the first day of each part."""
    names = text(
        f"SELECT substring(c.relname FROM '^{of.table}_([0-9]+)$')::int FROM pg_inherits i "
        f"JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '{of.table}'::regclass "
        f"AND c.relname ~ '^{of.table}_[0-9]+$'"
    )
    return set((await session.scalars(names)).all())


async def make(tx: AsyncSession, wanted: Iterable[int], now: datetime, of: Parted = CHUNKS) -> None:
    """See that these days have a part, unless they are too long ago."""
    least = milliseconds(now) // DAY - of.own
    parts = {of.part_of(day) for day in wanted if day >= least}
    for first in sorted(parts - await days(tx, of)):
        begin, end, table = first * of.units, (first + of.days) * of.units, of.name_of(first)
        inside = f"{of.by} >= {begin} AND {of.by} < {end}"
        for statement in (
            f"CREATE TABLE {table} (LIKE {of.table} INCLUDING DEFAULTS INCLUDING STORAGE)",
            f"WITH taken AS (DELETE FROM {of.rest} WHERE {inside} RETURNING {of.columns}) "
            f"INSERT INTO {table} ({of.columns}) SELECT {of.columns} FROM taken",
            f"ALTER TABLE {of.table} ATTACH PARTITION {table} FOR VALUES FROM ({begin}) TO ({end})",
        ):
            await tx.execute(text(statement))


async def days_of_rest(session: AsyncSession, now: datetime, of: Parted = CHUNKS) -> list[int]:
    """Return the days that could have a part, and whose rows have none."""
    least = (milliseconds(now) // DAY - of.own) * of.units
    found = f"SELECT DISTINCT {of.by} / {of.units} FROM {of.rest} WHERE {of.by} >= :least"
    return sorted(await session.scalars(text(found), {"least": least}))


async def drop_before(tx: AsyncSession, before: int, of: Parted = CHUNKS) -> int:
    """Drop the parts that end before a time in ms; return how many there were."""
    old = [first for first in await days(tx, of) if (first + of.days) * DAY <= before]
    if old:
        await tx.execute(text("SET LOCAL lock_timeout = '10s'"))
        await tx.execute(text(f"DROP TABLE {', '.join(map(of.name_of, sorted(old)))}"))
    return len(old)


async def delete_before(tx: AsyncSession, before: int, *, limit: int, of: Parted = CHUNKS) -> int:
    """Delete up to `limit` rows of the rest whose day ends before a time; return how many."""
    old = f"SELECT ctid FROM {of.rest} WHERE {of.by} < :before LIMIT :most"
    least = before // DAY * of.units
    gone = await tx.execute(
        text(f"DELETE FROM {of.rest} WHERE ctid IN ({old})"), {"before": least, "most": limit}
    )
    return int(getattr(gone, "rowcount", 0))
