"""The ladder: what fires, what is raised, what falls and what recovers, and when."""

import math
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import (
    START,
    Absent,
    Kind,
    Ladder,
    Level,
    Phase,
    Priority,
    Reading,
    State,
    Test,
    after,
    due_at,
    ended,
    kind_of,
)
from tests.support.clock import NOON

P1, P2, P3 = Priority.P1, Priority.P2, Priority.P3


def m(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


DISK = Ladder(
    {
        P1: Level(Test.ABOVE, 95, m(5)),
        P2: Level(Test.ABOVE, 90, m(10)),
        P3: Level(Test.ABOVE, 80, m(30)),
    },
    recover=Level(Test.BELOW, 75, m(5)),
    absent=Absent(m(10), P2),
)
AT_ONCE = Ladder({P2: Level(Test.ABOVE, 90)})
PRESENT = Ladder({P2: Level(Test.PRESENT, hold=m(5))})

Story = list[tuple[float, float | None]]


def told(ladder: Ladder, story: Story, state: State = START) -> list[tuple[float, Kind, str]]:
    heard = []
    for minute, value in story:
        before, state = state, after(state, Reading(value), ladder=ladder, at=NOON + m(minute))
        if kind := kind_of(before, state):
            heard.append((minute, kind, state.priority or "-"))
    return heard


def lived(ladder: Ladder, story: Story) -> State:
    state = START
    for minute, value in story:
        state = after(state, Reading(value), ladder=ladder, at=NOON + m(minute))
    return state


STORIES: list[tuple[str, Ladder, Story, list[tuple[float, Kind, str]]]] = [
    (
        "it fires at the gravest level whose wait is over",
        DISK,
        [(0, 97), (4.9, 97), (5, 97), (40, 97)],
        [(5, Kind.FIRED, "P1")],
    ),
    (
        "it is raised when a graver level's wait is over",
        DISK,
        [(0, 92), (10, 92), (11, 96), (16, 96)],
        [(10, Kind.FIRED, "P2"), (16, Kind.RAISED, "P1")],
    ),
    (
        "it falls when the graver level no longer holds and a lower one is due",
        DISK,
        [(0, 97), (5, 97), (7, 92), (10, 92), (31, 82)],
        [(5, Kind.FIRED, "P1"), (10, Kind.FELL, "P2"), (31, Kind.FELL, "P3")],
    ),
    (
        "between the lowest level and recovery it stays where it is",
        DISK,
        [(0, 97), (5, 97), (6, 78), (500, 78)],
        [(5, Kind.FIRED, "P1")],
    ),
    (
        "recovery has a wait of its own, which starts again when it is broken",
        DISK,
        [(0, 97), (5, 97), (6, 70), (8, 76), (9, 70), (13, 70), (14, 70)],
        [(5, Kind.FIRED, "P1"), (14, Kind.RESOLVED, "-")],
    ),
    (
        "a wait that is broken starts again",
        DISK,
        [(0, 97), (4, 50), (5, 97), (9, 97), (10, 97)],
        [(10, Kind.FIRED, "P1")],
    ),
    (
        "without a recovery test it ends at once",
        AT_ONCE,
        [(0, 91), (1, 90), (2, 91)],
        [(0, Kind.FIRED, "P2"), (1, Kind.RESOLVED, "-"), (2, Kind.FIRED, "P2")],
    ),
    (
        "silence makes it unknown, not resolved",
        AT_ONCE,
        [(0, 91), (1, None), (600, None), (601, 91), (602, 1)],
        [
            (0, Kind.FIRED, "P2"),
            (1, Kind.UNKNOWN, "P2"),
            (601, Kind.KNOWN, "P2"),
            (602, Kind.RESOLVED, "-"),
        ],
    ),
    (
        "a value that is no number says nothing",
        AT_ONCE,
        [(0, 91), (1, math.nan)],
        [(0, Kind.FIRED, "P2"), (1, Kind.UNKNOWN, "P2")],
    ),
    (
        "what was not seen does not count towards a wait",
        DISK,
        [(0, 97), (3, None), (9, 97), (10.9, 97), (11, 97)],
        [(11, Kind.FIRED, "P1")],
    ),
    (
        "silence alone fires after its wait, and ends when data comes back",
        DISK,
        [(0, None), (9.9, None), (10, None), (11, 78)],
        [(10, Kind.FIRED, "P2"), (11, Kind.RESOLVED, "-")],
    ),
    (
        "silence raises what it outranks, and data takes it back",
        DISK,
        [(0, 85), (30, 85), (31, None), (41, None), (42, 85)],
        [
            (30, Kind.FIRED, "P3"),
            (31, Kind.UNKNOWN, "P3"),
            (41, Kind.RAISED, "P2"),
            (42, Kind.FELL, "P3"),
        ],
    ),
    (
        "silence does not lower what is graver",
        DISK,
        [(0, 97), (5, 97), (6, None), (99, None)],
        [(5, Kind.FIRED, "P1"), (6, Kind.UNKNOWN, "P1")],
    ),
    (
        "of a condition that is met or not, no value means not met",
        PRESENT,
        [(0, 1), (5, 0), (6, None), (7, None)],
        [(5, Kind.FIRED, "P2"), (6, Kind.RESOLVED, "-")],
    ),
    (
        "history does not page",
        AT_ONCE,
        [(5, 91), (4, 1), (6, 91)],
        [(5, Kind.FIRED, "P2")],
    ),
]


@pytest.mark.parametrize(("_why", "ladder", "story", "heard"), STORIES, ids=[s[0] for s in STORIES])
def test_a_story(_why: str, ladder: Ladder, story: Story, heard: list[object]) -> None:
    assert told(ladder, story) == heard


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        (Test.ABOVE, 1.0, False),
        (Test.AT_LEAST, 1.0, True),
        (Test.BELOW, 1.0, False),
        (Test.AT_MOST, 1.0, True),
        (Test.EQUAL, 1.0, True),
        (Test.NOT_EQUAL, 1.0, False),
        (Test.NOT_EQUAL, 2.0, True),
        (Test.PRESENT, 2.0, True),
    ],
)
def test_a_limit_is_inside_only_when_the_test_says_so(
    test: Test, value: float, holds: bool
) -> None:
    assert Level(test, 1.0).holds(value) is holds


