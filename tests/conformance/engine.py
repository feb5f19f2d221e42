"""Lets Prometheus's own PromQL scripts run against our parser and evaluator, in this process."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metrics.promql import answers
from metrics.promql import plan as plans
from metrics.promql.durations import Frame
from metrics.promql.evaluation import evaluate as evaluated
from metrics.promql.evaluation import instant, samples
from metrics.promql.plan import Plan
from metrics.promql.refusals import NotYet
from metrics.promql.signatures import Kind
from metrics.promql.terms import Terms
from metrics.promql.tree import Text
from metrics.queries import gather
from tests.support.shelf import Shelf


async def evaluate(
    series: Sequence[tuple[Mapping[str, str], Sequence[tuple[int, Any]]]],
    expr: str,
    start_ms: int,
    end_ms: int,
    step_ms: int | None,
) -> dict[str, Any]:
    """Return the `data` object of the HTTP API; without a step it is an instant query."""
    floats = [
        (labels, [(at, value) for at, value in points if isinstance(value, int | float)])
        for labels, points in series
    ]
    terms = Terms()
    try:
        plan = plans.compile(expr, Frame(end_ms - start_ms, step_ms or 0))
        found = await _answer(Shelf(floats), plan, (start_ms, end_ms, step_ms), terms)
    except NotYet as refusal:  # the runner counts these as skipped
        raise NotImplementedError(refusal.detail) from refusal
    return found | {"warnings": list(terms.notes.warnings), "infos": list(terms.notes.infos)}


async def _answer(
    shelf: Shelf, plan: Plan, span: tuple[int, int, int | None], terms: Terms
) -> dict[str, Any]:
    start_ms, end_ms, step_ms = span
    if isinstance(plan.tree, Text) and step_ms is None:
        return answers.text_data(plan.tree, start_ms)
    data = await gather(shelf, plan, start_ms=start_ms, end_ms=end_ms, terms=terms)
    if step_ms is None and plan.kind is Kind.MATRIX:
        return answers.samples_data(samples(plan, data, at_ms=start_ms, terms=terms))
    if step_ms is None:
        found = instant(plan, data, at_ms=start_ms, terms=terms)
        return answers.instant_data(plan, found, start_ms)
    matrix = evaluated(plan, data, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, terms=terms)
    written: dict[str, Any] = orjson.loads(
        orjson.dumps(answers.range_data(matrix, start_ms, step_ms))
    )
    return written
