"""How much there is to compute, told before it is begun. Pure."""

from collections.abc import Sequence

from metrics.columns import Columns
from metrics.promql.plan import Plan
from metrics.promql.tree import Selector, Span

LABELS = 10
"""What work on the labels of a series counts, in values."""


def effort(plan: Plan, data: Sequence[Columns], *, start_ms: int, end_ms: int, step_ms: int) -> int:
    """Return about how many values are touched; a sample counts in each window it lies in."""
    query, step_ms = (start_ms, end_ms), max(step_ms, 1)
    pairs = zip(plan.selectors, data, strict=True)
    return sum(_of_selector(selector, each, query, step_ms) for selector, each in pairs)


def _of_selector(selector: Selector, columns: Columns, query: Span, step_ms: int) -> int:
    moments, steps = query, (query[1] - query[0]) // step_ms + 1
    series, samples = len(columns.labels), len(columns.times)
    touched = samples
    for stretch in selector.within:
        moments = stretch.asks(moments, query)
        touched += series * steps * (stretch.range_ms // stretch.step_ms + 1)
        steps = max(moments[1] - moments[0], 0) // stretch.step_ms + 1
    first, last = selector.window(*query)
    in_each = samples * selector.range_ms // max(last - first, 1)
    return touched + series * (steps + LABELS) + in_each * steps
