"""Who is told next: rounds, and that grave incidents never fall silent."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oncall.escalation import EVERY_ADMIN, Policy, Position, Step, advance, start, take
from tests.support.clock import NOON

MINUTE = timedelta(minutes=1)
LI = Step(notify=("person:li",), wait=5 * MINUTE)
HAN = Step(notify=("person:han",), wait=10 * MINUTE)
TWICE = Policy(name="default", steps=(LI, HAN), repeat=2)


def walk(policy: Policy, priority: int, steps: int) -> tuple[list[str], Position, bool]:
    told, position, exhausted = [], start(NOON), False
    for _ in range(steps):
        if position.due_at is None:
            break
        position, notify, exhausted = advance(
            policy, position, priority=priority, now=position.due_at
        )
        told += [target.removeprefix("person:") for target in notify]
    return told, position, exhausted


def test_the_first_step_is_due_at_once_and_the_next_when_its_wait_is_over() -> None:
    position, notify, exhausted = advance(TWICE, start(NOON), priority=1, now=NOON)

    assert (notify, exhausted) == (("person:li",), False)
    assert position == Position(1, 0, NOON + 5 * MINUTE)


def test_before_it_is_due_nothing_happens() -> None:
    position = Position(1, 0, NOON + MINUTE)

    assert advance(TWICE, position, priority=1, now=NOON) == (position, (), False)


def test_a_stopped_escalation_stays_stopped() -> None:
    position = Position(1, 0, None)

    assert advance(TWICE, position, priority=1, now=NOON) == (position, (), False)


@pytest.mark.parametrize("priority", [1, 2])
def test_p1_and_p2_repeat_the_last_step_for_ever(priority: int) -> None:
    told, position, exhausted = walk(TWICE, priority, 8)

    assert told == ["li", "han", "li", "han", "han", "han", "han", "han"]
    assert position.due_at is not None
    assert not exhausted


@pytest.mark.parametrize("priority", [3, 4])
def test_p3_and_p4_are_exhausted_after_their_rounds(priority: int) -> None:
    told, position, exhausted = walk(TWICE, priority, 20)

    assert told == ["li", "han", "li", "han"]
    assert exhausted
    assert position.due_at is None


def test_an_exhausted_escalation_goes_on_when_the_priority_rises() -> None:
    _, position, _ = walk(TWICE, 3, 20)

    again, notify, _ = advance(TWICE, replace(position, due_at=NOON), priority=1, now=NOON)

    assert notify == ("person:han",)
    assert again.due_at == NOON + 10 * MINUTE


def test_a_policy_survives_being_copied_as_json() -> None:
    assert Policy.model_validate(TWICE.model_dump(mode="json")) == TWICE
    assert Policy.model_validate_json(EVERY_ADMIN.model_dump_json()) == EVERY_ADMIN


def test_a_policy_without_steps_or_without_a_wait_is_refused() -> None:
    with pytest.raises(ValidationError):
        Policy(name="default", steps=())
    with pytest.raises(ValidationError, match="at least 1s"):
        Step(notify=("person:li",), wait=timedelta())


def test_a_step_that_reaches_nobody_is_skipped_at_once() -> None:
    taken = take(
        TWICE, start(NOON), priority=1, now=NOON, reaches=lambda targets: "person:han" in targets
    )

    assert taken.notify == ("person:han",)
    assert (taken.label, taken.skipped) == ("0.1", ("0.0",))
    assert taken.position == Position(0, 1, NOON + 10 * MINUTE)


def test_when_nobody_can_be_reached_it_is_tried_again_later() -> None:
    taken = take(TWICE, start(NOON), priority=1, now=NOON, reaches=lambda targets: False)

    assert taken.notify == ()
    assert taken.position.due_at == NOON + 10 * MINUTE
    assert not taken.exhausted


def test_labels_of_steps_taken_never_repeat() -> None:
    labels, position = [], start(NOON)
    for _ in range(12):
        assert position.due_at is not None
        taken = take(TWICE, position, priority=1, now=position.due_at, reaches=lambda targets: True)
        labels.append(taken.label)
        position = taken.position
    assert len(set(labels)) == 12


policies = st.builds(
    Policy,
    name=st.just("default"),
    steps=st.lists(st.sampled_from([LI, HAN]), min_size=1, max_size=4).map(tuple),
    repeat=st.integers(0, 3),
)
positions = st.builds(
    Position,
    step=st.integers(0, 5),
    round=st.integers(0, 6),
    due_at=st.none() | st.just(NOON) | st.just(NOON - MINUTE) | st.just(NOON + MINUTE),
)


@given(policies, positions, st.sampled_from([1, 2]))
def test_a_grave_incident_never_falls_silent(policy: Policy, at: Position, priority: int) -> None:
    after, notify, exhausted = advance(policy, at, priority=priority, now=NOON)

    assert not exhausted
    assert (after.due_at is None) == (at.due_at is None)
    if at.due_at is not None and at.due_at <= NOON:
        assert notify


@given(policies, positions, st.integers(1, 4))
def test_what_was_taken_is_next_due_later_than_now(
    policy: Policy, at: Position, priority: int
) -> None:
    after, _, exhausted = advance(policy, at, priority=priority, now=NOON)

    if after.due_at is None:
        assert exhausted or at.due_at is None
    else:
        assert after.due_at > NOON


@given(policies, st.integers(1, 4), st.integers(1, 20))
def test_a_position_never_goes_back_within_a_round(
    policy: Policy, priority: int, steps: int
) -> None:
    position = start(NOON)
    for _ in range(steps):
        if position.due_at is None:
            return
        after, _, _ = advance(policy, position, priority=priority, now=position.due_at)
        if after.due_at is not None:
            assert (after.round, after.step) > (position.round, position.step)
        position = after
