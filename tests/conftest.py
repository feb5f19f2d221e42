"""What every test may ask for: a database that is empty, a clock that is turned by hand."""

import gc
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from access import passwords
from app.schema import TABLES
from kit.db import Base, Database
from tests.support.access import HASHER
from tests.support.clock import FakeClock
from tests.support.database import prepared

GONE = " ".join(f'DELETE FROM "{table.name}";' for table in reversed(Base.metadata.sorted_tables))
BEGUN_ANEW = (
    "PERFORM setval(format('%I.%I', schemaname, sequencename)\\:\\:regclass, 1, false) "
    "FROM pg_sequences WHERE last_value IS NOT NULL;"
)
EMPTIED = f"DO $$ BEGIN {GONE} {BEGUN_ANEW} END $$"
"""TRUNCATE makes new files for every table; for so few rows it takes a hundred times as long."""


@pytest.fixture(scope="module", autouse=True)
def heap_at_rest() -> None:
    """Have the collector pass over what earlier files left: a look at all of it takes a second.

    Everything stands still meanwhile, and a moment that the product waits for somebody goes by.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def database_url() -> str:
    return prepared(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash with little effort: thousands of worlds are made, each with people in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PasswordHasher", lambda: HASHER)
        yield


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    assert Base.metadata.tables.keys() == TABLES.keys()
    database = Database(database_url, pool=5)
    async with database.transaction() as tx:
        await tx.execute(text(EMPTIED))
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
