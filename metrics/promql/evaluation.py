"""Computes a plan over columns: every node once, over all series and all steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from metrics.columns import Columns, Labels, columns_of
from metrics.promql.aggregation import aggregated, quantile
from metrics.promql.arithmetic import joined
from metrics.promql.choosing import counted, limited, sampled, top
from metrics.promql.frames import Flags, Floats, Matrix, Vector
from metrics.promql.functions.arguments import Functions
from metrics.promql.functions.calls import FUNCTIONS
from metrics.promql.functions.info import enriched
from metrics.promql.functions.reaching import REACHING
from metrics.promql.functions.rolled import ROLLED
from metrics.promql.grouping import finished
from metrics.promql.matching import either, matched
from metrics.promql.plan import Plan
from metrics.promql.reaching import anchored, between, smoothed
from metrics.promql.refusals import NotComputable, unsupported
from metrics.promql.selection import Times, at_steps
from metrics.promql.terms import Limits, Terms
from metrics.promql.tree import (
    SETS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Info,
    Negated,
    Number,
    Reach,
    Selector,
    Span,
    Stretch,
    Subquery,
    Text,
    seen_from,
)
from metrics.promql.windows import Windows, live, windows
from metrics.rolled import Rolled

CHOOSING = {"topk": top, "bottomk": top, "limitk": limited, "limit_ratio": sampled}
Value = Matrix | Floats | str
"""What a node gives: a vector at each step, a scalar at each step, or a text."""


def evaluate(
    plan: Plan,
    data: Sequence[Columns],
    *,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    terms: Terms | None = None,
) -> Matrix:
    """Return the plan's series at start, start + step, … up to the end; a step of 0: at one moment.

    `data` has the columns of `plan.selectors`, in that order. A scalar is one series without
    labels. Pass the same `Terms.memory` again to find the label work of earlier calls.
    """
    run = _begun(plan, data, (start_ms, end_ms), step_ms, terms or Terms())
    with np.errstate(all="ignore"):
        found = run.value(plan.tree)
        if isinstance(found, str):
            raise NotComputable("a text has no values; ask for it as an instant query")
        if isinstance(found, Matrix):
            return finished(found, run.terms.memory)
    return Matrix([()], found[None, :], np.ones((1, len(run.steps)), np.bool_))


def instant(
    plan: Plan, data: Sequence[Columns], *, at_ms: int, terms: Terms | None = None
) -> Vector:
    """Return the plan's series at one moment; the list of labels is the plan's own if all show."""
    found = evaluate(plan, data, start_ms=at_ms, end_ms=at_ms, step_ms=0, terms=terms)
    shown = found.present[:, 0]
    if shown.all():
        return Vector(found.labels, found.values[:, 0])
    rows = np.flatnonzero(shown)
    return Vector([found.labels[row] for row in rows.tolist()], found.values[rows, 0])


def samples(
    plan: Plan, data: Sequence[Columns], *, at_ms: int, terms: Terms | None = None
) -> Columns:
    """Return the samples of a range as it is seen from one moment."""
    if isinstance(plan.tree, Selector) and plan.tree.reach:
        raise unsupported(f"a range that is {plan.tree.reach}, as an answer of its own,")
    run = _begun(plan, data, (at_ms, at_ms), 0, terms or Terms())
    with np.errstate(all="ignore"):
        found = run.windows(plan.tree)
    first, last = found.first[:, 0], found.last[:, 0]
    sizes = last - first
    starts = np.concatenate([[0], np.cumsum(sizes)])
    places = np.arange(starts[-1]) + np.repeat(first - starts[:-1], sizes)
    labels = _names_gone(found, run.terms)
    return Columns(labels, starts, found.times[places], found.values[places])


def _names_gone(found: Windows, terms: Terms) -> Sequence[Labels]:
    nothing = np.zeros((len(found.labels), 0))
    labels = finished(
        Matrix(found.labels, nothing, nothing.astype(np.bool_), found.nameless), terms.memory
    ).labels
    if len(labels) < len(found.labels):
        raise NotComputable("vector cannot contain metrics with the same labelset")
    return labels


def _begun(plan: Plan, data: Sequence[Columns], span: Span, step_ms: int, terms: Terms) -> "_Run":
    _within(data, terms.limits)
    steps = np.arange(span[0], span[1] + 1, max(step_ms, 1), dtype=np.int64)
    return _Run(dict(zip(plan.selectors, data, strict=True)), Query(span, step_ms), steps, terms)


def _within(data: Sequence[Columns], limits: Limits) -> None:
    series = sum(len(columns.labels) for columns in data)
    if series > limits.series:
        raise NotComputable(
            "the query reads {series} series; at most {most} are allowed",
            series=series,
            most=limits.series,
        )
    read = sum(len(columns.times) for columns in data)
    if read > limits.samples:
        raise NotComputable(
            "the query reads {samples} samples; at most {most} are allowed",
            samples=read,
            most=limits.samples,
        )


def _no_values() -> NotComputable:
    return NotComputable("a range has no values; ask for it as an instant query")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for as a whole: its span and its step (ms), 0 where it is of one moment."""

    span: Span
    step_ms: int


