"""A value that stays in its interval changes nothing: the law the fast path stands on."""

import math
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import START, Ladder, Level, Priority, Reading, Test, after, due_at
from alerting.limits import ANYWHERE, NOWHERE, around, calm, inside, uneventful
from tests.support.clock import NOON

numbers = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 3.0, -0.0, math.inf, -math.inf]),
    st.floats(-4, 4),
)
levels = st.builds(
    Level,
    st.sampled_from([test for test in Test if test is not Test.PRESENT]),
    st.sampled_from([0.0, 1.0, 2.0, 3.0]),
    st.sampled_from([timedelta(0), timedelta(minutes=2)]),
)
ladders = st.builds(
    Ladder,
    st.dictionaries(st.sampled_from(Priority), levels, min_size=1),
    st.none() | levels,
)


@given(ladders, numbers)
def test_in_the_calm_no_level_holds(ladder: Ladder, value: float) -> None:
    if inside(calm(ladder), value):
        assert not any(level.holds(value) for level in ladder.levels.values())


@given(ladders, numbers, numbers)
def test_around_a_value_every_test_answers_alike(
    ladder: Ladder, value: float, other: float
) -> None:
    assert inside(around(ladder, value), value)
    if inside(around(ladder, value), other):
        for level in ladder.levels.values():
            assert level.holds(value) == level.holds(other)


@given(ladders, st.lists(numbers | st.none() | st.just(math.nan), max_size=8), numbers)
def test_a_value_in_its_interval_leaves_the_state_as_it_is_until_it_is_due(
    ladder: Ladder, story: list[float | None], value: float
) -> None:
    state, at = START, NOON
    for seen in story:
        at += timedelta(minutes=1)
        state = after(state, Reading(seen), ladder=ladder, at=at)
    allowed = uneventful(ladder, state, story[-1] if story else None)
    due = due_at(state, ladder)
    at += timedelta(seconds=1)
    if inside(allowed, value) and (due is None or at < due):
        assert after(state, Reading(value), ladder=ladder, at=at) is state


def test_nan_is_in_no_interval() -> None:
    assert not inside(ANYWHERE, math.nan)
    assert not inside(NOWHERE, 1.0)
