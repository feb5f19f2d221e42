"""What is over for longer than the retention goes; what is not stays."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerting.tables import Alert
from app.housekeeping import clean
from kit.db import Base, Database
from notifications.tables import Attempt, Notification
from tests.support.clock import FakeClock
from tests.support.world import World, world


@pytest.fixture(name="world")
async def with_a_past(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        await found.pushes("disk", 97)
        await found.passes(minutes=2)
        await found.pushes("disk", 20)
        await found.passes(minutes=2)
        yield found


async def count(db: Database, table: type[Base]) -> int:
    async with db.snapshot() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_what_is_inside_the_retention_stays(world: World) -> None:
    await clean(world.house, world.clock.advance(days=399))

    assert await count(world.db, Alert) == 1
    assert await count(world.db, Notification) == 2


async def test_what_is_older_goes_but_the_incident_stays(world: World) -> None:
    await clean(world.house, world.clock.advance(days=401))

    assert [await count(world.db, table) for table in (Alert, Notification, Attempt)] == [0, 0, 0]
    assert (await world.incident())["status"] == "resolved"


async def test_who_was_told_of_what_goes_on_still_hears_its_end(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    async with world(db, tmp_path, clock) as long:
        await long.pushes("disk", 97)
        await long.passes(minutes=2)
        await long.acknowledges("li")
        await clean(long.house, clock.advance(days=401))
        await long.http.post("/api/v1/incidents/1/resolve")
        await long.settles()

        assert "resolved" in [call.json["event"] for call in long.phone.calls_of("li")]
