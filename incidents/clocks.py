"""The SLA clocks: how long each has run, when it is due, what it has met. Pure: no clock, no rows.

A clock is told by two lists of events: intervals (what it did when) and goals (from when on which
limit holds). Everything else is computed from them, never counted up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from kit import calendars
from kit.calendars import Calendar, Hours

MARKS = (50, 80, 100)
"""The shares of a limit, in percent, that are told; each once for each goal."""


BREACH = MARKS[-1]


class Kind(StrEnum):
    """Which promise a clock measures."""

    RESPONSE = "response"
    RECOVERY = "recovery"


class Span(StrEnum):
    """What a clock does during an interval; only `running` counts."""

    RUNNING = "running"
    PAUSED = "paused"
    EXCLUDED = "excluded"


class ClockState(StrEnum):
    """How a clock stands."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"


@dataclass(frozen=True)
class Interval:
    """What the clock did from `since` to `until` (None: still does), why, and who said so."""

    span: Span
    since: datetime
    until: datetime | None = None
    reason: str | None = None
    who: str | None = None


@dataclass(frozen=True)
class Goal:
    """From `at` on, `limit` of these hours may go by."""

    at: datetime
    limit: timedelta
    hours: Hours = Hours.ALWAYS
    priority: str = ""


@dataclass(frozen=True)
class Clock:
    """All that ever happened to one clock; goals stand in the order of their moments."""

    zone: str
    goals: tuple[Goal, ...]
    intervals: tuple[Interval, ...]

    @property
    def goal(self) -> Goal:
        """The goal that holds now."""
        return self.goals[-1]

    @cached_property
    def last(self) -> Interval:
        """The interval the clock is in, or was in last."""
        return max(self.intervals, key=lambda i: (i.since, i.until is None))

    @cached_property
    def in_order(self) -> Sequence[Interval]:
        """The intervals by the moments at which they began."""
        return sorted(self.intervals, key=lambda i: i.since)

    @property
    def ended_at(self) -> datetime | None:
        """When the clock stopped for good, None while it is going or paused."""
        return self.last.until


@dataclass(frozen=True)
class ClockView:
    """A clock as people see it at one moment; `share` is of the goal's limit, 1.0 is the whole."""

    state: ClockState
    due_at: datetime
    elapsed: timedelta
    limit: timedelta
    share: float
    met_at: datetime | None
    breached_at: datetime | None


def started(goal: Goal, *, zone: str) -> Clock:
    """Return a clock that begins to run at its goal's moment."""
    return Clock(zone, (goal,), (Interval(Span.RUNNING, goal.at),))


def _calendar(clock: Clock, goal: Goal) -> Calendar:
    return Calendar(goal.hours, clock.zone)


