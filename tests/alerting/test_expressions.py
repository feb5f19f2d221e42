"""Rules that compute: tenants apart, whole scrapes, and what vanishes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerting.expressions import Expressions
from alerting.lanes import Lanes
from alerting.rules_index import RulesIndex
from alerting.watches import Watches
from kit.db import Database
from metrics.promql.tree import Selector
from tests.support.alerts import add_clients, rule
from tests.support.clock import FakeClock
from tests.support.watching import CLIENTS, Watching

RATIO = "100 * (1 - free / size)"


@pytest.fixture
async def world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Watching]:
    await add_clients(db, *CLIENTS)
    watching = Watching(db, tmp_path, clock)
    yield watching
    await watching.close()


async def scrape(world: Watching, free: float, size: float = 100, *, host: str) -> None:
    await world.takes("free", free, host=host)
    await world.takes("size", size, host=host)
    await world.evaluator.settle()


async def test_a_ratio_fires_and_resolves(world: Watching) -> None:
    await world.open(rule(expr=RATIO))
    await scrape(world, 5, host="a")
    await scrape(world, 50, host="b")
    assert world.told == ["acme disk fired P2"]
    assert world.heard[0].labels == {"client": "acme", "host": "a"}
    assert world.heard[0].value == pytest.approx(95)
    await world.passes(seconds=15)
    await scrape(world, 50, host="a")
    assert world.told[1:] == ["acme disk resolved -"]


async def test_half_a_scrape_makes_no_false_ratio(world: Watching) -> None:
    await world.open(rule(expr=RATIO))
    for _ in range(3):
        await scrape(world, 50, 100, host="a")
        await world.passes(seconds=15)
    await world.pushes("free", 5, host="a")  # the disk was made smaller: its size comes next
    assert world.told == []
    await world.pushes("size", 10, host="a")
    assert world.told == []
    await world.passes(seconds=15)
    await world.pushes("free", 0.5, host="a")
    await world.pushes("size", 10, host="a")
    assert world.told == ["acme disk fired P2"]


async def test_a_host_that_died_holds_up_no_other(world: Watching) -> None:
    await world.open(rule(expr=RATIO))
    for host in ("a", "b"):
        await scrape(world, 50, host=host)
    for _ in range(3):
        await world.passes(seconds=15)
        await scrape(world, 50, host="a")
    await world.passes(seconds=15)
    await scrape(world, 5, host="a")
    assert world.told == ["acme disk fired P2"]


async def test_a_rate_fires_for_each_series_when_its_samples_come(world: Watching) -> None:
    await world.open(rule(expr="rate(errors_total[2m])", P2={"above": 1}))
    for turn in range(6):
        await world.pushes("errors_total", 100 * turn, host="a")
        await world.pushes("errors_total", turn, host="b")
        await world.passes(seconds=15)
    assert world.told == ["acme disk fired P2"]
    assert world.heard[0].labels == {"client": "acme", "host": "a"}
    assert world.heard[0].value == pytest.approx(200 / 120)


async def test_the_worst_of_a_client_are_chosen_among_its_own(world: Watching) -> None:
    await world.open(rule(expr="topk(1, disk_used)"))
    for client in CLIENTS:
        await world.pushes("disk_used", 95, host="a", client=client)
        await world.pushes("disk_used", 99, host="b", client=client)
    worst = {one.labels["client"] for one in world.heard if one.labels["host"] == "b"}
    assert worst == set(CLIENTS)


async def test_clients_stay_apart_in_groups(world: Watching) -> None:
    await world.open(rule(expr="sum(disk_used)"))
    for client in CLIENTS:
        await world.pushes("disk_used", 60, host="a", client=client)
    assert world.told == []
    await world.pushes("disk_used", 60, host="b", client="bolt")
    assert world.told == ["bolt disk fired P2"]


async def test_a_client_whose_clock_runs_ahead_silences_no_other(world: Watching) -> None:
    await world.open(rule(expr="sum(disk_used)"))
    await world.pushes("disk_used", 95, client="acme")
    await world.pushes("disk_used", 95, client="bolt", ago=-540)
    assert sorted(world.told) == ["acme disk fired P2", "bolt disk fired P2"]


async def test_what_vanishes_is_unknown(world: Watching) -> None:
    await world.open(rule(expr="sum by (host) (disk_used)"))
    for host in ("a", "b"):
        await world.pushes("disk_used", 95, host=host)
    for _ in range(25):
        await world.passes(seconds=15)
        await world.pushes("disk_used", 95, host="b")
    assert world.told == ["acme disk fired P2"] * 2 + ["acme disk unknown P2"]
    assert world.heard[2].labels["host"] == "a"


async def test_all_of_a_client_that_vanishes_is_unknown(world: Watching) -> None:
    await world.open(rule(expr="sum(disk_used)"))
    await world.pushes("disk_used", 95)
    await world.passes(minutes=6)
    await world.sweeps()
    assert world.told == ["acme disk fired P2", "acme disk unknown P2"]


async def test_a_condition_that_is_no_longer_met_is_resolved(world: Watching) -> None:
    await world.open(rule(expr="disk_used > 90", P1={"present": True, "for": "1m"}))
    world.clock.advance(minutes=3)
    for value in (95, 96, 97, 98, 99, 20):
        await world.pushes("disk_used", value)
        await world.passes(seconds=15)
    await world.sweeps()
    assert world.told == ["acme disk fired P1", "acme disk resolved -"]


async def test_a_computed_alert_keeps_its_wait_over_a_restart(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    await add_clients(db, *CLIENTS)
    patient = rule(expr=RATIO, P1={"above": 90, "for": "5m"})
    first = Watching(db, tmp_path, clock)
    await first.open(patient)
    await scrape(first, 5, host="a")
    await first.close()
    clock.advance(minutes=3)
    second = Watching(db, tmp_path, clock)
    await second.open(patient)
    await second.passes(minutes=1)
    await scrape(second, 5, host="a")
    assert second.told == []
    await second.passes(minutes=1)
    await scrape(second, 5, host="a")
    assert second.told == ["acme disk fired P1"]
    await second.close()


async def test_costly_rules_wait_but_never_longer_than_their_interval(world: Watching) -> None:
    index = RulesIndex([rule("a", "sum(x)"), rule("b", "sum(y)")], world.directory)
    expressions: Expressions | None = None

    def reads(number: int, selector: Selector, ref: int) -> None:
        assert expressions
        expressions.reads(number, selector, ref)

    watches = Watches(index, world.store.labels, reads)
    lanes = Lanes(world.db, world.carry, world.clock, watches)
    expressions = Expressions(world.store, watches, lanes, ready=world.clock())
    expressions.mark_all(at=100.0)
    assert expressions.due(100.0) == []
    assert len(expressions.due(100.1)) == 2

    for each in expressions.marked():
        each.cost = 1.2
    assert [each.number for each in expressions.due(100.2)] == [0]
    assert len(expressions.due(115.1)) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sum by (host) (disk_used)", "sum by (room) (disk_used)"),
        ("disk_used", "disk_full"),
        ("disk_used", "sum(disk_used)"),
    ],
)
async def test_an_alert_that_a_changed_expression_does_not_give_is_over(
    world: Watching, before: str, after: str
) -> None:
    await world.open(rule(expr=before))
    world.clock.advance(minutes=3)
    await world.pushes("disk_used", 95, host="a", room="b")
    await world.evaluator.reload([rule(expr=after)], world.directory, now=world.clock())
    await world.evaluator.settle()
    for _ in range(2):
        kinds = [one.kind for one in world.heard if one.labels.get("host") == "a"]
        assert kinds == ["fired", "resolved"]
        await world.passes(minutes=10)
        await world.sweeps()


async def test_an_alert_that_a_changed_expression_gives_too_goes_on(world: Watching) -> None:
    await world.open(rule(expr="sum by (host) (disk_used)"))
    world.clock.advance(minutes=3)
    await world.pushes("disk_used", 95, host="a")
    changed = rule(expr="max by (host) (disk_used)")
    await world.evaluator.reload([changed], world.directory, now=world.clock())
    await world.evaluator.settle()
    assert world.told == ["acme disk fired P2"]


async def test_series_of_a_ratio_that_come_at_other_times_are_held_together(
    world: Watching,
) -> None:
    await world.open(rule(expr=RATIO))
    for free in (50, 50, 5):
        await world.pushes("size", 100, host="a")
        await world.passes(seconds=7)
        await world.pushes("free", free, host="a")
        await world.passes(seconds=8)
    assert world.told == []  # the size of that moment has not come yet
    await world.pushes("size", 100, host="a")
    assert world.told == ["acme disk fired P2"]


async def test_a_series_that_stopped_is_not_waited_for_any_longer_than_its_step(
    world: Watching,
) -> None:
    await world.open(rule(expr=RATIO))
    for _ in range(3):
        await scrape(world, 50, host="a")
        await world.passes(seconds=15)
    await world.pushes("free", 5, host="a")
    assert world.told == []
    await world.passes(seconds=15)
    await world.pushes("free", 5, host="a")
    assert world.told == ["acme disk fired P2"]


async def test_what_came_late_counts_in_a_ratio(world: Watching) -> None:
    await world.open(rule(expr=RATIO))
    await scrape(world, 50, host="a")
    await world.passes(seconds=15)
    await world.takes("free", 50, host="a", ago=-5)
    await world.takes("free", 5, host="a")
    await world.takes("size", 100, host="a")
    await world.evaluator.settle()
    assert world.told == ["acme disk fired P2"]


async def test_a_ratio_that_vanishes_is_unknown(world: Watching) -> None:
    await world.open(rule(expr=RATIO))
    await scrape(world, 5, host="a")
    for _ in range(25):
        await world.passes(seconds=15)
        await scrape(world, 50, host="b")
    await world.sweeps()
    assert world.told == ["acme disk fired P2", "acme disk unknown P2"]


async def test_two_series_for_one_place_are_told_apart_by_when_they_were_there(
    world: Watching,
) -> None:
    await world.open(rule(expr="100 - 100 * free / on(client, host) size"))
    await world.takes("free", 50, host="a", pod="1")
    await world.takes("size", 100, host="a")
    await world.evaluator.settle()
    await world.passes(minutes=6)
    await world.takes("free", 5, host="a", pod="2")
    await world.takes("size", 100, host="a")
    await world.evaluator.settle()
    assert world.told == ["acme disk fired P2"]
    await world.passes(seconds=15)
    await world.takes("free", 50, host="a", pod="1")
    await world.takes("free", 5, host="a", pod="2")
    await world.takes("size", 100, host="a")
    await world.evaluator.settle()
    assert "many-to-one matching must be explicit" in world.evaluator.broken["disk"]


async def test_results_with_the_same_labels_are_refused(world: Watching) -> None:
    await world.open(rule(expr='{__name__=~"free|size"} * 1'))
    await scrape(world, 95, host="a")
    await world.evaluator.settle()
    assert "same labelset" in world.evaluator.broken["disk"]


async def test_rules_of_one_shape_keep_to_their_own_numbers_and_series(world: Watching) -> None:
    await world.open(
        rule("disk", RATIO),
        rule("half", "50 * (1 - free / size)"),
        rule("swap", "100 * (1 - s / t)"),
    )
    await world.takes("s", 1, host="a")
    await world.takes("t", 100, host="a")
    await scrape(world, 5, host="a")
    assert sorted(world.told) == ["acme disk fired P2", "acme swap fired P2"]


async def test_a_ratio_of_many_series_is_computed_in_slices(world: Watching) -> None:
    await world.open(rule(expr=RATIO))
    for host in range(120):
        await world.takes("free", 5, host=f"h{host}")
        await world.takes("size", 100, host=f"h{host}")
    await world.evaluator.settle()
    assert world.told == ["acme disk fired P2"] * 120


async def test_a_rule_that_looks_further_back_than_memory_reads_chunks(world: Watching) -> None:
    await world.open(rule(expr="disk_used - disk_used offset 3h"))
    await world.pushes("disk_used", 1, host="a")
    await world.store.flush(world.clock())
    await world.passes(hours=3)
    await world.store.flush(world.clock())
    await world.pushes("disk_used", 96, host="a")
    assert world.told == ["acme disk fired P2"]
