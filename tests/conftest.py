"""What every test may ask for: a database that is empty, a clock that is turned by hand."""

import os
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from kit.db import Base, Database
from tests.support.clock import FakeClock
from tests.support.database import prepared


@pytest.fixture(scope="session")
def database_url() -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return prepared(f"{worker}_{os.getpid()}")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=5)
    names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    async with database.transaction() as tx:
        await tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
