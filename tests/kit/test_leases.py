"""A lease is one process's at a time, and passes on when its holder falls silent."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.db import Database
from kit.leases import (
    LENGTH,
    Lease,
    LeaseLost,
    Standing,
    forget,
    give_back,
    ours,
    present,
    renew,
    standing,
    take,
)

NAMES = ("a", "b", "c")


async def tries(db: Database, holder: str, *names: str) -> set[str]:
    async with db.transaction() as tx:
        return set(await take(tx, names or NAMES, holder))


async def stands(db: Database, holder: str) -> Standing:
    async with db.transaction() as tx:
        return await standing(tx, NAMES, holder, kind="evaluator")


async def writes(db: Database, holder: str, *names: str) -> None:
    async with db.transaction() as tx:
        await ours(tx, names, holder)


async def falls_silent(db: Database, length: timedelta, holder: str | None = None) -> None:
    async with db.transaction() as tx:
        for lease in await tx.scalars(select(Lease)):
            if holder in (None, lease.holder):
                lease.renewed_at -= length


async def test_of_twelve_who_want_leases_each_comes_to_one(db: Database) -> None:
    found = await asyncio.gather(*(tries(db, f"replica {n}") for n in range(12)))
    assert sorted(name for names in found for name in names) == list(NAMES)


async def test_leases_pass_on_when_their_holder_has_been_silent_for_long_enough(
    db: Database,
) -> None:
    assert await tries(db, "one") == set(NAMES)
    await falls_silent(db, LENGTH - timedelta(seconds=2))
    assert await tries(db, "two") == set()
    await falls_silent(db, timedelta(seconds=3))
    async with db.transaction() as tx:
        taken = await take(tx, ("a", "b"), "two")
    assert taken.keys() == {"a", "b"}
    assert None not in taken.values()
    async with db.transaction() as tx:
        assert await renew(tx, "one") == {"c"}  # late, but nobody took it
    assert await tries(db, "one") == set()


async def test_of_twelve_who_want_what_ran_out_each_comes_to_one(db: Database) -> None:
    await tries(db, "dead")
    await falls_silent(db, LENGTH)
    found = await asyncio.gather(*(tries(db, f"replica {n}") for n in range(12)))
    taken = [name for names in found for name in names]
    assert len(taken) == len(set(taken))
    assert {await holder(db, name) for name in taken} <= {f"replica {n}" for n in range(12)}


async def holder(db: Database, name: str) -> str:
    async with db.snapshot() as session:
        return (await session.get_one(Lease, name)).holder


async def test_what_is_no_longer_ours_cannot_be_written(db: Database) -> None:
    await tries(db, "one")
    await writes(db, "one", "a", "b")
    await falls_silent(db, LENGTH)
    await tries(db, "two", "b")
    await writes(db, "one", "a")
    with pytest.raises(LeaseLost, match=r"^b: "):
        await writes(db, "one", "a", "b")
    with pytest.raises(LeaseLost):
        await writes(db, "one", "nobody's")


async def test_what_is_being_written_passes_to_nobody_and_is_renewed_all_the_same(
    db: Database,
) -> None:
    await tries(db, "one")
    async with db.transaction() as writing:
        await ours(writing, ("a",), "one")
        await falls_silent(db, LENGTH)
        async with asyncio.timeout(5):
            assert await tries(db, "two", "a", "b") == {"b"}
            async with db.transaction() as tx:
                assert await renew(tx, "one") == {"a", "c"}


async def test_leases_that_are_given_back_are_taken_at_once(db: Database) -> None:
    await tries(db, "one")
    async with db.transaction() as tx:
        await give_back(tx, ("a", "b"), "one")
        await give_back(tx, ("c",), "two")  # not its own
    assert await tries(db, "two") == {"a", "b"}


async def test_what_stands_is_ours_or_anothers_or_free(db: Database) -> None:
    await tries(db, "one", "a")
    await tries(db, "two", "b", "evaluator/two")
    assert await stands(db, "one") == Standing({"a"}, {"c"}, 1)
    await falls_silent(db, LENGTH)
    assert await stands(db, "one") == Standing({"a"}, {"b", "c"}, 0)
    assert await stands(db, "three") == Standing(set(), set(NAMES), 0)


async def test_each_knows_how_many_others_there_were_of_late(db: Database) -> None:
    async def counted(holder: str) -> int:
        async with db.transaction() as tx:
            return await present(tx, "replica", holder)

    assert [await counted("one"), await counted("two"), await counted("one")] == [0, 1, 1]
    await falls_silent(db, timedelta(hours=1))
    assert await counted("one") == 0

    async with db.transaction() as tx:
        await forget(tx, "replica")
        assert set(await tx.scalars(select(Lease.name))) == {"replica/one"}
