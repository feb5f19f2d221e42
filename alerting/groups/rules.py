"""Rules of files made ready: trees in which clients stay apart, and templates. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from alerting.groups.schemas import Placed, RuleSpec
from alerting.templates import Context, NotExpanded, Template
from kit.errors import Invalid
from metrics.columns import NAME
from metrics.labels import CLIENT
from metrics.promql.signatures import Kind
from metrics.promql.syntax import normal, parse
from metrics.promql.tenancy import partitioned, scoped
from metrics.promql.tree import Call, Expr, kind, nodes

ALERTNAME = "alertname"
ALERTS, FOR_STATE, STATE = "ALERTS", "ALERTS_FOR_STATE", "alertstate"


@dataclass
class Health:
    """How a rule fared at its last evaluation."""

    error: str = ""
    at: datetime | None = None
    seconds: float = 0.0

    @property
    def word(self) -> str:
        """What Prometheus calls it."""
        if self.at is None:
            return "unknown"
        return "err" if self.error else "ok"


@dataclass(frozen=True, eq=False)
class FileRule:
    """One rule of a file. `key` is its name among all; `tree` holds for many clients at once.

    Without `tree` each client is looked at alone, with `own` inside its scope.
    """

    group: Placed
    spec: RuleSpec
    place: int
    key: str
    own: Expr
    tree: Expr | None
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]
    health: Health = field(default_factory=Health)

    @cached_property
    def query(self) -> str:
        """What it asks, as Prometheus tells it: on one line, with its own spaces."""
        return normal(self.spec.expr)

    @property
    def line(self) -> int:
        """Where it stands in its file."""
        return self.group.lines[self.place] if self.place < len(self.group.lines) else 1

    def labelled(self, context: Context, found: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of an alert, or of a recorded series, that `found` led to."""
        made = {name: value for name, value in found.items() if name != NAME}
        for name, template in self.labels.items():
            made[name] = filled(template, context) if self.spec.alert else template.text
        made[NAME if self.spec.record else ALERTNAME] = self.spec.name
        return {name: value for name, value in made.items() if value}

    def annotated(self, context: Context) -> dict[str, str]:
        """Return the annotations of an alert."""
        return {name: filled(each, context) for name, each in self.annotations.items()}


def filled(template: Template, context: Context) -> str:
    """Return the text; what cannot be filled in says so, as Prometheus does."""
    try:
        return template.expand(context)
    except NotExpanded as why:
        return f"<error expanding template: {why}>"


def compiled(groups: Sequence[Placed]) -> Iterator[FileRule]:
    """Yield every rule ready for use; none is left out."""
    taken: dict[str, int] = {}
    for group in groups:
        for place, spec in enumerate(group.spec.rules):
            name = f"{group.spec.name}/{spec.name}"
            taken[name] = taken.get(name, 0) + 1
            key = name if taken[name] == 1 else f"{name}#{taken[name]}"
            yield _rule(group, spec, place, key)


def _rule(group: Placed, spec: RuleSpec, place: int, key: str) -> FileRule:
    tree = parse(spec.expr)
    if kind(tree) not in (Kind.VECTOR, Kind.SCALAR):
        raise Invalid("an expression with one value at each moment is needed", field="expr")
    labels = {**group.spec.labels, **spec.labels}
    return FileRule(
        group=group,
        spec=spec,
        place=place,
        key=key,
        own=tree,
        tree=_for_all(tree, group.clients),
        labels={name: Template(text) for name, text in labels.items()},
        annotations={name: Template(text) for name, text in spec.annotations.items()},
    )


def _for_all(tree: Expr, clients: Sequence[str] | None) -> Expr | None:
    if clients is not None and any(isinstance(e, Call) and e.name == "vector" for e in nodes(tree)):
        return None
    try:
        found = partitioned(tree)
    except Invalid:  # it asks what is not there: each client is asked alone
        return None
    return found if clients is None else scoped(found, *clients)


def alert_series(labels: Mapping[str, str], state: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the labels of ALERTS and of ALERTS_FOR_STATE of one alert."""
    return {**labels, NAME: ALERTS, STATE: state}, {**labels, NAME: FOR_STATE}


def client_of(labels: Mapping[str, str], otherwise: str) -> str:
    """Return whose a result is."""
    return labels.get(CLIENT) or otherwise
