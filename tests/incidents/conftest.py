"""What tests of incidents ask for."""

from collections.abc import AsyncIterator

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.incidents import House, house


@pytest.fixture
async def world(db: Database, clock: FakeClock) -> AsyncIterator[House]:
    async with house(db, clock) as built:
        yield built
