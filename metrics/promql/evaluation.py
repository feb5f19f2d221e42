"""Computes a plan over columns: every node once, over all series and all steps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import cast

import numpy as np

from metrics.columns import Columns
from metrics.promql.aggregation import aggregated
from metrics.promql.arithmetic import joined
from metrics.promql.frames import Floats, Matrix, Vector, relabelled
from metrics.promql.grouping import unnamed
from metrics.promql.matching import either, matched
from metrics.promql.memory import Memory
from metrics.promql.plan import Plan
from metrics.promql.refusals import NotComputable, Stopped
from metrics.promql.selection import Times, at_steps
from metrics.promql.tree import (
    LOOKBACK_MS,
    Aggregate,
    Binary,
    Expr,
    Negated,
    Number,
    Selector,
    Text,
)

SETS = frozenset(("and", "or", "unless"))
Value = Matrix | Floats | str
"""What a node gives: a vector at each step, a scalar at each step, or a text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one query may take: series read, and samples read or computed at once."""

    series: int = 100_000
    samples: int = 50_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """How a plan is computed. A set `stopped` ends it at its next node, from another thread."""

    lookback_ms: int = LOOKBACK_MS
    limits: Limits = field(default_factory=Limits)
    memory: Memory = field(default_factory=Memory)
    stopped: Event = field(default_factory=Event)


def evaluate(
    plan: Plan,
    data: Sequence[Columns],
    *,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    terms: Terms | None = None,
) -> Matrix:
    """Return the plan's series at start, start + step, … up to the end.

    `data` has the columns of `plan.selectors`, in that order. A scalar is one series without
    labels. Pass the same `Terms.memory` again to find the label work of earlier calls.
    """
    terms = terms or Terms()
    _within(data, terms.limits)
    steps = np.arange(start_ms, end_ms + 1, max(step_ms, 1), dtype=np.int64)
    run = _Run(dict(zip(plan.selectors, data, strict=True)), (start_ms, end_ms), steps, terms)
    with np.errstate(all="ignore"):
        found = run.value(plan.tree)
    if isinstance(found, str):
        raise NotComputable("a text has no values; ask for it as an instant query")
    if isinstance(found, Matrix):
        return found
    return Matrix([()], found[None, :], np.ones((1, len(steps)), np.bool_))


def instant(
    plan: Plan, data: Sequence[Columns], *, at_ms: int, terms: Terms | None = None
) -> Vector:
    """Return the plan's series at one moment; the list of labels is the plan's own if all show."""
    found = evaluate(plan, data, start_ms=at_ms, end_ms=at_ms, step_ms=1, terms=terms)
    shown = found.present[:, 0]
    if shown.all():
        return Vector(found.labels, found.values[:, 0])
    rows = np.flatnonzero(shown)
    return Vector([found.labels[row] for row in rows.tolist()], found.values[rows, 0])


def _within(data: Sequence[Columns], limits: Limits) -> None:
    series = sum(len(columns.labels) for columns in data)
    if series > limits.series:
        raise NotComputable(
            "the query reads {series} series; at most {most} are allowed",
            series=series,
            most=limits.series,
        )
    samples = sum(len(columns.times) for columns in data)
    if samples > limits.samples:
        raise NotComputable(
            "the query reads {samples} samples; at most {most} are allowed",
            samples=samples,
            most=limits.samples,
        )


class _Run:
    """One computation: the columns it reads, the range asked for and its steps, its terms."""

    def __init__(
        self, data: dict[Selector, Columns], span: tuple[int, int], steps: Times, terms: Terms
    ) -> None:
        self.data, self.span, self.steps, self.terms = data, span, steps, terms
        self._selected: dict[Selector, Matrix] = {}

    def value(self, expr: Expr) -> Value:
        """Return what `expr` gives at all steps."""
        if self.terms.stopped.is_set():
            raise Stopped("nobody waits for this answer any more")
        match expr:
            case Number(value):
                return np.full(len(self.steps), value)
            case Text(text):
                return text
            case Selector():
                return self._select(expr)
            case Negated(part):
                return self._negated(self.value(part))
            case Aggregate():
                return aggregated(expr, self._vector(expr.part), memory=self.terms.memory)
            case Binary():
                return self._binary(expr, self.value(expr.left), self.value(expr.right))

    def _vector(self, expr: Expr) -> Matrix:
        found = self.value(expr)
        if not isinstance(found, Matrix):
            raise NotComputable("a vector was expected here")
        return found

    def _select(self, selector: Selector) -> Matrix:
        if selector not in self._selected:
            self._selected[selector] = self._seen(selector)
        return self._selected[selector]

    def _seen(self, selector: Selector) -> Matrix:
        columns, count = self.data[selector], len(self.steps)
        self._room(len(columns.labels) * count)
        if selector.at is None:
            return at_steps(
                columns, self.steps - selector.offset_ms, lookback_ms=self.terms.lookback_ms
            )
        moment, _ = selector.seen_from(*self.span)
        once = at_steps(columns, np.array([moment], np.int64), lookback_ms=self.terms.lookback_ms)
        shape = (len(columns.labels), count)
        values, present = np.broadcast_to(once.values, shape), np.broadcast_to(once.present, shape)
        return Matrix(once.labels, values, present)

    def _room(self, cells: int) -> None:
        most = self.terms.limits.samples
        if cells > most:
            raise NotComputable(
                "the query computes {cells} values at once; at most {most} are allowed: "
                "ask for a shorter range, a longer step or fewer series",
                cells=cells,
                most=most,
            )

    def _negated(self, found: Value) -> Value:
        if not isinstance(found, Matrix):
            return -found if isinstance(found, np.ndarray) else found
        new = unnamed(found.labels, self.terms.memory)
        return relabelled(Matrix(found.labels, -found.values, found.present), new)

    def _binary(self, node: Binary, left: Value, right: Value) -> Value:
        memory = self.terms.memory
        if isinstance(left, str) or isinstance(right, str):
            raise NotComputable("a text cannot be computed with")
        if isinstance(left, Matrix) and isinstance(right, Matrix):
            if node.op in SETS:
                return either(node, left, right, memory=memory)
            return matched(node, left, right, memory=memory, most=self.terms.limits.samples)
        if isinstance(left, Matrix):
            return self._with_scalar(node, left, cast(Floats, right))
        if isinstance(right, Matrix):
            return self._with_scalar(node, right, left, scalar_first=True)
        values, _ = joined(node.op, left, right, as_bool=True)
        return values

    def _with_scalar(
        self, node: Binary, vector: Matrix, scalar: Floats, *, scalar_first: bool = False
    ) -> Matrix:
        first, second = (scalar, vector.values) if scalar_first else (vector.values, scalar)
        values, kept = joined(node.op, first, second, as_bool=node.as_bool)
        if kept is not None:
            return Matrix(vector.labels, vector.values, vector.present & kept)
        new = unnamed(vector.labels, self.terms.memory)
        return relabelled(Matrix(vector.labels, values, vector.present), new)
