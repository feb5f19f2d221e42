"""Samples in whole steps: what is computed of them is what is computed of the samples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.batch import Pieces
from metrics.columns import STALE, Columns, columns_of
from metrics.promql.plan import compile
from metrics.promql.whole import hindrance, needs
from metrics.rolled import Part, Rolled
from metrics.rollups.buckets import Found, decoded, encoded, joined, newest, rolled
from metrics.rollups.steps import FIVE_MINUTES, HOUR, STEPS, Step
from tests.support import rolling
from tests.support.rolling import ANY, COUNTED, EXACT, NEAR, PLAIN, alike, answer, points
from tests.support.shelf import Points

SPAN = 4 * HOUR.ms
SERIES = st.lists(points(ANY, most=SPAN), min_size=1, max_size=3)
OF_STEPS = {
    "start": st.integers(0, 6).map(lambda at: at * HOUR.ms),
    "step": st.sampled_from((HOUR.ms, 2 * HOUR.ms)),
}


def columns(series: list[Points]) -> Columns:
    return columns_of(((("x", str(at)),), of) for at, of in enumerate(series))


def cut(data: Columns, border: int, step: Step) -> list[Found]:
    """Roll up what is up to a border, and apart from it what is after."""
    owner = np.repeat(np.arange(len(data.labels)), np.diff(data.starts))
    parts: list[Found] = []
    for chosen in (data.times <= border, data.times > border):
        counts = np.bincount(owner[chosen], minlength=len(data.labels))
        starts = np.concatenate([[0], np.cumsum(counts)])
        part = Columns(data.labels, starts, data.times[chosen], data.values[chosen])
        parts.append(rolled(part, step.ms))
    return parts


def through_bytes(found: Found, series: int) -> Found:
    """Write steps and read them back."""
    bodies = encoded(found, series)
    return {part: decoded(bodies[part], np.arange(series)) for part in Part}


def whole(data: Columns, query: str, step: Step, border: int) -> Columns:
    """Return what the query is given of a store that has rolled up all that is before a border."""
    old, new = cut(data, border, step)
    found = [through_bytes(old, len(data.labels)), new]
    (wanted,) = needs(compile(query)).values()
    if not wanted:
        return newest(found, data.labels)
    return joined(found, data.labels, frozenset(map(Part, wanted)), step.ms)


@settings(max_examples=150, deadline=None)
@given(SERIES, st.sampled_from((*EXACT, *NEAR)), st.sampled_from(STEPS), st.data())
def test_every_function_gives_of_whole_steps_what_it_gives_of_samples(
    series: list[Points], name: str, step: Step, draw: st.DataObject
) -> None:
    start, border = (draw.draw(OF_STEPS["start"]) for _ in range(2))
    asked = {"start": start, "end": start + SPAN, "step": draw.draw(OF_STEPS["step"])}
    query, data = f"{name}(m[{draw.draw(st.sampled_from(('1h', '2h', '3h')))}])", columns(series)

    rolled_up = answer(query, whole(data, query, step, border), **asked)

    near = 0.0 if name in EXACT else 1e-9
    assert alike(rolled_up, answer(query, data, **asked), near=near)


@settings(max_examples=100, deadline=None)
@given(SERIES, st.sampled_from(("m", "timestamp(m)", "count(m)", "absent(m)")), st.data())
def test_an_instant_selector_sees_what_it_saw(
    series: list[Points], query: str, draw: st.DataObject
) -> None:
    start, border = (draw.draw(OF_STEPS["start"]) for _ in range(2))
    asked = {"start": start, "end": start + SPAN, "step": draw.draw(OF_STEPS["step"])}
    data = columns(series)
    for step in STEPS:
        rolled_up = answer(query, whole(data, query, step, border), **asked)
        assert alike(rolled_up, answer(query, data, **asked))


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=60, deadline=None)
@given(of=points(st.floats(-1e6, 1e6, allow_nan=False), most=SPAN))
def test_of_a_plain_list_they_are_what_anybody_would_say(name: str, of: Points) -> None:
    query = f"{name}(m[1h])"
    data = whole(columns([of]), query, FIVE_MINUTES, HOUR.ms)
    (found,) = answer(query, data, start=0, end=SPAN, step=FIVE_MINUTES.ms) or [[]]
    for place, value in enumerate(found):
        end = place * FIVE_MINUTES.ms
        inside = rolling.window(of, end - HOUR.ms, end)
        wanted = PLAIN[name](inside) if inside else None
        assert alike([[value]], [[wanted]], near=1e-9)


@settings(max_examples=150, deadline=None)
@given(of=points(COUNTED, most=SPAN), step=st.sampled_from(STEPS))
def test_a_counter_grew_as_its_samples_say_resets_and_all(of: Points, step: Step) -> None:
    query = "increase(m_total[2h])"
    data = whole(columns([of]), query, step, HOUR.ms)
    (found,) = answer(query, data, start=0, end=SPAN, step=HOUR.ms) or [[]]
    for place, value in enumerate(found):
        end = place * HOUR.ms
        assert alike([[value]], [[rolling.increase(of, end - 2 * HOUR.ms, end)]], near=1e-9)


def test_steps_hold_their_end_and_not_their_beginning() -> None:
    found = rolled(columns([[(0, 1.0), (300_000, 5.0), (300_001, 2.0)]]), 300_000)

    assert found[Part.COUNTS].times.tolist() == [0, 300_000, 600_000]
    assert found[Part.FIRSTS].times.tolist() == [0, 300_000, 300_001]


def test_what_ended_a_step_is_kept_and_counts_for_nothing() -> None:
    found = rolled(columns([[(1, 4.0), (2, STALE), (400_000, STALE)]]), 300_000)

    assert found[Part.COUNTS].values.tolist() == [1.0]
    steps = joined([found], [()], frozenset((Part.LASTS, Part.COUNTS)), 300_000)
    assert isinstance(steps, Rolled)
    assert steps.times.tolist() == [300_000]
    assert steps.known["lasts_at"].tolist() == [1]
    assert sorted(newest([found], [()]).times.tolist()) == [1, 2, 400_000]


def test_a_sum_that_cancels_out_loses_nothing_inside_a_step() -> None:
    found = rolled(columns([[(1, 1.0), (2, 1e100), (3, 1.0), (4, -1e100)]]), 300_000)

    assert found[Part.SUMS].values.tolist() == [2.0]


def test_nothing_is_nothing() -> None:
    found = rolled(columns([[]]), 300_000)

    assert encoded(found, 1) == {part: [None] for part in Part}
    assert all(len(pieces.times) == 0 for pieces in through_bytes(found, 1).values())
    assert isinstance(found[Part.SUMS], Pieces)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("rate(m_total[1h])", None),
        ("sum by (x) (max_over_time(m[2h] offset 1h)) / 2", None),
        ("m", None),
        ("max_over_time(rate(m_total[1h])[6h:1h])", None),
        ("sum_over_time(m[1h] @ 7200)", None),
        ("m @ end()", None),
        ("quantile_over_time(0.9, m[1h])", "quantile_over_time() needs to see every sample"),
        ("stddev_over_time(m[1h])", "stddev_over_time() needs to see every sample"),
        ("m + irate(m_total[1h])", "irate() needs to see every sample"),
        ("rate(m_total[90m])", "a range is not a whole number of these steps"),
        ("m offset 5m", "an offset is not a whole number of these steps"),
        ("max_over_time(m[6h:30m])", "the step of a subquery is not a whole number of these steps"),
        ("rate(m_total[1h] anchored)", "a range that is anchored needs to see every sample"),
        ("m smoothed", "a range that is smoothed needs to see every sample"),
        ("m @ 60", "the moment after @ is not a whole number of these steps"),
    ],
)
def test_a_query_is_answered_from_steps_or_told_why_not(query: str, why: str | None) -> None:
    assert hindrance(compile(query), (0, 24 * HOUR.ms, HOUR.ms), HOUR.ms) == why


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ((0, 10 * HOUR.ms, HOUR.ms // 2), "step is not a whole number of these steps"),
        ((60_000, 10 * HOUR.ms, HOUR.ms), "start is not a whole number of these steps"),
        ((0, 60_000, 60_000), "step is not a whole number of these steps"),
        ((0, 60_000, 90_000), None),
        ((0, 10 * HOUR.ms + 1, HOUR.ms), None),
    ],
)
def test_it_is_asked_at_the_ends_of_steps(asked: tuple[int, int, int], why: str | None) -> None:
    assert hindrance(compile("m"), asked, HOUR.ms) == why


def test_infinities_and_what_is_no_number_are_kept() -> None:
    of = [(1, math.nan), (2, math.inf), (3, 1.0)]
    found = through_bytes(rolled(columns([of]), 300_000), 1)

    assert found[Part.HIGHS].values.tolist() == [math.inf]
    assert found[Part.LOWS].values.tolist() == [1.0]
    assert math.isnan(found[Part.SUMS].values[0])


def test_decimals_add_up_to_decimals() -> None:
    of = [(1, 0.1), (2, 0.2), (3, 0.05), (4, 0.7), (5, 0.1)]
    found = rolled(columns([of]), 300_000)

    assert found[Part.SUMS].values.tolist() == [1.15]
    assert found[Part.LOST].values.tolist() == [0.9]