class _Run:
    """One computation: the columns it reads, the query it is part of, its steps, its terms.

    A subquery is computed by a run of its own, with its own steps over the same columns.
    """

    def __init__(
        self, data: dict[Selector, Columns], query: Query, steps: Times, terms: Terms
    ) -> None:
        self.data, self.query, self.steps, self.terms = data, query, steps, terms
        self._selected: dict[Selector, Matrix] = {}
        self._rolled = {one for one, columns in data.items() if isinstance(columns, Rolled)}

    def value(self, expr: Expr) -> Value:
        """Return what `expr` gives at all steps."""
        self.terms.go_on()
        match expr:
            case Number(value):
                return np.full(len(self.steps), value)
            case Text(text):
                return text
            case Selector():
                return self._select(expr)
            case Negated(part):
                return self._negated(self.value(part))
            case Binary():
                return self._binary(expr, self.value(expr.left), self.value(expr.right))
            case Call(name, args):
                return self._functions(args)[name](_Given(expr, self))
            case _:
                return self._of_series(expr)

    def _functions(self, args: Sequence[Expr]) -> Functions:
        """Return the functions as they are of such ranges."""
        if args and isinstance(args[0], Selector):
            if args[0] in self._rolled:
                return ROLLED
            if args[0].range_ms and args[0].reach:
                return REACHING
        return FUNCTIONS

    def _of_series(self, expr: Aggregate | Info | Subquery) -> Value:
        match expr:
            case Aggregate():
                return self._aggregated(expr, self.vector(expr.part))
            case Info(part, found):
                times = self.newest(found, as_times=True)
                return enriched(expr, self.vector(part), self._select(found), times)
            case Subquery():
                raise _no_values()

    def vector(self, expr: Expr) -> Matrix:
        """Return the vector that `expr` gives at all steps."""
        found = self.value(expr)
        if not isinstance(found, Matrix):
            raise NotComputable("a vector was expected here")
        return found

    def scalar(self, expr: Expr) -> Floats:
        """Return the numbers that `expr` gives at all steps."""
        found = self.value(expr)
        if isinstance(found, str | Matrix):
            raise NotComputable("a scalar was expected here")
        return found

    def windows(self, expr: Expr) -> Windows:
        """Return the ranges that `expr` gives at all steps."""
        if isinstance(expr, Subquery):
            stretch = expr.stretch
            columns, nameless = self._asked(expr)
            ends = self._seen_from(stretch)
            return windows(columns, ends, stretch.range_ms, nameless=nameless)
        if not isinstance(expr, Selector):
            raise NotComputable("a range was expected here")
        columns = live(self.data[expr])
        ends = self._seen_from(expr)
        self.terms.room(len(columns.labels) * len(ends))
        if expr.reach is None:
            return windows(columns, ends, expr.range_ms)
        look = anchored if expr.reach is Reach.ANCHORED else smoothed
        return look(columns, ends, expr.range_ms, lookback_ms=self.terms.lookback_ms)

    def newest(self, selector: Selector, *, as_times: bool = False) -> Matrix:
        """Return what each series of a selector shows at all steps."""
        columns, count = self.data[selector], len(self.steps)
        self.terms.room(len(columns.labels) * count)
        seen, lookback = self._seen_from(selector), self.terms.lookback_ms
        if selector.reach and not as_times:
            found = between(live(columns), seen, lookback_ms=lookback)
        else:
            found = at_steps(columns, seen, lookback_ms=lookback, as_times=as_times)
        if selector.at is None:
            return found
        shape = (len(columns.labels), count)
        values, present = (
            np.broadcast_to(found.values, shape),
            np.broadcast_to(found.present, shape),
        )
        return Matrix(found.labels, values, present)

    @property
    def _span(self) -> Span:
        return int(self.steps[0]), int(self.steps[-1])

    def _seen_from(self, place: Selector | Stretch) -> Times:
        """Return the moments from which to look back, only one where it is the same for all."""
        first, last = seen_from(place.at, place.offset_ms, self._span, self.query.span)
        if first == last:
            return np.array([first], np.int64)
        moments: Times = self.steps + (first - self.steps[0])
        return moments

    def _asked(self, expr: Subquery) -> tuple[Columns, Flags | None]:
        """Return what the part of a subquery gives in its stretch, as samples."""
        stretch = expr.stretch
        first, last = stretch.asks(self._span, self.query.span)
        if last < first:
            return columns_of(()), None
        self.terms.room((last - first) // stretch.step_ms + 1)
        steps = np.arange(first, last + 1, stretch.step_ms, dtype=np.int64)
        inner = _Run(self.data, self.query, steps, self.terms)
        found = inner.vector(expr.part)
        rows, at = np.nonzero(found.present)
        starts = np.concatenate([[0], np.cumsum(found.present.sum(axis=1))]).astype(np.int64)
        return Columns(found.labels, starts, steps[at], found.values[rows, at]), found.nameless

    def _select(self, selector: Selector) -> Matrix:
        if selector.range_ms:
            raise _no_values()
        if selector not in self._selected:
            self._selected[selector] = self.newest(selector)
        return self._selected[selector]

    def _negated(self, found: Value) -> Value:
        if isinstance(found, Matrix):
            return found.computed(-found.values)
        return found if isinstance(found, str) else -found

    def _aggregated(self, node: Aggregate, vector: Matrix) -> Matrix:
        if node.param is None:
            return aggregated(node, vector, terms=self.terms)
        if isinstance(node.param, Text):
            return counted(node, vector, node.param.value, terms=self.terms)
        asked = self.scalar(node.param)
        if node.op == "quantile":
            return quantile(node, vector, asked, terms=self.terms)
        return CHOOSING[node.op](node, vector, asked, terms=self.terms)

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
        if kept is None:
            return vector.computed(values)
        return Matrix(vector.labels, vector.values, vector.present & kept, vector.nameless)


class _Given:
    """The arguments of one call, computed by its run (see `Arguments`)."""

    def __init__(self, call: Call, run: _Run) -> None:
        self.name, self.given = call.name, call.args
        self.steps, self.terms = run.steps, run.terms
        self.query, self.step_ms = run.query.span, run.query.step_ms
        self._run = run

    def vector(self, place: int) -> Matrix:
        """Return a vector at each step."""
        return self._run.vector(self.given[place])

    def scalar(self, place: int) -> Floats:
        """Return a number for each step."""
        return self._run.scalar(self.given[place])

    def text(self, place: int) -> str:
        """Return a text."""
        found = self.given[place]
        if not isinstance(found, Text):
            raise NotComputable("a text was expected here")
        return found.value

    def windows(self, place: int) -> Windows:
        """Return the ranges of samples at each step."""
        return self._run.windows(self.given[place])

    def times(self, place: int) -> Matrix:
        """Return a vector with the times of its samples; what is computed is of the step."""
        found = self.given[place]
        if isinstance(found, Selector):
            return self._run.newest(found, as_times=True)
        vector = self.vector(place)
        times = np.broadcast_to(self.steps / 1000, vector.values.shape)
        return Matrix(vector.labels, times, vector.present, vector.nameless)
