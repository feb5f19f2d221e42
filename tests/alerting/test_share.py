"""A process that has a part of the rules leaves alone what another has."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from access.scope import EVERYTHING
from alerting import queries
from alerting.groups import answers
from alerting.groups.answers import Standing, Wanted
from alerting.groups.rules import FileRule, compiled
from alerting.groups.schemas import GroupSpec, Placed
from alerting.share import NOTHING, WHOLE, Share
from alerting.tables import Alert, Progress
from kit.db import Database
from tests.support.alerts import add_clients, rule
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching

FILE = "r.yml"
A, B = f"group/{FILE}/a", f"group/{FILE}/b"
GROUPS: dict[str, dict[str, object]] = {
    "a": {"alert": "A", "expr": "load > 5", "for": "30s"},
    "b": {"alert": "B", "expr": "load > 5"},
}


def files(*names: str) -> list[FileRule]:
    specs = [GroupSpec.model_validate({"name": n, "rules": [GROUPS[n]]}) for n in names]
    return list(compiled([Placed(FILE, spec) for spec in specs]))


class Replica(Watching):
    """One of two processes over one database: each has samples of its own."""

    async def has(self, share: Share, *names: str, version: int | None = None) -> None:
        """Take this part of one threshold and of the groups `a` and `b`."""
        self.share, self.files = share, files(*(names or GROUPS))
        reload = self.evaluator.start if self.evaluator.ready is None else self.evaluator.reload
        await reload(
            [rule()],
            self.directory,
            files=self.files,
            share=share,
            version=version,
            now=self.clock(),
        )
        await self.evaluator.settle()

    def standing(self, rows: Sequence[Alert]) -> Standing:
        """Return what it tells of rules, with the open rows."""
        board = self.evaluator.board
        here = {rule.key for rule in self.files if board.has(rule)}
        return Standing(self.files, board, [row for row in rows if row.rule not in here])


@dataclass
class Pair:
    """Both of them, given the same samples."""

    one: Replica
    two: Replica
    db: Database
    clock: FakeClock

    async def pushes(self, name: str, value: float) -> None:
        for each in (self.one, self.two):
            await each.takes(name, value, host="h")
        await self.looks()

    async def passes(self, **length: float) -> None:
        self.clock.advance(**length)
        for each in (self.one, self.two):
            each.evaluator.tick(self.clock())
        await self.looks()

    async def looks(self) -> None:
        for each in (self.one, self.two):
            if each.share:
                await each.evaluator.settle()

    async def sweeps(self) -> None:
        for each in (self.one, self.two):
            await each.evaluator.sweep(self.clock())
        await self.looks()

    async def phases(self) -> dict[str, str]:
        async with self.db.snapshot() as session:
            return {row.rule: row.phase.value for row in await session.scalars(select(Alert))}


@pytest.fixture
async def pair(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Pair]:
    await add_clients(db, *CLIENTS)
    one, two = Replica(db, tmp_path / "one", clock), Replica(db, tmp_path / "two", clock)
    for each in (one, two):
        await each.store.open(clock())
        each.share = NOTHING
    yield Pair(one, two, db, clock)
    for each in (one, two):
        await each.store.close()


async def test_each_evaluates_its_own_and_leaves_the_others_alone(pair: Pair) -> None:
    await pair.one.has(Share(groups={A: pair.clock()}))
    await pair.two.has(Share(thresholds=False, groups={B: pair.clock()}))
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.pushes("disk_used", 95)
    await pair.passes(seconds=15)
    await pair.sweeps()
    assert await pair.phases() == {"a/A": "pending", "b/B": "firing", "disk": "firing"}
    await pair.passes(seconds=30)
    await pair.sweeps()

    assert pair.one.told == ["acme disk fired P2", "acme a/A fired P3"]
    assert pair.two.told == ["acme b/B fired P3"]


async def test_each_tells_of_all_alerts_as_the_one_that_evaluates_them_does(pair: Pair) -> None:
    await pair.one.has(Share(groups={A: pair.clock()}))
    await pair.two.has(Share(thresholds=False, groups={B: pair.clock()}))
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.passes(seconds=15)
    async with pair.db.snapshot() as session:
        rows = await queries.open_alerts(session)

    one, two = (answers.alerts(each.standing(rows), EVERYTHING) for each in (pair.one, pair.two))
    assert one == two
    assert [alert["state"] for alert in one] == ["pending", "firing"]
    (group, _) = answers.groups(pair.two.standing(rows), EVERYTHING, Wanted())
    assert (group["rules"][0]["state"], group["rules"][0]["health"]) == ("pending", "unknown")


async def test_a_reload_ends_no_alert_that_another_has(pair: Pair) -> None:
    await pair.one.has(Share(groups={A: pair.clock()}))
    await pair.two.has(Share(thresholds=False, groups={B: pair.clock()}))
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.pushes("disk_used", 95)
    await pair.passes(seconds=15)

    await pair.one.has(pair.one.share)
    await pair.two.has(pair.two.share)
    await pair.sweeps()
    assert await pair.phases() == {"a/A": "pending", "b/B": "firing", "disk": "firing"}


async def test_who_has_only_groups_says_nothing_of_how_far_the_thresholds_have_read(
    pair: Pair,
) -> None:
    await pair.two.has(Share(thresholds=False, groups=None))
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.passes(seconds=15)
    await pair.sweeps()

    assert pair.two.told == ["acme b/B fired P3"]
    async with pair.db.snapshot() as session:
        assert (await session.scalars(select(Progress))).all() == []


async def test_a_group_that_passes_on_goes_on_where_it_was(pair: Pair) -> None:
    await pair.one.has(WHOLE)
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.passes(seconds=15)
    assert await pair.phases() == {"a/A": "pending", "b/B": "firing"}

    quiet = pair.clock() + timedelta(minutes=2)
    await pair.one.has(Share(groups={}))
    await pair.two.has(Share(thresholds=False, groups={A: quiet, B: quiet}))
    await pair.passes(seconds=15)
    await pair.pushes("load", 9)
    await pair.passes(seconds=15)
    assert pair.one.told == ["acme b/B fired P3"]
    assert pair.two.told == ["acme a/A fired P3"]  # after 30 s in all, and b/B not again


async def test_what_is_gone_ends_no_alert_of_a_group_just_taken(pair: Pair) -> None:
    await pair.one.has(WHOLE)
    await pair.two.has(Share(thresholds=False, groups={}))
    await pair.passes(minutes=3)
    await pair.one.pushes("load", 9, host="h")
    await pair.passes(seconds=15)

    quiet = pair.clock() + timedelta(minutes=2)
    await pair.one.has(Share(groups={A: quiet}))
    await pair.two.has(Share(thresholds=False, groups={B: quiet}))
    await pair.passes(minutes=1)
    assert (await pair.phases())["b/B"] == "firing"  # its series came to the other alone
    await pair.passes(minutes=1, seconds=15)
    assert (await pair.phases())["b/B"] == "resolved"


async def test_samples_that_came_before_the_thresholds_were_taken_are_looked_at(
    pair: Pair,
) -> None:
    await pair.two.has(Share(thresholds=False, groups=None))
    await pair.passes(minutes=3)
    for value in (95, 20):  # over before anybody looked
        await pair.two.takes("disk_used", value, host="h")
        pair.clock.advance(seconds=1)
    await pair.two.evaluator.settle()
    assert pair.two.told == []

    await pair.two.has(WHOLE)
    assert pair.two.told == ["acme disk fired P2", "acme disk resolved -"]


async def test_a_rule_that_nobody_has_any_more_is_ended_by_who_has_the_thresholds(
    pair: Pair,
) -> None:
    await pair.one.has(Share(groups={}))
    await pair.two.has(Share(thresholds=False, groups=None))
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.passes(seconds=15)
    assert (await pair.phases())["b/B"] == "firing"

    await pair.two.has(Share(thresholds=False, groups=None), "a")
    await pair.sweeps()
    assert (await pair.phases())["b/B"] == "firing"
    await pair.one.has(Share(groups={}), "a")
    assert (await pair.phases())["b/B"] == "resolved"


async def test_who_is_behind_the_configuration_ends_nothing_of_new_rules(pair: Pair) -> None:
    await pair.one.has(Share(groups={}), "a", version=-1)  # has not read of b yet
    await pair.two.has(Share(thresholds=False, groups=None))
    await pair.passes(minutes=3)
    await pair.pushes("load", 9)
    await pair.passes(seconds=15)
    await pair.sweeps()
    await pair.one.has(Share(groups={}), "a", version=-1)
    assert (await pair.phases())["b/B"] == "firing"
