"""Which series are listed for a time: those with samples in it, in memory or in chunks."""

from datetime import timedelta
from pathlib import Path

import pytest

from kit.clock import milliseconds
from kit.db import Database
from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.ports.encode import write_request
from metrics.store import Store
from tests.support.clock import NOON, FakeClock
from tests.support.samples import series

ALL = [Matcher("client", Op.EQUAL, "acme")]
SENT = {"morning": (-300, -240), "noon": (-5, 0), "both": (-300, 0)}
"""Minutes from noon at which each series had a sample."""


@pytest.mark.parametrize("hours", [0, 5], ids=["in memory", "in chunks"])
@pytest.mark.parametrize(
    ("since", "until", "listed"),
    [
        (-400, 10, {"morning", "noon", "both"}),
        (-400, -301, set()),
        (-300, -200, {"morning", "both"}),
        (-3, 0, {"noon", "both"}),
        (1, 100, set()),
    ],
)
async def test_a_series_is_listed_for_the_times_of_its_samples(
    tmp_path: Path, db: Database, hours: int, since: int, until: int, listed: set[str]
) -> None:
    clock = FakeClock()
    store = Store(tmp_path, db, known_clients=lambda: {"acme"})
    await store.open(clock())

    def minute(after_noon: int) -> int:
        return milliseconds(NOON + timedelta(minutes=after_noon))

    for name, minutes in SENT.items():
        times = [minute(each) for each in minutes]
        body = write_request([series(name)] * len(times), times, [1.0] * len(times))
        await store.append(body, port="remote_write", client="acme", now=clock())
    if hours:
        clock.advance(hours=hours)
        await store.flush(clock())

    found = await store.known(ALL, minute(since), minute(until))

    assert {dict(labels)[NAME] for labels in found} == listed
    await store.close()


async def test_a_series_is_listed_for_the_last_hour_after_a_flush(
    tmp_path: Path, db: Database
) -> None:
    clock = FakeClock()
    store = Store(tmp_path, db, known_clients=lambda: {"acme"})
    await store.open(clock())
    for minute in range(60):
        body = write_request([series("busy")], [milliseconds(clock())], [float(minute)])
        await store.append(body, port="remote_write", client="acme", now=clock())
        clock.advance(minutes=1)
        if minute % 10 == 9:
            await store.flush(clock())

    for minute in (5, 20, 35, 50):
        moment = milliseconds(NOON + timedelta(minutes=minute))
        assert len(await store.known(ALL, moment, moment + 60_000)) == 1, minute
    await store.close()
