"""Journeys play in a world of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.world import World, world


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found
