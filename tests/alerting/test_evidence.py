"""The evidence is what the alert itself saw, and nothing of its neighbours."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerting.evidence import evidence
from alerting.tables import Alert
from kit.db import Database
from tests.support.alerts import add_clients, rule
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching


@pytest.fixture
async def world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Watching]:
    await add_clients(db, *CLIENTS)
    watching = Watching(db, tmp_path, clock)
    yield watching
    await watching.close()


@pytest.mark.parametrize("expr", ["used", "used / 1", "max by (host, disk) (used)"])
async def test_it_has_the_alerts_own_values(world: Watching, db: Database, expr: str) -> None:
    await world.open(rule(expr=expr))
    for value in (50, 60, 95):
        await world.takes("used", value, host="a")
        await world.takes("used", 91 + value / 100, host="a", disk="d")
        await world.takes("used", 99, host="a", client="bolt")
        await world.passes(seconds=15)
    async with db.snapshot() as session:
        rows = list(await session.scalars(select(Alert).where(Alert.client == "acme")))
    (alert,) = [row for row in rows if "disk" not in row.labels]

    shown = await evidence(world.store, alert, now=world.clock())
    assert len(shown.labels) == 1
    assert list(dict.fromkeys(shown.values.tolist())) == [50.0, 60.0, 95.0]
    assert (shown.times[0] >= 0, shown.starts.tolist()) == (True, [0, len(shown.times)])


async def test_without_samples_it_has_no_series(world: Watching, db: Database) -> None:
    await world.open(rule(expr="used"))
    await world.pushes("used", 95, host="a")
    async with db.snapshot() as session:
        (alert,) = await session.scalars(select(Alert))
    world.clock.advance(hours=3)
    assert len((await evidence(world.store, alert, now=world.clock())).times) == 0
