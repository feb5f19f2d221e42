"""Groups of rules over a real store: tenants apart, errors of one rule alone, what ends."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from alerting.groups import batches
from alerting.groups.rules import FileRule, compiled
from alerting.groups.schemas import GroupSpec, Placed
from kit.clock import milliseconds
from kit.db import Database
from metrics.columns import is_stale
from metrics.matchers import Matcher, Op
from tests.support.alerts import add_clients
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching


class Ruled(Watching):
    """The same with groups of rules."""

    async def follows(self, *rules: Mapping[str, object], **group: object) -> None:
        spec = GroupSpec.model_validate({"name": "g", "rules": list(rules), **group})
        self.files = list(compiled([Placed("r.yml", spec)]))
        await self.store.open(self.clock())
        await self.evaluator.start([], self.directory, files=self.files, now=self.clock())
        await self.evaluator.settle()
        await self.passes(minutes=3)  # the grace after our own start

    async def changes(self, *rules: Mapping[str, object]) -> None:
        """Reload with these rules."""
        spec = GroupSpec.model_validate({"name": "g", "rules": list(rules)})
        self.files = list(compiled([Placed("r.yml", spec)]))
        await self.evaluator.reload([], self.directory, files=self.files, now=self.clock())

    async def series(self, name: str) -> dict[tuple[str, str], float]:
        """Return the newest value of each series by client and host, stale ones left out."""
        now = milliseconds(self.clock())
        found = await self.store.read([Matcher("__name__", Op.EQUAL, name)], now - 300_000, now)
        last = found.values[found.starts[1:] - 1]
        return {
            (dict(labels)["client"], dict(labels).get("host", "")): float(value)
            for labels, value, ended in zip(found.labels, last, is_stale(last), strict=True)
            if not ended
        }

    def rule(self, name: str) -> FileRule:
        return next(rule for rule in self.files if rule.spec.name == name)


@pytest.fixture
async def world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Ruled]:
    await add_clients(db, *CLIENTS)
    found = Ruled(db, tmp_path, clock)
    yield found
    await found.close()


async def test_no_rule_joins_two_clients(world: Ruled) -> None:
    await world.follows(
        {"record": "all", "expr": "sum(load)"},
        {"record": "both", "expr": "load + on() group_left() limit"},
    )
    await world.takes("load", 1, client="acme", host="a")
    await world.takes("load", 10, client="bolt", host="a")
    await world.takes("limit", 5, client="bolt")
    await world.passes(seconds=15)

    assert await world.series("all") == {("acme", ""): 1, ("bolt", ""): 10}
    assert await world.series("both") == {("bolt", "a"): 15}


async def test_what_is_absent_is_asked_of_each_client(world: Ruled) -> None:
    await world.follows({"alert": "Gone", "expr": "absent(beat)", "labels": {"severity": "P2"}})
    await world.takes("beat", 1, client="acme")
    await world.takes("other", 1, client="bolt")
    before = len(world.told)  # while nobody sent anything, the house missed it
    await world.passes(seconds=15)
    assert set(world.told[before:]) == {"bolt g/Gone fired P2", "house g/Gone resolved -"}


async def test_rules_of_one_shape_keep_to_their_own_series(world: Ruled) -> None:
    await world.follows(
        *({"record": f"sum{n}", "expr": f"sum by (host) (m{n})"} for n in range(3)),
        *({"alert": f"Over{n}", "expr": f"m{n} > 5"} for n in range(3)),
    )
    for n in range(3):
        await world.takes(f"m{n}", 10 * n, host=f"h{n}")
    await world.passes(seconds=15)

    assert [await world.series(f"sum{n}") for n in range(3)] == [
        {("acme", f"h{n}"): 10 * n} for n in range(3)
    ]
    assert sorted(world.told) == ["acme g/Over1 fired P3", "acme g/Over2 fired P3"]


async def test_an_error_is_that_rules_alone(world: Ruled) -> None:
    await world.follows(
        {"record": "bad", "expr": "a0 + on() b0"},
        {"record": "good", "expr": "a1 + on() b1"},
    )
    for host in ("x", "y"):
        await world.takes("a0", 1, host=host)
        await world.takes("b0", 1, host=host)
    await world.takes("a1", 1)
    await world.takes("b1", 1)
    await world.passes(seconds=15)

    assert (world.rule("bad").health.word, world.rule("good").health.word) == ("err", "ok")
    assert "many-to-many" in world.evaluator.broken["g/bad"]
    assert await world.series("good") == {("acme", ""): 2}


async def test_an_error_of_ranges_is_that_rules_alone_and_a_counter_may_begin_again(
    world: Ruled,
) -> None:
    await world.follows(
        {"record": "bad", "expr": "increase(a0[1m]) + on() increase(b0[1m])"},
        {"record": "good", "expr": "increase(a1[1m]) + on() increase(b1[1m])"},
    )
    for value in (1, 4, 2):
        for name in ("a0", "b0"):
            for host in ("x", "y"):
                await world.takes(name, value, host=host)
        await world.takes("a1", value)
        await world.takes("b1", 10)
        await world.passes(seconds=15)

    assert (world.rule("bad").health.word, world.rule("good").health.word) == ("err", "ok")
    # two steps of 15 s: from 1 to 4, and from 0 to 2; to either side half a step
    assert await world.series("good") == {("acme", ""): pytest.approx(5 * 1.5, rel=0.2)}


@pytest.mark.parametrize("function", ["count_over_time", "sum_over_time"])
async def test_a_late_sample_counts_for_each_of_the_rules_that_read_its_series(
    world: Ruled, function: str
) -> None:
    await world.follows(
        *({"record": name, "expr": f"{function}(m[1m])"} for name in ("one", "two"))
    )
    for ago in (2, 6, 4):
        await world.takes("m", 1, ago=ago)
    await world.takes("m", 1)
    await world.passes(seconds=15)
    assert await world.series("one") == await world.series("two") == {("acme", ""): 4}


async def test_more_than_the_limit_fails_the_rule(world: Ruled) -> None:
    await world.follows({"alert": "Up", "expr": "up > 0"}, {"record": "r", "expr": "up"}, limit=1)
    await world.takes("up", 1, host="a")
    await world.passes(seconds=15)
    assert world.told == ["acme g/Up fired P3"]

    await world.takes("up", 1, host="b")
    await world.passes(seconds=15)
    assert world.rule("Up").health.error == "exceeded limit of 1 with 2 alerts"
    assert world.rule("r").health.error == "exceeded limit of 1 with 2 series"
    assert world.told == ["acme g/Up fired P3"]


async def test_a_recorded_series_that_is_given_no_more_ends_at_once(world: Ruled) -> None:
    await world.follows({"record": "busy", "expr": "load > 5"})
    await world.takes("load", 9, host="a")
    await world.passes(seconds=15)
    assert await world.series("busy") == {("acme", "a"): 9}

    await world.takes("load", 1, host="a")
    await world.passes(seconds=15)
    assert await world.series("busy") == {}


async def test_alerts_tells_of_each_state_and_ends(world: Ruled) -> None:
    await world.follows(
        {"alert": "Busy", "expr": "load > 5", "for": "30s", "keep_firing_for": "30s"}
    )
    states = []
    for value in (9, 9, 9, 1, 1, 1):
        await world.takes("load", value, host="a")
        await world.passes(seconds=15)
        now = milliseconds(world.clock())
        found = await world.store.read(
            [Matcher("__name__", Op.EQUAL, "ALERTS")], now - 300_000, now
        )
        last = found.values[found.starts[1:] - 1]
        states.append(
            [
                dict(labels)["alertstate"]
                for labels, ended in zip(found.labels, is_stale(last), strict=True)
                if not ended
            ]
        )

    assert states == [["pending"], ["pending"], ["firing"], ["firing"], ["firing"], []]
    assert world.told == ["acme g/Busy fired P3", "acme g/Busy resolved -"]


async def test_what_did_not_change_is_not_computed_again(world: Ruled) -> None:
    await world.follows({"alert": "Busy", "expr": "load > 5"})
    await world.takes("load", 1, host="a")
    await world.passes(seconds=15)
    before = world.rule("Busy").health.at
    await world.passes(minutes=1)
    assert world.rule("Busy").health.at == before

    await world.takes("load", 1, host="a")
    await world.passes(seconds=15)
    assert world.rule("Busy").health.at != before


async def test_series_that_are_recorded_again_have_their_new_values(world: Ruled) -> None:
    await world.follows({"record": "r", "expr": "load * 2"})
    for value in (1, 2, 0, -3.5):
        await world.takes("load", value, host="a")
        await world.takes("load", value, client="bolt", host="b")
        await world.passes(seconds=15)
        assert await world.series("r") == {("acme", "a"): 2 * value, ("bolt", "b"): 2 * value}


async def test_a_sample_that_is_ahead_counts_when_its_time_has_come(world: Ruled) -> None:
    await world.follows({"alert": "Busy", "expr": "load > 5"})
    await world.takes("load", 1, host="a")
    await world.takes("load", 9, ago=-20, host="a")
    await world.passes(seconds=15)
    assert world.told == []
    await world.passes(seconds=15)
    assert world.told == ["acme g/Busy fired P3"]


async def test_rules_that_read_much_are_computed_in_smaller_batches_and_together_again(
    world: Ruled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "VOLUME", 20)
    rules = ({"record": f"sum{n}", "expr": f"sum by (host) (deriv(m{n}[1m]))"} for n in range(4))
    await world.follows(*rules, {"alert": "Fast", "expr": "sum by (host) (rate(m0[1m])) > 0.9"})
    (bundle, _) = world.evaluator.board._cohorts[0].turns[0]
    sizes = []
    for second in range(150):
        if second < 60 or second % 15 == 0:
            for n in range(4):
                await world.takes(f"m{n}", second * (n + 1), host="a")
        await world.passes(seconds=1)
        sizes.append([len(part.rules) for part in bundle.parts])
        if second == 59:
            found = [(await world.series(f"sum{n}"))["acme", "a"] for n in range(4)]

    assert found == pytest.approx([1, 2, 3, 4])
    assert sizes[0] == [4]
    assert [1, 1, 1, 1] in sizes
    assert sizes[-1] == [4]
    assert [str(rule.health.error) for rule in world.files] == [""] * 5
    assert world.told[0] == "acme g/Fast fired P3"
    assert world.evaluator.gauges(world.clock())["evaluated_total"] >= 5 * 10


BUSY = {"record": "busy", "expr": "load > 5"}
HIGH = {"alert": "High", "expr": "load > 5"}
KEPT = {"record": "kept", "expr": "load"}
A = {("acme", "a"): 9.0}


async def test_what_a_removed_rule_wrote_ends_at_once(world: Ruled) -> None:
    await world.follows(BUSY, HIGH, KEPT)
    await world.takes("load", 9, host="a")
    await world.passes(seconds=15)
    assert await world.series("busy") == A
    assert len(await world.series("ALERTS")) == len(await world.series("ALERTS_FOR_STATE")) == 1

    await world.changes(KEPT)
    assert await world.series("busy") == {}
    assert await world.series("ALERTS") == await world.series("ALERTS_FOR_STATE") == {}
    assert await world.series("kept") == A


async def test_a_series_that_vanishes_across_a_reload_ends(world: Ruled) -> None:
    await world.follows(BUSY, HIGH)
    await world.takes("load", 9, host="a")
    await world.passes(seconds=15)
    await world.changes({**BUSY, "expr": "load > 50"}, {**HIGH, "expr": "load > 50"})
    await world.passes(minutes=3)
    assert await world.series("busy") == {}
    assert await world.series("ALERTS") == await world.series("ALERTS_FOR_STATE") == {}


async def test_a_reload_leaves_no_gap_in_what_is_kept(world: Ruled) -> None:
    await world.follows(BUSY, HIGH)
    await world.takes("load", 9, host="a")
    await world.passes(seconds=15)
    await world.changes(BUSY, HIGH, KEPT)
    await world.passes(seconds=30)
    now = milliseconds(world.clock())
    for name in ("busy", "ALERTS", "ALERTS_FOR_STATE"):
        found = await world.store.read([Matcher("__name__", Op.EQUAL, name)], 0, now)
        assert len(found.values)
        assert not is_stale(found.values).any()


async def test_who_rests_ends_nothing(world: Ruled) -> None:
    await world.follows(BUSY, HIGH)
    await world.takes("load", 9, host="a")
    await world.passes(seconds=15)
    await world.evaluator.rest()
    await world.changes(KEPT)
    assert await world.series("busy") == A
    assert len(await world.series("ALERTS")) == 1
