"""Keeps clients apart in a query: inside one of them, or beside each other. Pure."""

from collections.abc import Collection
from dataclasses import replace

from kit.errors import Invalid
from metrics.matchers import Matcher, Op, one_of
from metrics.promql.refusals import unsupported
from metrics.promql.signatures import Kind
from metrics.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Info,
    Selector,
    Text,
    kind,
    rebuilt,
)

CLIENT = "client"
_OF_ALL = frozenset(("absent", "absent_over_time", "scalar"))
_LABELLING = frozenset(("label_replace", "label_join"))


def scoped(tree: Expr, *clients: str) -> Expr:
    """Return the query as it is inside these clients; of none, no series is read."""
    matchers = inside(clients)

    def change(expr: Expr) -> Expr:
        if not isinstance(expr, Selector):
            return expr
        return replace(expr, matchers=expr.matchers + matchers)

    return rebuilt(tree, change)


def partitioned(tree: Expr, label: str = CLIENT) -> Expr:
    """Return the query that over all clients gives what it gives inside each one.

    `client` (or another `label` that parts series) stays a label of every result, and no group or
    match has series of two clients. What would need to know of clients without any series is
    refused.
    """
    if kind(tree) not in (Kind.VECTOR, Kind.SCALAR):
        raise Invalid("an expression with one value at each moment is needed", field="query")
    return rebuilt(tree, lambda expr: _apart(expr, label))


def inside(clients: Collection[str]) -> tuple[Matcher, ...]:
    """Return the matchers that only series of these clients fit; of none, no series at all."""
    if not clients:
        return Matcher(CLIENT, Op.EQUAL, ""), Matcher(CLIENT, Op.NOT_EQUAL, "")
    return (one_of(CLIENT, sorted(set(clients))),)


def _apart(expr: Expr, parting: str) -> Expr:
    match expr:
        case Aggregate(param=Text(value=label)) if label == parting:
            raise unsupported(f"count_values with the label {parting}")
        case Aggregate(grouping=grouping):
            labels = _with(parting, grouping.labels, kept=not grouping.without)
            return replace(expr, grouping=replace(grouping, labels=labels))
        case Binary(matching=matching):
            labels = _with(parting, matching.labels, kept=matching.on)
            include = tuple(label for label in matching.include if label != parting)
            return replace(expr, matching=replace(matching, labels=labels, include=include))
        case Info(by=by):
            return replace(expr, by=by | {parting})
        case Call(name=name, args=args):
            if name in _OF_ALL:
                raise unsupported(f"{name}() where each client is looked at alone")
            if name in _LABELLING and args[1] == Text(parting):
                raise unsupported(f"{name}() into the label {parting}")
            return expr
        case _:
            return expr


def _with(label: str, labels: frozenset[str], *, kept: bool) -> frozenset[str]:
    return labels | {label} if kept else labels - {label}
