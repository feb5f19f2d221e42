"""What crosses the room's borders: observations in, transitions out, rules as people write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerting.lifecycle import AT_ONCE, Kind, Ladder, Level, Priority, State, Test
from kit.durations import Duration
from kit.errors import Said

Key = tuple[str, str]
"""What tells a client's alerts apart: the rule and the fingerprint of the labels."""

NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"


@dataclass(frozen=True)
class Terms:
    """What a rule says for one client; without a ladder the rule is gone and its alerts end.

    `group` is the lease of the group of a file that the rule is of, "" for a threshold.
    """

    rule: str
    title: Mapping[str, str]
    ladder: Ladder | None
    unit: str = ""
    escalation: str | None = None
    expr: str = ""
    group: str = ""


@dataclass(frozen=True)
class Observation:
    """What one rule saw of one label set at `at`; `value` None: its data stopped.

    `weighed` are the state it was held against before it was sent on its way, and what came of it:
    where the row has that very state, it need not be weighed again. Without `annotations` the row
    keeps those that it has.
    """

    terms: Terms
    labels: Mapping[str, str]
    fingerprint: str
    system: str
    value: float | None
    at: datetime
    arrived: datetime | None = None
    weighed: tuple[State, State] | None = field(default=None, compare=False)
    annotations: Mapping[str, str] | None = None

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return self.terms.rule

    @property
    def key(self) -> Key:
        """The rule and the fingerprint."""
        return self.terms.rule, self.fingerprint

    @property
    def drill(self) -> str:
        """The drill that this belongs to, "" when it is in earnest."""
        return self.labels.get("drill", "")


@dataclass(frozen=True)
class Transition:
    """A change of an alert that matters to people; `arrived`: when its sample reached us."""

    alert_id: UUID
    client: str
    system: str
    rule: str
    title: Mapping[str, str]
    labels: Mapping[str, str]
    kind: Kind
    priority_before: Priority | None
    priority: Priority | None
    value: float | None
    at: datetime
    drill: str = ""
    escalation: str | None = None
    unit: str = ""
    arrived: datetime | None = None


@dataclass(frozen=True)
class Observed:
    """What became of a batch: what people need to hear, and the state each alert has now."""

    transitions: Sequence[Transition] = ()
    states: Mapping[Key, State] = field(default_factory=dict)


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def unsaid(value: object) -> bool:
    """Tell whether a part is left out where a level is written."""
    return value is None


class _Tested(_Spec):
    above: float | None = Field(None, allow_inf_nan=False, exclude_if=unsaid)
    below: float | None = Field(None, allow_inf_nan=False, exclude_if=unsaid)
    at_least: float | None = Field(None, allow_inf_nan=False, exclude_if=unsaid)
    at_most: float | None = Field(None, allow_inf_nan=False, exclude_if=unsaid)
    equal: float | None = Field(None, allow_inf_nan=False, exclude_if=unsaid)
    not_equal: float | None = Field(None, allow_inf_nan=False, exclude_if=unsaid)
    present: bool | None = Field(None, exclude_if=unsaid)


class LevelSpec(_Tested):
    """One test, and for how long it has to hold: {above: 95, for: 5m}."""

    hold: Duration = Field(AT_ONCE, alias="for")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if len(self._tests()) != 1:
            raise ValueError(Said("one test is needed, of: {tests}", tests=", ".join(Test)))
        if self.hold < AT_ONCE:
            raise ValueError("a wait is not negative")
        return self

    def _tests(self) -> list[tuple[Test, float]]:
        given = ((test, getattr(self, test.value)) for test in Test)
        # not `in (None, False)`: zero is equal to False, and a limit like any other
        return [(test, float(n)) for test, n in given if n is not None and n is not False]

    @property
    def level(self) -> Level:
        """The level as the lifecycle knows it."""
        ((test, limit),) = self._tests()
        return Level(test, limit, self.hold)


class AbsentSpec(_Spec):
    """What silence means: {for: 10m, priority: P2}."""

    hold: Duration = Field(AT_ONCE, alias="for")
    priority: Priority = Priority.P2


class Change(_Tested):
    """What a client's override changes in a level, or in what silence means; the rest stays."""

    hold: Duration | None = Field(None, alias="for", exclude_if=unsaid)
    priority: Priority | None = Field(None, exclude_if=unsaid)


Part = Literal["P1", "P2", "P3", "P4", "recover", "absent"]
Overrides = dict[Annotated[str, Field(pattern=NAME)], dict[Part, Change | None]]
"""By rule what is changed of its parts for one client; null takes a part away."""


def _in_both(value: object) -> object:
    return {"zh": value, "en": value} if isinstance(value, str) else value


Title = Annotated[dict[str, str], BeforeValidator(_in_both), Field(min_length=1)]


class ThresholdSpec(_Spec):
    """One rule that climbs one ladder, as in the YAML."""

    name: str = Field(pattern=NAME)
    title: Title
    expr: str = Field(min_length=1, max_length=50_000)
    unit: str = ""
    P1: LevelSpec | None = None
    P2: LevelSpec | None = None
    P3: LevelSpec | None = None
    P4: LevelSpec | None = None
    recover: LevelSpec | None = None
    absent: AbsentSpec | None = None
    clients: list[str] | None = None
    systems: list[str] | None = None
    core: bool | None = None
    escalation: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _titled(cls, given: Any) -> Any:
        if isinstance(given, dict) and "title" not in given and "name" in given:
            return {**given, "title": given["name"]}
        return given

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        levels = [spec.level for spec in self.levels.values()]
        if not levels and self.absent is None:
            raise ValueError("a rule without P1, P2, P3, P4 or absent can never fire")
        present = {level.test is Test.PRESENT for level in levels}
        if len(present) > 1 or (self.absent and True in present):
            raise ValueError("`present` stands with no other test and without `absent`")
        if self.recover and any(both_hold(self.recover.level, level) for level in levels):
            raise ValueError("a value would recover and breach a level at once")
        return self

    @property
    def levels(self) -> dict[Priority, LevelSpec]:
        """The levels that are given, the gravest first."""
        given = ((priority, getattr(self, priority.value)) for priority in Priority)
        return {priority: spec for priority, spec in given if spec is not None}


def both_hold(one: Level, other: Level) -> bool:
    """Tell whether some value passes both tests."""
    if Test.PRESENT in (one.test, other.test):
        return False
    edges = {one.limit, other.limit}
    tried = [edge + step for edge in edges for step in (-1e-6, 0.0, 1e-6)] + [-1e308, 1e308]
    middle = (one.limit + other.limit) / 2
    return any(one.holds(value) and other.holds(value) for value in [*tried, middle])
