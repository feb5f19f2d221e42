"""Who is told next when nobody answers. Pure: no clock, no database.

P1 and P2 never fall silent: when their rounds are through, the last step goes on for ever.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kit.durations import Duration
from kit.errors import Said

LOUD = 2
"""Priorities up to this number (P1, P2) go on until somebody acknowledges."""

SHORTEST_WAIT = timedelta(seconds=1)

Targets = tuple[str, ...]


class Step(BaseModel):
    """Tell these targets, then wait for somebody to acknowledge."""

    model_config = ConfigDict(frozen=True)

    notify: Targets = Field(min_length=1)
    wait: Duration = timedelta(minutes=5)

    @field_validator("wait")
    @classmethod
    def _long_enough(cls, value: timedelta) -> timedelta:
        if value < SHORTEST_WAIT:
            raise ValueError(Said("a step waits for at least 1s"))
        return value


class Policy(BaseModel):
    """Steps in order, and how many rounds of them; an incident keeps its own copy as JSON."""

    model_config = ConfigDict(frozen=True)

    name: str
    steps: tuple[Step, ...] = Field(min_length=1)
    repeat: int = Field(default=1, ge=0, le=100)

    @property
    def rounds(self) -> int:
        """How often the whole list of steps is gone through."""
        return max(self.repeat, 1)


EVERY_ADMIN = Policy(name="default", steps=(Step(notify=("role:admin",)),), repeat=2)
"""Stands in when nobody has written a policy."""


@dataclass(frozen=True)
class Position:
    """Where an escalation stands: `step` is the next one to take; `due_at` None: it stopped."""

    step: int
    round: int
    due_at: datetime | None


def start(now: datetime) -> Position:
    """Return the position before the first step, which is due at once."""
    return Position(0, 0, now)


def _resting(policy: Policy, at: Position) -> bool:
    return at.round >= policy.rounds or at.step >= len(policy.steps)


def advance(
    policy: Policy, position: Position, *, priority: int, now: datetime
) -> tuple[Position, Targets, bool]:
    """Take the next step if it is due; return the new position, whom to tell, and exhaustion.

    Exhausted (P3 and P4 only): every round is through, and nobody took the incident.
    """
    if position.due_at is None or now < position.due_at:
        return position, (), False
    last = len(policy.steps) - 1
    if _resting(policy, position):
        if priority > LOUD:
            return replace(position, due_at=None), (), True
        step, round_ = last, max(position.round, policy.rounds)
    else:
        step, round_ = position.step, position.round
    taken = policy.steps[step]
    return _next(policy, step, round_, now + taken.wait), taken.notify, False


def _next(policy: Policy, step: int, round_: int, due_at: datetime) -> Position:
    if round_ < policy.rounds and step + 1 < len(policy.steps):
        return Position(step + 1, round_, due_at)
    if round_ + 1 < policy.rounds:
        return Position(0, round_ + 1, due_at)
    return Position(len(policy.steps) - 1, round_ + 1, due_at)


@dataclass(frozen=True)
class Taken:
    """What taking a step came to: `label` names the step taken, as in a notification's key."""

    position: Position
    notify: Targets = ()
    label: str = ""
    exhausted: bool = False
    skipped: tuple[str, ...] = ()


def take(
    policy: Policy,
    position: Position,
    *,
    priority: int,
    now: datetime,
    reaches: Callable[[Sequence[str]], bool],
) -> Taken:
    """Take the next due step that reaches somebody; one that reaches nobody is skipped at once.

    When no step reaches anybody, `notify` is empty and the next try waits as the last step says.
    """
    skipped: list[str] = []
    for _ in policy.steps:
        label = f"{position.round}.{position.step}"
        after, notify, exhausted = advance(policy, position, priority=priority, now=now)
        if exhausted or not notify:
            return Taken(after, exhausted=exhausted, skipped=tuple(skipped))
        if reaches(notify):
            return Taken(after, notify, label, skipped=tuple(skipped))
        skipped.append(label)
        position = replace(after, due_at=now)
    return Taken(replace(position, due_at=now + policy.steps[-1].wait), skipped=tuple(skipped))
