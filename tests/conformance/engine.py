"""Lets Prometheus's own PromQL scripts run against our parser and evaluator, in this process."""

from collections.abc import Mapping, Sequence
from typing import Any

from metrics.promql import answers
from metrics.promql import plan as plans
from metrics.promql.evaluation import Terms, instant
from metrics.promql.evaluation import evaluate as evaluated
from metrics.promql.refusals import NotYet
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
    try:
        plan = plans.compile(expr)
    except NotYet as refusal:  # the runner counts these as skipped
        raise NotImplementedError(refusal.detail) from refusal
    if isinstance(plan.tree, Text) and step_ms is None:
        return answers.text_data(plan.tree, start_ms)
    data = await gather(Shelf(floats), plan, start_ms=start_ms, end_ms=end_ms, terms=Terms())
    if step_ms is None:
        return answers.instant_data(plan, instant(plan, data, at_ms=start_ms), start_ms)
    found = evaluated(plan, data, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms)
    return answers.range_data(found, start_ms, step_ms)
