"""One alert led through the past: only changes of band matter, and waits end when they are over."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.course import Course, Firing, bands
from alerting.lifecycle import Absent, Ladder, Level, Priority, Test
from tests.support.clock import NOON

SECOND = timedelta(seconds=1)
P1, P2 = Priority.P1, Priority.P2
LADDER = Ladder(
    {P1: Level(Test.ABOVE, 95, 20 * SECOND), P2: Level(Test.AT_LEAST, 90)},
    recover=Level(Test.BELOW, 75, 10 * SECOND),
    absent=Absent(30 * SECOND, P2),
)
VALUES = st.one_of(
    st.none(), st.sampled_from([0.0, 74.9, 75.0, 80.0, 90.0, 95.0, 95.1, 200.0]), st.floats(0, 120)
)


def seconds(
    firings: list[Firing],
) -> list[tuple[float, float | None, list[tuple[float, Priority]]]]:
    def since(at: datetime) -> float:
        return (at - NOON).total_seconds()

    return [
        (
            since(f.since),
            None if f.until is None else since(f.until),
            [(since(at), p) for at, p in f.moves],
        )
        for f in firings
    ]


def test_how_near_it_came_is_remembered() -> None:
    ladder = Ladder({P1: Level(Test.ABOVE, 95, 20 * SECOND)})
    course = Course(ladder)
    for at, value in ((0, 96.0), (5, 50.0), (10, 96.0), (22, 50.0), (30, 96.0), (60, 50.0)):
        course.see(NOON + at * SECOND, value)
    assert len(course.firings) == 1
    assert course.near == 12 * SECOND


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([(0, 80)], [], id="nothing holds"),
        pytest.param([(0, 90)], [(0, None, [(0, P2)])], id="fires at once and goes on"),
        pytest.param(
            [(0, 96), (60, 96)],
            [(0, None, [(0, P2), (20, P1)])],
            id="is raised when a wait is over",
        ),
        pytest.param(
            [(0, 91), (5, 70), (60, 70)], [(0, 15, [(0, P2)])], id="recovers when that wait is over"
        ),
        pytest.param(
            [(0, 91), (5, 70), (9, 80), (30, 70)],
            [(0, 40, [(0, P2)])],
            id="a value between the limits stops the recovery",
        ),
        pytest.param(
            [(0, 50), (10, None)], [(40, None, [(40, P2)])], id="silence fires in its time"
        ),
        pytest.param([(10, None)], [], id="what was never heard is not missed"),
        pytest.param(
            [(0, 91), (1, 0), (12, 91)],
            [(0, 11, [(0, P2)]), (12, None, [(12, P2)])],
            id="fires twice",
        ),
    ],
)
def test_an_alert_takes_its_course(
    seen: list[tuple[int, float | None]],
    expected: list[tuple[float, float | None, list[tuple[float, Priority]]]],
) -> None:
    course = Course(LADDER)
    for at, value in seen:
        course.see(NOON + at * SECOND, value)
    course.end(NOON + 100 * SECOND)
    assert seconds(course.firings) == expected


@given(st.lists(VALUES, max_size=40), st.integers(1, 9))
def test_samples_inside_a_band_change_nothing(values: list[float | None], step: int) -> None:
    every, changes = Course(LADDER), Course(LADDER)
    numbers = np.array([np.nan if value is None else value for value in values])
    news = np.diff(bands([LADDER], numbers), prepend=-2) != 0
    for place, value in enumerate(values):
        at = NOON + place * step * SECOND
        every.see(at, value)
        if news[place]:
            changes.see(at, value)
    for course in (every, changes):
        course.end(NOON + 1000 * SECOND)
    assert seconds(changes.firings) == seconds(every.firings)


@given(st.lists(st.floats(-1e9, 1e9), max_size=30))
def test_values_of_one_band_pass_the_same_tests(values: list[float]) -> None:
    found = bands([LADDER], np.array(values, np.float64)).tolist()
    levels = [*LADDER.levels.values(), LADDER.recover]
    passed: dict[int, list[bool]] = {}
    for value, band in zip(values, found, strict=True):
        answers = [level.holds(value) for level in levels if level]
        assert passed.setdefault(band, answers) == answers