def _running(clock: Clock, since: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    for interval in clock.in_order:
        over = interval.until is not None and interval.until <= since
        if interval.span is Span.RUNNING and not over:
            yield max(interval.since, since), interval.until


def _ran(clock: Clock, goal: Goal, until: datetime) -> timedelta:
    calendar = _calendar(clock, goal)
    spans = _running(clock, goal.at)
    return sum(
        (calendars.elapsed(calendar, a, min(b or until, until)) for a, b in spans), timedelta()
    )


def elapsed(clock: Clock, *, now: datetime) -> timedelta:
    """Return the sum of the running intervals up to `now`, each in the hours of its goal."""
    ends = [*(goal.at for goal in clock.goals[1:]), now]
    parts = zip(clock.goals, ends, strict=True)
    return sum((_ran(clock, goal, min(end, now)) for goal, end in parts), timedelta())


def reaches(clock: Clock, goal: Goal, length: timedelta, *, now: datetime) -> datetime:
    """Return when `length` of the goal's time has run; as if it went on at once where it stands."""
    calendar, left, end = _calendar(clock, goal), length, goal.at
    for since, until in _running(clock, goal.at):
        if until is None:
            return calendars.after(calendar, since, left)
        ran = calendars.elapsed(calendar, since, until)
        if left <= ran:
            return calendars.after(calendar, since, left)
        left, end = left - ran, until
    paused = clock.ended_at is None
    return calendars.after(calendar, max(now, end) if paused else end, left)


def breached_at(clock: Clock, *, now: datetime) -> datetime | None:
    """Return when the first goal was missed, None if none was by `now`."""
    stop = min(clock.ended_at or now, now)
    bounds = [*(goal.at for goal in clock.goals), None]
    for goal, (_, replaced_at) in zip(clock.goals, pairwise(bounds), strict=True):
        due = reaches(clock, goal, goal.limit, now=now)
        if due <= min(stop, replaced_at or stop):
            return due
    return None


def view(clock: Clock, *, now: datetime) -> ClockView:
    """Return how the clock stands at `now`; what was missed stays missed, also when met later."""
    goal, met_at, missed_at = clock.goal, clock.ended_at, breached_at(clock, now=now)
    if missed_at is not None:
        state = ClockState.BREACHED
    elif met_at is not None:
        state = ClockState.MET
    else:
        running = clock.last.span is Span.RUNNING
        state = ClockState.RUNNING if running else ClockState.PAUSED
    return ClockView(
        state=state,
        due_at=reaches(clock, goal, goal.limit, now=now),
        elapsed=elapsed(clock, now=now),
        limit=goal.limit,
        share=_ran(clock, goal, now) / goal.limit,
        met_at=met_at,
        breached_at=missed_at,
    )


def marks_passed(clock: Clock, *, now: datetime) -> int:
    """Return the greatest of MARKS that the goal has reached by `now`, 0 for none."""
    stop = min(clock.ended_at or now, now)
    passed = (mark for mark in MARKS if _mark_at(clock, mark, now=now) <= stop)
    return max(passed, default=0)


def next_mark_at(clock: Clock, *, told: int, now: datetime) -> datetime | None:
    """Return when the next mark after `told` percent is due; None while the clock stands.

    A breach that nobody was told of before the clock came to stand is still due.
    """
    ahead = next((mark for mark in MARKS if mark > told), None)
    if ahead is None:
        return None
    if clock.ended_at is None and clock.last.span is Span.RUNNING:
        return _mark_at(clock, ahead, now=now)
    breach = _mark_at(clock, BREACH, now=now)
    return breach if breach <= (clock.ended_at or clock.last.since) else None


def _mark_at(clock: Clock, mark: int, *, now: datetime) -> datetime:
    return reaches(clock, clock.goal, clock.goal.limit * mark / 100, now=now)


def _follow(clock: Clock, interval: Interval) -> Clock:
    last = clock.last
    others = tuple(i for i in clock.intervals if i is not last)
    closed = (replace(last, until=last.until or interval.since),)
    return replace(clock, intervals=(*others, *closed, interval))


def stopped(clock: Clock, *, at: datetime) -> Clock:
    """Return the clock ended at `at`; one that has ended stays as it is."""
    if clock.ended_at is not None:
        return clock
    others = tuple(i for i in clock.intervals if i is not clock.last)
    return replace(clock, intervals=(*others, replace(clock.last, until=max(at, clock.last.since))))


def restarted(clock: Clock, *, at: datetime, reason: str, who: str | None = None) -> Clock:
    """Return the clock running again at `at`; the time since it ended is excluded."""
    if clock.ended_at is None:
        return clock
    gap = Interval(Span.EXCLUDED, clock.ended_at, at, reason, who)
    return replace(clock, intervals=(*clock.intervals, gap, Interval(Span.RUNNING, at)))


def paused(clock: Clock, *, at: datetime, reason: str, who: str) -> Clock:
    """Return the clock paused at `at`; one that does not run stays as it is."""
    if clock.ended_at is not None or clock.last.span is not Span.RUNNING:
        return clock
    return _follow(clock, Interval(Span.PAUSED, at, None, reason, who))


def resumed(clock: Clock, *, at: datetime) -> Clock:
    """Return the clock running again after a pause; one that is not paused stays as it is."""
    if clock.ended_at is not None or clock.last.span is not Span.PAUSED:
        return clock
    return _follow(clock, Interval(Span.RUNNING, at))


def excluded(clock: Clock, since: datetime, until: datetime, *, reason: str, who: str) -> Clock:
    """Return the clock without the running time in [since, until): it is cut out and explained."""
    kept: list[Interval] = []
    for interval in clock.intervals:
        end = interval.until
        misses = interval.since >= until or (end is not None and end <= since)
        if interval.span is not Span.RUNNING or misses:
            kept.append(interval)
            continue
        last = until if end is None else min(until, end)
        if interval.since < since:
            kept.append(replace(interval, until=since))
        kept.append(Interval(Span.EXCLUDED, max(since, interval.since), last, reason, who))
        if end is None or end > last:
            kept.append(replace(interval, since=last))
    return replace(clock, intervals=tuple(kept))


def raised(clock: Clock, goal: Goal) -> Clock:
    """Return the clock under a graver goal, if that comes earlier; one that was met runs again."""
    if clock.ended_at is not None:
        again = restarted(clock, at=goal.at, reason=f"raised to {goal.priority}")
        return replace(again, goals=(*again.goals, goal))
    graver = replace(clock, goals=(*clock.goals, goal))
    due = reaches(clock, clock.goal, clock.goal.limit, now=goal.at)
    earlier = reaches(graver, goal, goal.limit, now=goal.at) < due
    return graver if earlier else clock
