"""However replicas come and go, each group comes to one of them, and each of them to its part."""

from math import ceil
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.groups.units import Unit
from app.sharing import Step, step

SIZES = st.lists(st.integers(1, 6), max_size=12)
SINGLES = st.integers(0, 30).map(lambda count: [1] * count)
CHANGES = st.lists(st.tuples(st.sampled_from(("comes", "dies")), st.integers(0, 5)), max_size=8)


def named(sizes: list[int]) -> list[Unit]:
    return [tuple(f"{u}.{n}" for n in range(size)) for u, size in enumerate(sizes)]


class Table:
    """The leases, as PostgreSQL keeps them; each replica takes its steps in some order."""

    def __init__(self, units: list[Unit], seed: int) -> None:
        self.units, self.random = units, Random(seed)
        self.names = {name for unit in units for name in unit}
        self.holder: dict[str, int] = {}
        self.alive = {0}

    def of(self, replica: int) -> set[str]:
        return {name for name, holder in self.holder.items() if holder == replica}

    def next(self, replica: int) -> Step:
        free = self.names - self.holder.keys()
        return step(self.units, mine=self.of(replica), free=free, replicas=len(self.alive))

    def turn(self) -> bool:
        """Let each take one step; tell whether anything moved."""
        moved = False
        for replica in self.random.sample(sorted(self.alive), len(self.alive)):
            found = self.next(replica)
            assert not set(found.take) & self.holder.keys()
            assert found.let_go <= self.of(replica)
            self.holder |= dict.fromkeys(found.take, replica)
            for name in found.let_go:
                del self.holder[name]
            moved |= bool(found.take or found.let_go)
        return moved

    def settles(self) -> None:
        for _ in range(200):
            if not self.turn():
                return
        raise AssertionError("they go on handing groups about")

    def change(self, what: str, replica: int) -> None:
        if what == "comes":
            self.alive.add(replica)
        elif len(self.alive) > 1:
            self.alive.discard(replica)
            self.holder = {n: h for n, h in self.holder.items() if h in self.alive}


@settings(deadline=None)
@given(SIZES, CHANGES, st.integers(0, 1000), st.booleans())
def test_every_group_comes_to_one_replica_with_those_that_feed_it(
    sizes: list[int], changes: list[tuple[str, int]], seed: int, at_once: bool
) -> None:
    table = Table(named(sizes), seed)
    for what, replica in changes:
        if not at_once:
            table.turn()
        table.change(what, replica)
    table.settles()

    assert table.holder.keys() == table.names
    for unit in table.units:
        assert len({table.holder[name] for name in unit}) == 1
    part = ceil(len(table.names) / len(table.alive))
    for replica in table.alive:
        assert len(table.of(replica)) < part + max(sizes, default=1)


@settings(deadline=None)
@given(SINGLES, CHANGES, st.integers(0, 1000))
def test_nobody_has_more_than_its_part_of_groups_that_stand_alone(
    sizes: list[int], changes: list[tuple[str, int]], seed: int
) -> None:
    table = Table(named(sizes), seed)
    for change in changes:
        table.change(*change)
        table.turn()
    table.settles()
    part = ceil(len(sizes) / len(table.alive))
    assert max((len(table.of(replica)) for replica in table.alive), default=0) <= part


@settings(deadline=None)
@given(SIZES, SIZES, st.integers(2, 4), st.integers(0, 1000))
def test_groups_that_come_to_feed_each_other_come_together(
    before: list[int], after: list[int], replicas: int, seed: int
) -> None:
    table = Table([(str(n),) for n in range(sum(before))], seed)
    table.alive = set(range(replicas))
    table.settles()

    names = [str(n) for n in range(sum(after))]
    table.units = [tuple(names.pop() for _ in range(size)) for size in after]
    table.names = {name for unit in table.units for name in unit}
    table.holder = {n: h for n, h in table.holder.items() if n in table.names}
    table.settles()
    assert all(len({table.holder[name] for name in unit}) == 1 for unit in table.units)


def test_one_that_is_alone_has_everything() -> None:
    units = named([1, 3, 1])
    names = {name for unit in units for name in unit}
    assert set(step(units, mine=set(), free=names, replicas=1).take) == names
    assert step(units, mine=names, free=set(), replicas=1) == Step([])


def test_of_two_the_one_that_has_all_lets_half_of_it_go() -> None:
    units = named([1] * 5)
    names = {unit[0] for unit in units}
    gone = step(units, mine=names, free=set(), replicas=2).let_go
    assert gone == {"3.0", "4.0"}
    assert set(step(units, mine=set(), free=gone, replicas=2).take) == gone
