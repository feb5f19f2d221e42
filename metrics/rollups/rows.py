"""Rollups to and from PostgreSQL: a row for each series and day, a column for each part."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import among
from kit.sql import driver
from metrics.rolled import Part
from metrics.rollups.steps import FIVE_MINUTES, HOUR, Step
from metrics.tables import DeletedSeries, Rollup1h, Rollup5m, Series

TABLES: Mapping[str, type[Rollup5m | Rollup1h]] = {FIVE_MINUTES.name: Rollup5m, HOUR.name: Rollup1h}
Bodies = Mapping[Part, Sequence[bytes | None]]


async def write(tx: AsyncSession, step: Step, day: int, ids: Sequence[int], bodies: Bodies) -> None:
    """Write what these series have of a day in place of what was there.

    Series that were taken away and cleared meanwhile stay so: nobody would delete them again.
    """
    table = TABLES[step.name]
    await tx.execute(delete(table).where(among(table.series, ids), table.day == day))
    here, leaving = (select(kind.id).where(among(kind.id, ids)) for kind in (Series, DeletedSeries))
    known = set((await tx.scalars(union_all(here, leaving))).all())
    columns = [bodies[part] for part in Part]
    rows = [
        (number, day, *parts)
        for number, *parts in zip(ids, *columns, strict=True)
        if number in known and any(part is not None for part in parts)
    ]
    await (await driver(tx)).copy_records_to_table(
        table.__tablename__, records=rows, columns=["series", "day", *Part]
    )


async def read(
    session: AsyncSession,
    step: Step,
    days: Iterable[int],
    ids: Sequence[int],
    parts: Sequence[Part],
) -> list[tuple[Any, ...]]:
    """Return of each row its series and these parts; by the driver itself, as chunks are read."""
    columns = ", ".join(("series", *parts))
    found: list[tuple[Any, ...]] = await (await driver(session)).fetch(
        f"SELECT {columns} FROM {step.table.table} "
        "WHERE series = ANY($1::bigint[]) AND day = ANY($2::bigint[])",
        list(ids),
        list(days),
    )
    return found


async def clear(tx: AsyncSession, ids: Sequence[int]) -> None:
    """Delete what there is of these series."""
    for table in TABLES.values():
        await tx.execute(delete(table).where(among(table.series, ids)))
