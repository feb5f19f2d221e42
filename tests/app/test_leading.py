"""Replicas share the rules by leases in PostgreSQL, each step at a moment of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from alerting.evaluator import GRACE
from alerting.groups.units import Unit
from alerting.share import NOTHING, Share
from app.leading import EVERY, PATIENCE, SETTLES, Around, Lead
from kit.db import Database
from kit.leases import LENGTH, Lease, LeaseLost
from tests.support.clock import FakeClock

UNITS: list[Unit] = [("group/r/a",), ("group/r/b", "group/r/c"), ("group/r/d",)]
ALL = {"group/r/a", "group/r/b", "group/r/c", "group/r/d"}


@dataclass
class Replica:
    """One replica: what it was told, and what it says of itself."""

    name: str
    db: Database
    clock: FakeClock
    units: Sequence[Unit] = field(default_factory=lambda: UNITS)
    caught_up: bool = True
    quiet: bool = True
    told: list[tuple[Share, datetime | None]] = field(default_factory=list)
    fails: int = 0

    def __post_init__(self) -> None:
        around = Around(lambda: self.units, lambda: self.caught_up, lambda: self.quiet)
        self.lead = Lead(self.db, lambda: self.name, self.clock, around)

    async def turn(self, at: float = 1000.0) -> None:
        """Renew, and hand on what came of it, at so many seconds of the loop's clock."""
        await self.lead.renew(at)
        await self.lead.hand_on(self._changed)

    async def _changed(self, share: Share, former: datetime | None) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError
        self.told.append((share, former))

    async def writes(self, *groups: str) -> None:
        """Write something of these groups."""
        async with self.db.transaction() as tx:
            await self.lead.still(tx, set(groups))

    @property
    def has(self) -> set[str]:
        groups = set(self.lead.share.groups or ())
        return groups | {"rules"} if self.lead.share.thresholds else groups


@pytest.fixture
def one(db: Database, clock: FakeClock) -> Replica:
    return Replica("one", db, clock)


@pytest.fixture
def two(db: Database, clock: FakeClock) -> Replica:
    return Replica("two", db, clock)


async def dies(replica: Replica, *, after: timedelta = LENGTH) -> None:
    """Let so much time go by in which a replica is not heard of."""
    async with replica.db.transaction() as tx:
        for lease in await tx.scalars(select(Lease).where(Lease.holder == replica.name)):
            lease.renewed_at -= after


async def share_out(one: Replica, two: Replica) -> None:
    """Have both there for as long as it takes until each has its part."""
    for at in (0.0, EVERY, 2 * EVERY, 3 * EVERY, 4 * EVERY):
        await one.turn(1000 + at)
        await two.turn(1000 + at)


async def test_one_that_is_alone_has_everything_at_once(one: Replica) -> None:
    await one.turn()
    assert one.has == {"rules", *ALL}
    assert [former for _, former in one.told] == [None]
    await one.turn(1000 + EVERY)
    assert len(one.told) == 1
    await one.writes("", *ALL)


async def test_two_share_the_groups_and_one_has_the_thresholds(one: Replica, two: Replica) -> None:
    await share_out(one, two)
    assert one.has == {"rules", "group/r/b", "group/r/c"}
    assert two.has == {"group/r/a", "group/r/d"}


async def test_what_is_let_go_is_evaluated_no_more_before_another_has_it(
    one: Replica, two: Replica
) -> None:
    await one.turn()
    for at in (0.0, EVERY, 2 * EVERY):
        await two.turn(1000 + at)
        await one.turn(1000 + at)
        assert not one.has & two.has
    (gone,) = [s for s, _ in one.told[1:]]
    assert set(gone.groups or ()) == one.has - {"rules"}
    await two.turn(1000 + 3 * EVERY)
    taken = ALL - one.has
    assert two.has == taken != set()
    with pytest.raises(LeaseLost):
        await one.writes("", *taken)
    await one.writes("", *(one.has - {"rules"}))


async def test_nothing_is_let_go_for_one_that_is_there_for_a_moment(
    one: Replica, two: Replica
) -> None:
    await one.turn()
    await two.turn()
    await one.turn(1000 + SETTLES / 2)
    await dies(two)
    await one.turn(1000 + SETTLES)
    assert one.has == {"rules", *ALL}
    assert len(one.told) == 1


