"""What would have become of one alert: the lifecycle, led through values of the past. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from alerting.lifecycle import (
    AT_ONCE,
    START,
    Kind,
    Ladder,
    Phase,
    Priority,
    Reading,
    State,
    Test,
    after,
    due_at,
)
from alerting.lifecycle import kind_of as kind_between

NOTHING = Reading(None)
ABSENT = -1


@dataclass
class Firing:
    """One time that an alert fired; `until` None: it still does. `moves`: when it had which.

    `pending_since`: from when the level, or the silence, held that made it fire.
    """

    since: datetime
    until: datetime | None = None
    moves: list[tuple[datetime, Priority]] = field(default_factory=list)
    pending_since: datetime | None = None

    @property
    def priority(self) -> Priority:
        """The gravest that it came to."""
        return min(priority for _, priority in self.moves)


@dataclass
class Course:
    """One alert that is told what its series said, in the order of time.

    `near`: the longest that it waited and then did not fire.
    """

    ladder: Ladder
    state: State = START
    firings: list[Firing] = field(default_factory=list)
    near: timedelta = AT_ONCE
    _last: Reading = NOTHING
    _heard: bool = False

    def see(self, at: datetime, value: float | None) -> None:
        """Take in a value, None for silence, and first what waits had come to before it.

        The silence of what was never heard says nothing.
        """
        self._heard = self._heard or value is not None
        if not self._heard:
            return
        self._pass(at)
        self._last = Reading(value)
        self._take(after(self.state, self._last, ladder=self.ladder, at=at))

    def end(self, at: datetime) -> None:
        """Let the time go by until then."""
        self._pass(at)

    def _pass(self, at: datetime) -> None:
        due = due_at(self.state, self.ladder)
        while due is not None and due < at:
            reading = NOTHING if self.state.absent_since else self._last
            moved = after(self.state, reading, ladder=self.ladder, at=due)
            if moved is self.state:
                return
            self._take(moved)
            due = due_at(self.state, self.ladder)

    def _take(self, state: State) -> None:
        before, self.state = self.state, state
        if before.phase is Phase.PENDING and state.phase not in (Phase.PENDING, Phase.FIRING):
            begun = min(before.since.values(), default=before.absent_since)
            if begun is not None and state.at is not None:
                self.near = max(self.near, state.at - begun)
        kind = kind_between(before, state)
        if kind is None or state.at is None:
            return
        if kind is Kind.FIRED:
            begun = min(state.since.values(), default=state.absent_since)
            self.firings.append(Firing(state.fired_at or state.at, pending_since=begun))
        if kind is Kind.RESOLVED:
            self.firings[-1].until = state.resolved_at
        elif kind in (Kind.FIRED, Kind.RAISED, Kind.FELL) and state.priority is not None:
            self.firings[-1].moves.append((state.at, state.priority))


def bands(ladders: Sequence[Ladder], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a number for each value, equal where every test of the ladders answers alike."""
    levels = [level for ladder in ladders for level in ladder.levels.values()]
    levels += [ladder.recover for ladder in ladders if ladder.recover]
    limits = np.array(sorted({one.limit for one in levels if one.test is not Test.PRESENT}))
    found = np.searchsorted(limits, values, "left") + np.searchsorted(limits, values, "right")
    return np.where(np.isnan(values), ABSENT, found)
