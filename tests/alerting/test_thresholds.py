"""Rules as people write them: what is refused, whom they hold for, what a client changes."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from access.directory import ClientFacts, SystemFacts
from alerting.lifecycle import Absent, Ladder, Level, Priority, Test
from alerting.schemas import ThresholdSpec
from alerting.thresholds import (
    CompiledRule,
    applies,
    differences,
    ladder_as_written,
    overridden,
)
from tests.support.alerts import rule

DISK = {
    "name": "disk-space",
    "title": {"zh": "磁盘使用率", "en": "Disk usage"},
    "expr": "100 * (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)",
    "unit": "percent",
    "P1": {"above": 95, "for": "5m"},
    "P2": {"above": 90, "for": "10m"},
    "recover": {"below": 75, "for": "5m"},
    "absent": {"for": "10m", "priority": "P2"},
}
FIVE, TEN = timedelta(minutes=5), timedelta(minutes=10)


def disk(**changes: Any) -> ThresholdSpec:
    return ThresholdSpec.model_validate({**DISK, **changes})


def acme(**override: Any) -> ClientFacts:
    return ClientFacts("acme", "Acme", overrides={"disk-space": override})


def test_a_threshold_becomes_a_ladder() -> None:
    assert CompiledRule(disk()).ladder == Ladder(
        {
            Priority.P1: Level(Test.ABOVE, 95.0, FIVE),
            Priority.P2: Level(Test.ABOVE, 90.0, TEN),
        },
        Level(Test.BELOW, 75.0, FIVE),
        Absent(TEN, Priority.P2),
    )


@pytest.mark.parametrize("test", ["above", "below", "at_least", "equal", "not_equal"])
def test_zero_is_a_limit_like_any_other(test: str) -> None:
    spec = disk(P1=None, P2={test: 0}, recover=None)

    assert CompiledRule(spec).ladder.levels == {Priority.P2: Level(Test(test), 0.0)}


def test_what_was_written_can_be_read_again() -> None:
    assert disk(**ladder_as_written(disk())) == disk()


def test_one_title_serves_in_both_languages() -> None:
    assert disk(title="Disk").title == {"zh": "Disk", "en": "Disk"}
    without = {key: value for key, value in DISK.items() if key != "title"}
    assert ThresholdSpec.model_validate(without).title["en"] == "disk-space"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"P1": {"above": 1, "below": 2}}, "one test"),
        ({"P1": {"for": "5m"}}, "one test"),
        ({"P1": {"above": "nan"}}, "finite"),
        ({"P1": {"above": 1, "for": "five"}}, "not a duration"),
        ({"P5": {"above": 1}}, "P5"),
        ({"name": "Disk Space"}, "name"),
        ({"recover": {"below": 93}}, "at once"),
        ({"P1": None, "P2": None, "absent": None}, "never fire"),
        ({"P1": {"present": True}}, "present"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        disk(**changes)


def test_a_client_changes_a_limit_and_keeps_the_wait() -> None:
    ladder = CompiledRule(disk()).terms(acme(P1={"above": 97})).ladder
    assert ladder is not None
    assert ladder.levels[Priority.P1] == Level(Test.ABOVE, 97.0, FIVE)
    assert ladder.levels[Priority.P2].limit == 90.0


def test_a_client_takes_a_level_away_and_turns_a_test_round() -> None:
    changes = {"P1": None, "P2": {"at_least": 88}, "absent": None}
    ladder = CompiledRule(disk()).terms(acme(**changes)).ladder
    assert ladder is not None
    assert ladder.levels == {Priority.P2: Level(Test.AT_LEAST, 88.0, TEN)}
    assert ladder.absent is None


@pytest.mark.parametrize("changes", [{"P9": {"above": 1}}, {"P1": {"above": 60}}])
def test_an_override_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"P9|at once"):
        CompiledRule(disk()).terms(acme(**changes))


POS = SystemFacts("acme", "pos", "POS", core=True)
CRM = SystemFacts("acme", "crm", "CRM", core=False)


@pytest.mark.parametrize(
    ("filters", "watched"),
    [
        ({}, [POS, CRM, None]),
        ({"clients": ["acme"]}, [POS, CRM, None]),
        ({"clients": ["bolt"]}, []),
        ({"systems": ["pos"]}, [POS]),
        ({"systems": ["acme/crm", "bolt/pos"]}, [CRM]),
        ({"core": True}, [POS]),
        ({"core": False}, [CRM, None]),
    ],
)
def test_a_rule_watches_the_clients_and_systems_it_names(
    filters: dict[str, Any], watched: list[SystemFacts | None]
) -> None:
    found = [system for system in (POS, CRM, None) if applies(rule(**filters), "acme", system)]
    assert found == watched


LIMITS = st.none() | st.builds(
    lambda limit, held: {"above": limit, "for": held},
    st.integers(80, 99),
    st.sampled_from(["0s", "5m"]),
)


@given(first=st.tuples(LIMITS, LIMITS, LIMITS), second=st.tuples(LIMITS, LIMITS, LIMITS))
def test_the_differences_of_two_ladders_make_one_of_the_other(
    first: tuple[Any, ...], second: tuple[Any, ...]
) -> None:
    one, other = (
        disk(P2=levels[0], P3=levels[1], absent={"for": "1m", "priority": "P3"}, P4=levels[2])
        for levels in (first, second)
    )

    changes = differences(one, other)

    assert overridden(one, changes) == other
    assert (changes == {}) is (first == second)
    assert differences(one, one) == {}
