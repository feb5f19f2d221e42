"""Rule groups as Prometheus's files write them, and as they stand in the database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerting.lifecycle import Priority
from alerting.templates import NotRead, Template
from kit.durations import Duration
from kit.errors import Invalid, Said
from metrics.columns import NAME
from metrics.labels import CLIENT, DRILL
from metrics.promql.syntax import parse

INTERVAL = timedelta(seconds=15)
"""How often a group is evaluated that does not say it."""
NOTHING = timedelta(0)
SEVERITY = "severity"
SEVERITIES: Mapping[str, Priority] = {
    **{word: Priority.P1 for word in ("critical", "page", "emergency", "disaster", "p1")},
    **{word: Priority.P2 for word in ("error", "major", "high", "p2")},
    **{word: Priority.P3 for word in ("warning", "warn", "minor", "average", "p3")},
    **{word: Priority.P4 for word in ("info", "information", "informational", "none", "p4")},
}
"""What a severity label means unless `severities` says something else; in lower case."""
OTHERWISE = Priority.P3

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_RESERVED = (CLIENT, DRILL)


def _expression(text: str) -> str:
    try:
        parse(text)
    except Invalid as refusal:
        detail = refusal.detail
        raise ValueError(detail) from None
    return text


def _template(text: str) -> str:
    try:
        Template(text)
    except NotRead as why:
        raise ValueError(Said("the template cannot be read: {why}", why=why)) from None
    return text


def _label(name: str) -> str:
    if not _LABEL.fullmatch(name) or name == NAME:
        raise ValueError(Said("{name!r} is no name of a label", name=name))
    if name in _RESERVED:
        raise ValueError(Said("the label {label} is set by us alone", label=name))
    return name


def _annotation(name: str) -> str:
    if not _LABEL.fullmatch(name):
        raise ValueError(Said("{name!r} is no name of an annotation", name=name))
    return name


def _metric(name: str) -> str:
    if name and not _METRIC.fullmatch(name):
        raise ValueError(Said("{name!r} is no name of a metric", name=name))
    return name


def _or_none(value: Any) -> Any:
    return {} if value is None else value


Text = Annotated[str, AfterValidator(_template)]
Labels = Annotated[dict[Annotated[str, AfterValidator(_label)], Text], BeforeValidator(_or_none)]
Annotations = Annotated[
    dict[Annotated[str, AfterValidator(_annotation)], Text], BeforeValidator(_or_none)
]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class RuleSpec(_Spec):
    """One rule: an alert, or a series that is recorded."""

    record: Annotated[str, AfterValidator(_metric)] = ""
    alert: str = ""
    expr: Annotated[str, Field(min_length=1, max_length=50_000), AfterValidator(_expression)]
    hold: Duration = Field(NOTHING, alias="for")
    keep_firing_for: Duration = NOTHING
    labels: Labels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.record) == bool(self.alert):
            raise ValueError("a rule has one of `record` and `alert`")
        if self.record and (self.hold or self.keep_firing_for or self.annotations):
            raise ValueError("`for`, `keep_firing_for` and annotations are for alerts")
        return self

    @property
    def name(self) -> str:
        """What the rule is called."""
        return self.alert or self.record


class GroupSpec(_Spec):
    """Rules that are evaluated one after the other, at one moment."""

    name: str = Field(min_length=1)
    interval: Duration | None = None
    query_offset: Duration | None = None
    limit: int = Field(0, ge=0)
    labels: Labels = Field(default_factory=dict)
    rules: Annotated[list[RuleSpec], BeforeValidator(lambda v: [] if v is None else v)] = Field(
        default_factory=list
    )


@dataclass(frozen=True)
class Placed:
    """A group with where it stands and for whom; `lines` are those of its rules."""

    file: str
    spec: GroupSpec
    lines: Sequence[int] = ()
    clients: Sequence[str] | None = None
    severities: Mapping[str, Priority] | None = None

    @property
    def lease(self) -> str:
        """By what name one of several processes has it to itself."""
        return f"group/{self.file}/{self.spec.name}"

    @property
    def interval(self) -> timedelta:
        """How often it is evaluated."""
        return self.spec.interval or INTERVAL

    @property
    def offset(self) -> timedelta:
        """How far back its queries look."""
        return self.spec.query_offset or NOTHING

    def priority(self, severity: str) -> Priority:
        """Return how grave an alert with this severity is."""
        table = SEVERITIES if self.severities is None else self.severities
        return table.get(severity.lower(), OTHERWISE)