def test_an_open_alert_without_data_is_shown_as_unknown() -> None:
    assert lived(AT_ONCE, [(0, 91), (1, None)]).shown == "unknown"
    assert lived(AT_ONCE, [(0, 91)]).shown == "firing"
    assert lived(AT_ONCE, [(0, None)]).shown == "inactive"


def test_a_resolved_alert_that_was_only_pending_since_is_resolved_again() -> None:
    patient = Ladder({P2: Level(Test.ABOVE, 90, m(1))})
    state = lived(patient, [(0, 91), (1, 91), (2, 1), (3, 91), (3.5, 1)])
    assert (state.phase, state.resolved_at) == (Phase.RESOLVED, NOON + m(2))


def test_a_rule_that_goes_ends_what_fires_and_forgets_what_waits() -> None:
    firing, waiting = lived(AT_ONCE, [(0, 91)]), lived(DISK, [(0, 91)])
    assert kind_of(firing, ended(firing, at=NOON + m(1))) is Kind.RESOLVED
    assert ended(waiting, at=NOON + m(1)).phase is Phase.INACTIVE
    assert ended(START, at=NOON) is START


values = st.one_of(st.none(), st.sampled_from([70.0, 75.0, 78.0, 85.0, 92.0, 97.0, math.nan]))
ladders = st.sampled_from(
    [DISK, AT_ONCE, PRESENT, Ladder(DISK.levels), Ladder({}, absent=DISK.absent)]
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    minutes = sorted(draw(st.lists(st.integers(0, 240), max_size=30, unique=True)))
    return [(minute, draw(values)) for minute in minutes]


@given(ladders, stories(), values)
def test_the_same_reading_twice_is_the_same_as_once(
    ladder: Ladder, story: Story, value: float | None
) -> None:
    once = after(lived(ladder, story), Reading(value), ladder=ladder, at=NOON + m(300))
    assert after(once, Reading(value), ladder=ladder, at=NOON + m(300)) is once


@given(ladders, stories())
def test_nothing_fires_before_its_wait_is_over(ladder: Ladder, story: Story) -> None:
    shortest = min([level.hold for level in ladder.levels.values()] or [m(10)])
    shortest = min(shortest, ladder.absent.hold if ladder.absent else shortest)
    first = NOON + m(story[0][0]) if story else NOON
    for minute, kind, _ in told(ladder, story):
        assert kind is not Kind.FIRED or NOON + m(minute) >= first + shortest


@given(ladders, stories())
def test_only_what_fires_has_a_priority(ladder: Ladder, story: Story) -> None:
    state = lived(ladder, story)
    assert (state.priority is not None) == (state.phase is Phase.FIRING)
    if state.phase is Phase.RESOLVED:
        assert not state.since
        assert state.resolved_at
    if state.phase is Phase.INACTIVE:
        assert (state.fired_at, state.absent_since) == (None, None)


@given(ladders, stories())
def test_each_fired_is_followed_by_one_resolved(ladder: Ladder, story: Story) -> None:
    ends = [k for _, k, _ in told(ladder, story) if k in (Kind.FIRED, Kind.RESOLVED)]
    assert ends[:1] in ([], [Kind.FIRED])
    assert all(one is not other for one, other in pairwise(ends))


@given(ladders, stories())
def test_time_alone_moves_a_state_when_it_is_due_and_not_before(
    ladder: Ladder, story: Story
) -> None:
    story = story or [(0, 85)]
    state, last = lived(ladder, story), story[-1][1]
    due = due_at(state, ladder)
    if due is None:
        due = NOON + m(10_000)
        assert after(state, Reading(last), ladder=ladder, at=due) is state
        return
    just_before = max(due - timedelta(milliseconds=1), NOON + m(story[-1][0]))
    if just_before < due:
        assert after(state, Reading(last), ladder=ladder, at=just_before) is state
    assert after(state, Reading(last), ladder=ladder, at=due) is not state


@given(stories(), st.sampled_from([DISK.levels]))
def test_the_order_in_which_levels_are_written_means_nothing(
    story: Story, levels: dict[Priority, Level]
) -> None:
    turned = Ladder(dict(reversed(levels.items())), DISK.recover, DISK.absent)
    assert told(turned, story) == told(DISK, story)


@given(stories(), st.datetimes(NOON.replace(tzinfo=None), NOON.replace(tzinfo=None) + m(240)))
def test_a_reading_older_than_the_last_change_is_ignored(story: Story, when: datetime) -> None:
    state = lived(DISK, story)
    at = when.replace(tzinfo=NOON.tzinfo)
    if state.at and at < state.at:
        assert after(state, Reading(99), ladder=DISK, at=at) is state
