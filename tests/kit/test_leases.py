"""A lease is one process's at a time, and passes on when its holder falls silent."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.db import Database
from kit.leases import LENGTH, Lease, LeaseLost, Taken, give_back, ours, present, take


async def tries(db: Database, holder: str) -> Taken | None:
    async with db.transaction() as tx:
        return await take(tx, "rules", holder)


async def falls_silent(db: Database, length: timedelta) -> None:
    async with db.transaction() as tx:
        for lease in await tx.scalars(select(Lease)):
            lease.renewed_at -= length


async def test_of_twelve_who_want_a_lease_one_gets_it(db: Database) -> None:
    found = await asyncio.gather(*(tries(db, f"replica {n}") for n in range(12)))
    assert len([one for one in found if one]) == 1


async def test_a_lease_passes_on_when_its_holder_has_been_silent_for_long_enough(
    db: Database,
) -> None:
    assert await tries(db, "one") == Taken()
    await falls_silent(db, LENGTH - timedelta(seconds=2))
    assert await tries(db, "two") is None
    await falls_silent(db, timedelta(seconds=3))
    passed = await tries(db, "two")
    assert passed is not None
    assert passed.former is not None
    assert await tries(db, "one") is None


async def test_what_is_no_longer_ours_cannot_be_written(db: Database) -> None:
    await tries(db, "one")
    async with db.transaction() as tx:
        await ours(tx, "rules", "one")
    await falls_silent(db, LENGTH)
    await tries(db, "two")
    with pytest.raises(LeaseLost):
        async with db.transaction() as tx:
            await ours(tx, "rules", "one")


async def test_a_lease_that_is_given_back_is_taken_at_once(db: Database) -> None:
    await tries(db, "one")
    async with db.transaction() as tx:
        await give_back(tx, "rules", "one")
    assert await tries(db, "two") is not None


async def test_each_knows_how_many_others_there_were_of_late(db: Database) -> None:
    async def counted(holder: str) -> int:
        async with db.transaction() as tx:
            return await present(tx, "replica", holder)

    assert [await counted("one"), await counted("two"), await counted("one")] == [0, 1, 1]
    await falls_silent(db, timedelta(hours=1))
    assert await counted("one") == 0
