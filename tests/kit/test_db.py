"""The types that keep our rules, and the unit of work."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from access.scope import Role
from access.tables import Client, Person
from kit import outbox
from kit.db import Database, as_rows
from tests.support.clock import NOON, FakeClock


class Rang(outbox.Event):
    topic = "test.rang"
    who: str


def somebody(name: str, **columns: object) -> Person:
    return Person(name=name, title=name, **columns)


async def test_a_naive_moment_is_refused(db: Database) -> None:
    naive = datetime(2026, 11, 2)  # noqa: DTZ001
    with pytest.raises(StatementError, match="naive datetime"):
        async with db.transaction() as tx:
            tx.add(outbox.OutboxRow(topic="t", facts={}, happened_at=naive, next_try_at=naive))


async def test_an_enum_is_kept_as_its_value_and_comes_back_as_itself(db: Database) -> None:
    async with db.transaction() as tx:
        tx.add(somebody("li", role=Role.MANAGER))
    async with db.snapshot() as session:
        assert (await session.scalars(select(Person.role))).all() == [Role.MANAGER]


async def test_a_block_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.transaction() as tx:
            tx.add(somebody("li"))
            await tx.flush()
            raise RuntimeError
    async with db.snapshot() as session:
        assert (await session.scalars(select(Person.name))).all() == []


async def test_a_batch_goes_as_one_statement_with_lists_inside(db: Database) -> None:
    clients = [Client(name=f"c{i}", title="t", overrides={"a": [i, 2]}) for i in range(3)]
    given = as_rows(clients, Client.name, Client.overrides)
    async with db.snapshot() as session:
        rows = (await session.execute(select(given.c.name, given.c.overrides))).all()
    assert [tuple(row) for row in rows] == [(f"c{i}", {"a": [i, 2]}) for i in range(3)]


async def test_a_rolled_back_change_announces_nothing(db: Database, clock: FakeClock) -> None:
    heard = []

    async def hear(tx: object, event: Rang, now: datetime) -> None:
        heard.append(event.who)

    with pytest.raises(RuntimeError):
        async with db.transaction() as tx:
            await outbox.publish(tx, Rang(who="li"), now=clock())
            raise RuntimeError
    assert await outbox.relay(db, {Rang: (hear,)}, clock) == 0
    assert heard == []


async def test_a_reaction_that_fails_is_tried_again_and_in_the_end_parked(
    db: Database, clock: FakeClock
) -> None:
    async def refuse(tx: object, event: Rang, now: datetime) -> None:
        raise RuntimeError(event.who)

    async with db.transaction() as tx:
        await outbox.publish(tx, Rang(who="li"), now=NOON)
    for _ in range(outbox.TRIES_MOST + 2):
        await outbox.relay(db, {Rang: (refuse,)}, clock)
        clock.advance(minutes=6)
    async with db.snapshot() as session:
        (row,) = (await session.scalars(select(outbox.OutboxRow))).all()
    assert row.parked_at is not None
    assert row.tries == outbox.TRIES_MOST
    assert row.happened_at + timedelta() == NOON
