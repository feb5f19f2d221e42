"""What every test may ask for: a database that is empty, a clock that is turned by hand."""

import os
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.schema import TABLES
from kit.db import Base, Database
from tests.support.clock import FakeClock
from tests.support.database import prepared

EMPTIED = ", ".join(f'"{table}"' for table in TABLES)


@pytest.fixture(scope="session")
def database_url() -> str:
    return prepared(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    assert Base.metadata.tables.keys() == TABLES.keys()
    database = Database(database_url, pool=5)
    async with database.transaction() as tx:
        await tx.execute(text(f"TRUNCATE {EMPTIED} RESTART IDENTITY CASCADE"))
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
