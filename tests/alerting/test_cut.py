"""How a storm is parted into transactions."""

from dataclasses import replace

from alerting.lanes import MOST, cut
from alerting.schemas import Observation
from tests.support.alerts import seen


def storm(systems: dict[str, int]) -> list[tuple[int, Observation]]:
    """Return observations of systems in turn, as samples of a fleet come."""
    turns = range(max(systems.values()))
    names = [name for turn in turns for name, count in systems.items() if turn < count]
    return [
        (number, replace(seen(f"a{number}", 95.0), system=name))
        for number, name in enumerate(names, 1)
    ]


def test_what_is_little_stays_together() -> None:
    batch = storm({"pos": MOST})
    assert cut(batch) == [batch]


def test_a_system_is_in_one_transaction_so_that_nobody_who_takes_it_waits_for_the_rest() -> None:
    batch = storm({f"s{n}": 200 for n in range(10)})
    parts = cut(batch)
    homes = [name for part in parts for name in {one.system for _, one in part}]
    assert len(homes) == len(set(homes)) == 10
    assert max(map(len, parts)) <= MOST
    assert sorted(number for part in parts for number, _ in part) == [n for n, _ in batch]


def test_only_what_is_too_large_for_one_is_parted() -> None:
    parts = cut(storm({"crm": 2 * MOST + 1, "pos": 2}))
    assert [len(part) for part in parts] == [MOST, MOST, 3]


def test_a_drill_does_not_share_the_place_of_its_system() -> None:
    batch = storm({"pos": MOST})
    drill = [(MOST + 1, replace(seen("d", 95.0), labels={"drill": "fire"}))]
    assert [len(part) for part in cut(batch + drill)] == [MOST, 1]
