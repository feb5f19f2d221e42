"""The types that keep our rules, and the unit of work."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.exc import StatementError

from access.scope import Role
from access.tables import Client, Person
from kit import outbox
from kit.db import RESTED, Database, DatabaseAway, among, not_among
from kit.rows import as_rows
from tests.support.clock import NOON, FakeClock
from tests.support.statements import statements


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


async def test_any_number_of_values_is_one_statement(db: Database) -> None:
    async with db.transaction() as tx:
        tx.add_all(somebody(name) for name in ("li", "han", "wu"))
    with statements(db) as seen:
        assert await _names(db, among(Person.name, ["li", "han"])) == ["han", "li"]
        assert await _names(db, among(Person.name, ["wu"])) == ["wu"]
        assert await _names(db, among(Person.name, [])) == []
    assert len(set(seen)) == 1
    assert await _names(db, not_among(Person.name, ["li", "han"])) == ["wu"]
    assert await _names(db, not_among(Person.name, [])) == ["han", "li", "wu"]


async def _names(db: Database, which: ColumnElement[bool]) -> list[str]:
    async with db.snapshot() as session:
        return list(await session.scalars(select(Person.name).where(which).order_by(Person.name)))


async def test_a_connection_that_was_cut_while_it_rested_is_replaced(db: Database) -> None:
    own = db.share(1)
    for rested in (True, False):  # asked first, or trusted because it has told us itself
        cut = await _backend(own)
        await _ends(db, cut)
        if rested:
            await asyncio.sleep(RESTED + 0.1)
        assert await _backend(own) != cut


async def test_a_connection_that_was_just_used_is_used_again_and_not_asked(db: Database) -> None:
    own = db.share(2)
    with statements(own) as seen:
        assert len({await _backend(own) for _ in range(3)}) == 1
    assert len(seen) == 3
    said = select(text("query")).select_from(text("pg_stat_activity")).where(text("pid = :pid"))
    async with db.snapshot() as session:
        assert await session.scalar(said, {"pid": await _backend(own)}) == "ROLLBACK;"


async def _backend(db: Database) -> int:
    async with db.snapshot() as session:
        pid: int = (await session.execute(select(func.pg_backend_pid()))).scalar_one()
        return pid


async def _ends(db: Database, backend: int) -> None:
    async with db.transaction() as tx:
        await tx.execute(select(func.pg_terminate_backend(backend, 2_000)))
    await asyncio.sleep(0.05)  # the other end of the line hears of it


async def test_on_a_bare_line_each_statement_sees_what_is_there_by_then(db: Database) -> None:
    counting = "SELECT count(*) FROM people"
    async with db.line() as line:
        before = await line.fetchval(counting)
        async with db.transaction() as tx:
            tx.add(somebody("later"))
        assert await line.fetchval(counting) == before + 1


async def test_a_line_to_a_database_that_is_away_says_so() -> None:
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseAway, match="cannot be reached"):
        async with away.line():
            pytest.fail("there is nobody")
    await away.close()


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
