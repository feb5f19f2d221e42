"""Series and queries over whole steps, and the plainest model of what they come to."""

import itertools
import math
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from metrics.columns import STALE, Columns
from metrics.promql.evaluation import evaluate
from metrics.promql.plan import compile
from tests.support.shelf import Points

MINUTE = 60_000
FIVE, HOUR, DAY = 5 * MINUTE, 60 * MINUTE, 1440 * MINUTE

PLAIN: dict[str, Callable[[list[float]], float]] = {
    "avg_over_time": lambda values: math.fsum(values) / len(values),
    "count_over_time": lambda values: float(len(values)),
    "max_over_time": max,
    "min_over_time": min,
    "sum_over_time": math.fsum,
}
EXACT = (
    *("count_over_time", "max_over_time", "min_over_time", "first_over_time", "last_over_time"),
    *("present_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "absent_over_time"),
)
NEAR = ("avg_over_time", "sum_over_time", "rate", "increase", "delta")

COUNTED = st.integers(0, 50).map(float)
ANY = st.one_of(
    st.sampled_from([0.0, -1.5, 3.0, 1e9, STALE, STALE, math.nan, math.inf]),
    st.floats(-1e6, 1e6, allow_nan=False),
)


def points(
    values: st.SearchStrategy[float], *, most: int, start: int = 0
) -> st.SearchStrategy[Points]:
    """Return samples in `most` ms, edges of steps among them; where equal times meet, the last."""
    edges = st.integers(0, most // FIVE).map(lambda at: at * FIVE)
    at = st.one_of(st.integers(0, most), edges, edges.map(lambda edge: edge + 1))
    found = st.lists(st.tuples(at, values), max_size=60)
    return found.map(lambda given: sorted((start + t, v) for t, v in dict(given).items()))


def window(points_: Points, start: int, end: int) -> list[float]:
    """Return the values of the samples in (start, end]."""
    return [value for at, value in points_ if start < at <= end]


def increase(points_: Points, start: int, end: int) -> float | None:
    """Return by how much a counter grew in (start, end], as Prometheus says it of raw samples."""
    inside = [(at, value) for at, value in points_ if start < at <= end]
    if len(inside) < 2:
        return None
    (first_at, first), (last_at, last) = inside[0], inside[-1]
    grown = last - first
    for (_, before), (_, now) in itertools.pairwise(inside):
        grown += before if now < before else 0.0
    sampled = (last_at - first_at) / 1000
    apart = sampled / (len(inside) - 1)
    to_start, to_end = (first_at - start) / 1000, (end - last_at) / 1000
    to_start = apart / 2 if to_start >= apart * 1.1 else to_start
    if grown > 0 and first >= 0:
        to_start = min(to_start, sampled * first / grown)
    to_end = apart / 2 if to_end >= apart * 1.1 else to_end
    return grown * ((sampled + to_start + to_end) / sampled)


def answer(
    query: str, data: Columns, *, start: int, end: int, step: int
) -> list[list[float | None]]:
    """Return what a query over one selector gives: a line for each series, None for nothing."""
    found = evaluate(compile(query), [data], start_ms=start, end_ms=end, step_ms=step)
    order = sorted(range(len(found.labels)), key=lambda row: found.labels[row])
    return [
        [
            float(value) if shown else None
            for value, shown in zip(found.values[row], found.present[row], strict=True)
        ]
        for row in order
        if found.present[row].any()
    ]


def alike(
    one: Sequence[Sequence[float | None]],
    other: Sequence[Sequence[float | None]],
    *,
    near: float = 0.0,
) -> bool:
    """Tell whether two answers are the same, up to a share of their values."""

    def same(a: float | None, b: float | None) -> bool:
        if a is None or b is None:
            return a is b
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or math.isclose(a, b, rel_tol=near, abs_tol=near)

    return len(one) == len(other) and all(
        len(left) == len(right) and all(map(same, left, right))
        for left, right in zip(one, other, strict=True)
    )
