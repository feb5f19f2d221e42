"""One chain, from nothing to the tables and back, also with rows in them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

from app.migrations import config, head, move, ours, revision, upgrade
from app.schema import TABLES
from kit.clock import from_milliseconds
from kit.db import Base, Database
from metrics import partitions
from metrics.partitions import DAY
from metrics.tables import Chunk
from tests.support import postgres

CHAIN = [step.revision for step in ScriptDirectory.from_config(config()).walk_revisions()][::-1]


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Database]:
    name = database_url.rpartition("/")[2].partition("?")[0]
    db = Database(await postgres.create_database(f"{name}_empty", "template1"), pool=5)
    yield db
    await db.close()


async def moved(db: Database, *, to: str = "head", down: bool = False) -> None:
    def work(connection: Connection) -> None:
        move(connection, to=to, down=down)

    async with db.engine.connect() as connection:
        await connection.run_sync(work)
        await connection.commit()


async def at(db: Database) -> str | None:
    async with db.engine.connect() as connection:
        return await connection.run_sync(revision)


async def with_a_client(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO clients (name, title, locale, timezone, sla, overrides, version) "
                "VALUES ('acme', 'Acme', 'zh-CN', 'Asia/Shanghai', 'standard', '{}', 1)"
            )
        )


def drift(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_name": ours}
    )
    return list(compare_metadata(context, Base.metadata))


def test_there_is_one_head() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [head()]


async def test_migrations_lead_to_exactly_the_tables(empty: Database) -> None:
    await moved(empty)

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(drift) == []


@pytest.mark.parametrize("start", [None, *CHAIN])
async def test_from_every_revision_the_way_leads_up(empty: Database, start: str | None) -> None:
    if start:
        await moved(empty, to=start)
        await with_a_client(empty)

    await upgrade(empty)

    assert await at(empty) == head()


async def test_with_rows_the_way_leads_down_and_up_again(empty: Database) -> None:
    await moved(empty)
    await with_a_client(empty)

    await moved(empty, to="base", down=True)
    assert await at(empty) is None
    await moved(empty)

    assert await at(empty) == head()
    assert len(TABLES) > 20


async def test_processes_that_start_at_once_migrate_once(empty: Database) -> None:
    await asyncio.gather(*(upgrade(empty) for _ in range(4)))

    assert await at(empty) == head()


async def test_chunks_from_before_days_are_found_and_find_their_day(empty: Database) -> None:
    await moved(empty, to="0008")
    day = 20_000
    async with empty.transaction() as tx:
        for id_, start in ((7, day * DAY), (9, (day - 1) * DAY)):
            await tx.execute(
                text(
                    "INSERT INTO chunks (series, start_at, id, end_at, count, min, max, sum, body) "
                    "VALUES (1, :start, :id, :start, 1, 0, 0, 0, '')"
                ),
                {"start": start, "id": id_},
            )
    await upgrade(empty)

    now = from_milliseconds(day * DAY)
    async with empty.transaction() as tx:
        assert (await tx.scalars(select(Chunk.id).order_by(Chunk.id))).all() == [7, 9]
        assert await partitions.days_of_rest(tx, now) == [day - 1, day]
        await partitions.make(tx, [day, day - partitions.OWN - 1], now)
        assert await partitions.days(tx) == {day}
        assert (await tx.scalars(select(Chunk.id).order_by(Chunk.id))).all() == [7, 9]
        assert await partitions.days_of_rest(tx, now) == [day - 1]
        fresh = {"series": 1, "start_at": day * DAY, "end_at": day * DAY, "count": 1}
        new = insert(Chunk).values(**fresh, packed=False, body=b"").returning(Chunk.id)
        assert await tx.scalar(new) == 10
