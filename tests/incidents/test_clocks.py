"""The laws of the SLA clocks, without I/O."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import clocks
from incidents.clocks import Clock, ClockState, Goal, Interval, Span
from kit import calendars
from kit.calendars import Calendar, Hours
from tests.support.clock import NOON

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FRIDAY = datetime(2026, 11, 6, 9, 0, tzinfo=UTC)  # 17:00 in Shanghai


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def goal(minutes: float, limit: float, hours: Hours = Hours.ALWAYS) -> Goal:
    return Goal(at(minutes), limit * MINUTE, hours, "P1")


def running(limit: float = 60, hours: Hours = Hours.ALWAYS) -> Clock:
    return clocks.started(goal(0, limit, hours), zone="Asia/Shanghai")


def seen(clock: Clock, minutes: float) -> clocks.ClockView:
    return clocks.view(clock, now=at(minutes))


Deed = tuple[str, int, int]
deeds = st.lists(
    st.tuples(
        st.sampled_from(["pause", "resume", "stop", "restart", "raise", "exclude"]),
        st.integers(1, 90),
        st.integers(1, 240),
    ),
    max_size=8,
)
calendars_of = st.sampled_from(Hours)


def lived(hours: Hours, life: list[Deed]) -> tuple[Clock, float]:
    """Return a clock to which all this happened, and how many minutes that took."""
    clock, minute = running(120, hours), 0
    for deed, wait, length in life:
        minute += wait
        clock = done(clock, deed, minute, length)
    return clock, minute


def done(clock: Clock, deed: str, minute: int, length: int) -> Clock:
    now = at(minute)
    if deed == "pause":
        return clocks.paused(clock, at=now, reason="waiting", who="li")
    if deed == "resume":
        return clocks.resumed(clock, at=now)
    if deed == "stop":
        return clocks.stopped(clock, at=now)
    if deed == "restart":
        return clocks.restarted(clock, at=now, reason="resolved")
    if deed == "raise":
        return clocks.raised(clock, goal(minute, length))
    since = at(max(minute - length, 0))
    return clocks.excluded(clock, since, now, reason="maintenance", who="li")


@given(calendars_of, deeds, st.integers(0, 300))
def test_elapsed_is_the_sum_of_the_running_intervals(
    hours: Hours, life: list[Deed], later: int
) -> None:
    clock, minute = lived(hours, [deed for deed in life if deed[0] != "raise"])
    now = at(minute + later)
    calendar = Calendar(hours, "Asia/Shanghai")

    spans = [i for i in clock.intervals if i.span is Span.RUNNING]
    total = sum(
        (calendars.elapsed(calendar, i.since, min(i.until or now, now)) for i in spans),
        timedelta(),
    )

    assert clocks.elapsed(clock, now=now) == total


@given(calendars_of, deeds, st.integers(0, 300), st.randoms())
def test_the_order_in_which_intervals_are_told_does_not_matter(
    hours: Hours, life: list[Deed], later: int, dice: random.Random
) -> None:
    clock, minute = lived(hours, life)
    shuffled = list(clock.intervals)
    dice.shuffle(shuffled)
    other = Clock(clock.zone, clock.goals, tuple(shuffled))

    now = at(minute + later)

    assert clocks.view(other, now=now) == clocks.view(clock, now=now)


@given(calendars_of, deeds)
def test_intervals_never_overlap_and_at_most_one_is_open(hours: Hours, life: list[Deed]) -> None:
    clock, _ = lived(hours, life)
    spans = sorted(clock.intervals, key=lambda i: (i.since, i.until is None))
    assert all(i.until is not None for i in spans[:-1])
    assert all(a.until <= b.since for a, b in itertools.pairwise(spans) if a.until)


@given(calendars_of, deeds, st.integers(1, 240))
def test_a_raise_never_moves_a_deadline_later_unless_the_clock_had_ended(
    hours: Hours, life: list[Deed], limit: int
) -> None:
    clock, minute = lived(hours, life)
    now = at(minute + 1)
    before = clocks.view(clock, now=now)

    after = clocks.view(clocks.raised(clock, goal(minute + 1, limit)), now=now)

    if clock.ended_at is None:
        assert after.due_at <= before.due_at
    else:
        assert after.due_at == now + limit * MINUTE


@given(calendars_of, deeds, st.integers(0, 300))
def test_a_breach_is_never_forgotten_by_what_happens_later(
    hours: Hours, life: list[Deed], later: int
) -> None:
    clock, minute = lived(hours, [deed for deed in life if deed[0] != "exclude"])
    before = clocks.view(clock, now=at(minute + later))
    stopped = clocks.stopped(clock, at=at(minute + later))
    after = clocks.view(stopped, now=at(minute + later + 60))
    if before.breached_at:
        assert (after.state, after.breached_at) == (ClockState.BREACHED, before.breached_at)


def test_a_clock_is_due_when_its_limit_has_run() -> None:
    clock = running(60)
    assert (seen(clock, 59).state, seen(clock, 60).state) == (
        ClockState.RUNNING,
        ClockState.BREACHED,
    )
    assert seen(clock, 30).due_at == at(60)
    assert seen(clock, 30).share == 0.5


def test_what_is_met_in_time_stays_met_and_keeps_its_sum() -> None:
    view = seen(clocks.stopped(running(60), at=at(20)), 500)
    assert (view.state, view.met_at, view.elapsed) == (ClockState.MET, at(20), 20 * MINUTE)


def test_what_is_met_after_its_breach_stays_breached_with_both_times() -> None:
    view = seen(clocks.stopped(running(60), at=at(90)), 500)
    assert (view.state, view.breached_at, view.met_at) == (ClockState.BREACHED, at(60), at(90))


def test_a_pause_moves_the_deadline_by_its_length() -> None:
    clock = clocks.paused(running(60), at=at(10), reason="waiting for the client", who="li")
    assert (seen(clock, 40).state, seen(clock, 40).elapsed) == (ClockState.PAUSED, 10 * MINUTE)

    again = clocks.resumed(clock, at=at(40))

    assert seen(again, 41).due_at == at(90)
    assert clock.last.reason == "waiting for the client"


def test_a_breach_during_excluded_time_never_happened() -> None:
    clock = running(60)
    assert seen(clock, 70).state is ClockState.BREACHED

    cut = clocks.excluded(clock, at(20), at(50), reason="maintenance", who="han")

    assert (seen(cut, 70).state, seen(cut, 70).due_at) == (ClockState.RUNNING, at(90))
    assert Interval(Span.EXCLUDED, at(20), at(50), "maintenance", "han") in cut.intervals


def test_business_hours_stand_still_at_night_and_over_the_weekend() -> None:
    clock = clocks.started(Goal(FRIDAY, 2 * HOUR, Hours.BUSINESS), zone="Asia/Shanghai")
    view = clocks.view(clock, now=FRIDAY + timedelta(days=1))
    assert view.elapsed == HOUR
    assert view.due_at == datetime(2026, 11, 9, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai


def test_a_raise_out_of_business_hours_counts_every_hour_from_then_on() -> None:
    clock = clocks.started(Goal(FRIDAY, 8 * HOUR, Hours.BUSINESS), zone="Asia/Shanghai")
    night = FRIDAY + 6 * HOUR

    graver = clocks.raised(clock, Goal(night, 2 * HOUR, Hours.ALWAYS, "P1"))

    view = clocks.view(graver, now=night + HOUR)
    assert view.due_at == night + 2 * HOUR
    assert view.elapsed == 2 * HOUR  # one until six o'clock, one since the raise
    assert view.share == 0.5


def test_a_raise_that_would_be_later_changes_nothing() -> None:
    clock = running(30)
    assert clocks.raised(clock, goal(20, 15)) is clock


def test_a_reopened_clock_runs_on_and_the_time_between_is_excluded() -> None:
    ended = clocks.stopped(running(60), at=at(20))
    clock = clocks.restarted(ended, at=at(50), reason="resolved", who="li")
    view = seen(clock, 60)
    assert (view.state, view.elapsed, view.due_at) == (ClockState.RUNNING, 30 * MINUTE, at(90))
    assert [i.span for i in clock.intervals] == [Span.RUNNING, Span.EXCLUDED, Span.RUNNING]


@pytest.mark.parametrize(
    ("minutes", "passed", "ahead"),
    [(29, 0, 30), (30, 50, 48), (48, 80, 60), (60, 100, None), (500, 100, None)],
)
def test_marks_are_reached_at_half_at_four_fifths_and_at_the_end(
    minutes: int, passed: int, ahead: int | None
) -> None:
    clock, now = running(60), at(minutes)
    assert clocks.marks_passed(clock, now=now) == passed
    expected = None if ahead is None else at(ahead)
    assert clocks.next_mark_at(clock, told=passed, now=now) == expected


def test_a_clock_that_stands_has_no_next_mark() -> None:
    paused = clocks.paused(running(60), at=at(10), reason="r", who="li")
    assert clocks.next_mark_at(paused, told=0, now=at(20)) is None
    assert clocks.next_mark_at(clocks.stopped(paused, at=at(30)), told=0, now=at(40)) is None
