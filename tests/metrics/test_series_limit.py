"""How many series a client may have: what it is told, and what is taken all the same."""

from pathlib import Path

from kit.clock import milliseconds
from kit.db import Database
from metrics.batch import Appended
from metrics.columns import Labels
from metrics.labels import Limits
from metrics.matchers import Matcher, Op
from metrics.ports.encode import write_request
from metrics.store import Store
from tests.support.clock import NOON, FakeClock
from tests.support.samples import points, series

MS = milliseconds(NOON)
MANY = [series("m", n=str(n)) for n in range(30)]


class Limited:
    """A store whose clients may write to few series."""

    def __init__(self, folder: Path, db: Database, most: int) -> None:
        self.clock = FakeClock()
        known = {"acme", "house"}
        limits = Limits(series=most)
        self.store = Store(folder, db, known_clients=lambda: known, limits=limits)

    async def sends(self, *of: Labels, at: int = MS, client: str = "acme") -> Appended:
        """Send a sample of each of these series."""
        body = write_request(of, [at] * len(of), [1.0] * len(of))
        return await self.store.append(body, port="remote_write", client=client, now=self.clock())

    async def reads(self) -> int:
        """Return how many series have samples."""
        return len(points(await self.store.read([Matcher("client", Op.EQUAL, "acme")], 0, MS * 2)))


async def test_a_client_with_too_many_series_is_refused_the_new_ones(
    tmp_path: Path, db: Database
) -> None:
    site = Limited(tmp_path, db, most=2)
    await site.store.open(site.clock())
    answer = await site.sends(*MANY[:3])
    assert (answer.samples, answer.refused) == (2, 1)
    answer = await site.sends(MANY[2], MANY[1], at=MS + 1)
    assert (answer.samples, answer.refused) == (1, 1)
    assert site.store.refused["series"] == 2

    site.clock.advance(hours=2)
    await site.store.flush(site.clock())
    assert (await site.sends(MANY[2])).samples == 1
    await site.store.close()


async def test_a_client_is_told_how_many_it_may_have_and_holds_nobody_else_back(
    tmp_path: Path, db: Database
) -> None:
    site = Limited(tmp_path, db, most=1)
    await site.store.open(site.clock())
    reason = (await site.sends(*MANY[:2])).reason or ""
    assert reason.endswith("client acme has 1 series, as many as one may have")
    assert (await site.sends(MANY[1], client="house")).samples == 1
    reason = (await site.sends(*MANY[2:10])).reason or ""
    assert reason.endswith("client acme has 1 series, as many as one may have")
    reason = (await site.sends(MANY[29])).reason or ""
    assert reason.endswith("has 10 series, quiet ones included, as many as one may have")
    await site.store.close()


async def test_a_smaller_limit_takes_nothing_that_was_acknowledged(
    tmp_path: Path, db: Database
) -> None:
    before = Limited(tmp_path, db, most=30)
    await before.store.open(before.clock())
    await before.sends(*MANY)
    await before.store.close()

    after = Limited(tmp_path, db, most=1)
    await after.store.open(after.clock())
    assert await after.reads() == 30
    answer = await after.sends(MANY[0], series("new"), at=MS + 1)
    assert (answer.samples, answer.refused) == (1, 1)
    await after.store.close()
