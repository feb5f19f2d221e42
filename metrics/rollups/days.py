"""Which days are rolled up, and since when what is kept: the book that rollups go by.

The day of a sample is the one whose steps hold it: a sample of midnight belongs to the day before.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from metrics.batch import Ints
from metrics.partitions import DAY
from metrics.tables import KeptSince, RollupDay


def days_of(starts: Ints, ends: Ints) -> list[int]:
    """Return the days in which chunks begin or end; none reaches over more than one midnight."""
    found: list[int] = np.unique(np.concatenate([starts - 1, ends - 1]) // DAY).tolist()
    return found


async def touched(tx: AsyncSession, days: Iterable[int], now: datetime) -> None:
    """Note that chunks are written for these days, in the transaction that writes them."""
    rows = [{"day": day, "touched": 1, "made": 0, "touched_at": now} for day in sorted(set(days))]
    if rows:
        insert = postgresql.insert(RollupDay).values(rows)
        once_more = {
            RollupDay.touched: RollupDay.touched + 1,
            RollupDay.touched_at: insert.excluded.touched_at,
        }
        await tx.execute(
            insert.on_conflict_do_update(index_elements=[RollupDay.day], set_=once_more)
        )


async def to_make(
    session: AsyncSession, *, before: int, quiet_since: datetime
) -> Sequence[tuple[int, int]]:
    """Return the days that are to be rolled up, oldest first, and how often they were touched.

    Only those that end by `before` (ms) and were not touched since `quiet_since`; a day whose raw
    samples went is what it is.
    """
    stmt = (
        select(RollupDay.day, RollupDay.touched)
        .where(
            RollupDay.made != RollupDay.touched,
            (RollupDay.day + 1) * DAY <= before,
            RollupDay.touched_at <= quiet_since,
            ~_final(),
        )
        .order_by(RollupDay.day)
    )
    return [(day, count) for day, count in await session.execute(stmt)]


async def oldest_unmade(session: AsyncSession) -> int | None:
    """Return the oldest day whose raw samples are still needed."""
    unmade = RollupDay.made != RollupDay.touched
    stmt = select(RollupDay.day).where(unmade, ~_final()).order_by(RollupDay.day).limit(1)
    found: int | None = await session.scalar(stmt)
    return found


async def made(tx: AsyncSession, day: int, touched: int) -> None:
    """Note that a day is rolled up as it was when it had been touched so often."""
    await tx.execute(update(RollupDay).where(RollupDay.day == day).values(made=touched))


async def readable(session: AsyncSession, first: int, last: int, step: str) -> dict[int, bool]:
    """Return the days, from first to last, of which the rows of a step are what chunks know.

    And of each whether it is final: its raw samples went, and what came since counts for nothing.
    """
    asked = {"first": first, "last": last, "step": step}
    return {day: final for day, final in await session.execute(_READABLE, asked)}


async def kept(session: AsyncSession) -> dict[str, int]:
    """Return since when (ms) all is kept, of raw samples and of steps from which some went."""
    found = await session.execute(select(KeptSince.what, KeptSince.since))
    return {what: since for what, since in found}


async def any_before(session: AsyncSession, day: int) -> bool:
    """Tell whether there is anything from before a day."""
    return bool(await session.scalar(select(exists().where(RollupDay.day < day))))


async def gone(tx: AsyncSession, what: str, before: int) -> None:
    """Note that what is from before a time (ms) is not all there any more."""
    row = postgresql.insert(KeptSince).values(what=what, since=before)
    later = func.greatest(KeptSince.since, row.excluded.since)
    await tx.execute(
        row.on_conflict_do_update(index_elements=[KeptSince.what], set_={"since": later})
    )


async def forget(tx: AsyncSession, before: int) -> None:
    """Forget the days that end before a time (ms), of which nothing is left."""
    await tx.execute(delete(RollupDay).where((RollupDay.day + 1) * DAY <= before))


def _since(what: str | BindParameter[str]) -> ColumnElement[int]:
    since = select(KeptSince.since).where(KeptSince.what == what).scalar_subquery()
    return func.coalesce(since, 0, type_=BigInteger)


def _final() -> ColumnElement[bool]:
    """Whether the raw samples of a day went after it had been rolled up."""
    return (RollupDay.made > 0) & ((RollupDay.day + 1) * DAY <= _since("raw"))


# built once: telling it from others takes longer than what it does
_READABLE = (
    select(RollupDay.day, _final())
    .where(RollupDay.day >= bindparam("first"), RollupDay.day <= bindparam("last"))
    .where(RollupDay.made > 0, or_(RollupDay.made == RollupDay.touched, _final()))
    .where(RollupDay.day * DAY >= _since(bindparam("step")))
    .order_by(RollupDay.day)
)