async def test_nothing_is_let_go_while_something_is_under_way_unless_that_has_no_end(
    one: Replica, two: Replica
) -> None:
    one.quiet = False
    await one.turn()
    for at in (0.0, SETTLES, PATIENCE - 1):
        await two.turn(1000 + at)
        await one.turn(1000 + at)
        assert one.has == {"rules", *ALL}
    await two.turn(1000 + PATIENCE)
    await one.turn(1000 + PATIENCE)
    assert one.has < {"rules", *ALL}


async def test_what_a_dead_replica_had_comes_to_the_other_with_a_grace(
    one: Replica, two: Replica, clock: FakeClock
) -> None:
    await share_out(one, two)
    kept = two.has
    await dies(one, after=LENGTH - timedelta(seconds=3))
    await two.turn(1010)
    assert two.has == kept
    await dies(one)
    await two.turn(1012)

    assert two.has == {"rules", *ALL}
    share, former = two.told[-1]
    assert former is not None
    assert share.groups is not None
    quiet = {name: until - clock() for name, until in share.groups.items()}
    assert {quiet[name] for name in ALL - kept} == {GRACE}
    with pytest.raises(LeaseLost):
        await one.writes("")
    await one.turn(1014)
    assert "rules" not in one.has


async def test_one_that_was_only_slow_writes_nothing_of_what_others_took(
    one: Replica, two: Replica
) -> None:
    await one.turn()
    await dies(one)
    await two.turn()
    for group in ("", *ALL):
        with pytest.raises(LeaseLost):
            await one.writes(group)
    await one.turn(1000 + EVERY)
    assert one.has == set()


async def test_one_that_has_not_read_what_others_took_waits_with_groups(
    one: Replica, two: Replica
) -> None:
    two.caught_up = False
    await one.turn()
    for at in (0.0, SETTLES, 2 * SETTLES):
        await two.turn(1000 + at)
        await one.turn(1000 + at)
    assert (one.has, two.has) == ({"rules", *ALL}, set())

    two.caught_up = True
    for at in (10.0, 10.0 + SETTLES, 11.0 + SETTLES):
        await two.turn(1000 + at)
        await one.turn(1000 + at)
    await two.turn(1012 + SETTLES)
    assert two.has
    assert one.has | two.has == {"rules", *ALL}


async def test_one_that_has_read_nothing_evaluates_all_the_same_when_nobody_else_does(
    one: Replica, two: Replica
) -> None:
    await one.turn()
    await dies(one)
    two.caught_up = False
    await two.turn()
    assert two.has == {"rules", *ALL}


async def test_a_group_that_no_file_has_any_more_is_given_up(one: Replica) -> None:
    await one.turn()
    one.units = UNITS[1:]
    await one.turn(1000 + EVERY)
    assert one.has == {"rules", *ALL} - {"group/r/a"}
    with pytest.raises(LeaseLost):
        await one.writes("group/r/a")


async def test_a_change_that_failed_is_tried_again_and_nothing_is_given_before(
    one: Replica, two: Replica
) -> None:
    await one.turn()
    await two.turn()
    one.fails = 1
    await one.lead.renew(1000)
    await one.lead.renew(1000 + SETTLES)
    with pytest.raises(ConnectionError):
        await one.lead.hand_on(one._changed)
    await two.turn(1000 + SETTLES)
    assert two.has == set()
    await one.writes(*ALL)

    await one.lead.hand_on(one._changed)
    await two.turn(1002 + SETTLES)
    assert two.has


async def test_one_that_cannot_reach_the_database_rests_when_its_leases_have_run_out(
    one: Replica, clock: FakeClock
) -> None:
    await one.turn()
    one.lead._db = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    await one.turn(1000 + LENGTH.total_seconds() - 1)
    assert one.has == {"rules", *ALL}
    await one.turn(1000 + LENGTH.total_seconds())
    assert one.lead.share == NOTHING


async def test_one_that_ends_lets_the_other_take_all_at_once(one: Replica, two: Replica) -> None:
    await share_out(one, two)
    await one.lead.close()
    await two.turn(1020)
    assert two.has == {"rules", *ALL}
