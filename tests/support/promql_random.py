"""Random series, and random queries over them, for laws that hold for all."""

import math

from hypothesis import strategies as st

from metrics.columns import STALE, Labels, labels_of
from tests.support.shelf import Points

STEP_MS = 30_000
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, -4.0, 7.0, 100.0, math.nan, math.inf, STALE])
TIMES = st.lists(st.integers(0, 24), unique=True, max_size=12)
LABELS = st.fixed_dictionaries(
    {
        "__name__": st.sampled_from(["m", "n"]),
        "x": st.sampled_from(["", "1", "2"]),
        "y": st.sampled_from(["", "1"]),
        "z": st.sampled_from(["", "", "1", "2"]),
    }
)
COMPARED = st.sampled_from(["==", "!=", ">", "<", ">=", "<="])
COMPUTED = st.sampled_from(["+", "-", "*"])
MATCHES = st.sampled_from(
    [*("on ()", "on (x)", "on (y)", "on (x, y)"), *("ignoring (x)", "ignoring (y)", "ignoring ()")]
)
FOUND = st.sampled_from(
    ["m", "n", 'm{x="1"}', 'n{x!="1"}', '{__name__=~"m|n", y="1"}', 'm{x=~"1|2"}', 'n{y!~".+"}']
)
SHIFT = st.sampled_from(["", "", "", " offset 1m", " offset -90s"])
NUMBERS = st.sampled_from(["1", "2", "-3", "0", "NaN", "Inf"])


@st.composite
def points(draw: st.DrawFn) -> Points:
    return [(at * STEP_MS, draw(VALUES)) for at in sorted(draw(TIMES))]


@st.composite
def series(draw: st.DrawFn, client: str | None = None) -> list[tuple[Labels, Points]]:
    found: dict[Labels, Points] = {}
    for labels in draw(st.lists(LABELS, max_size=8)):
        named = labels | ({"client": client} if client else {})
        found[labels_of(named)] = draw(points())
    return list(found.items())


@st.composite
def _joined(draw: st.DrawFn, vectors: st.SearchStrategy[str]) -> str:
    left, right = draw(vectors), draw(vectors)
    op = draw(st.one_of(COMPARED, COMPUTED))
    compared = op in ("==", "!=", ">", "<", ">=", "<=")
    words = [op, "bool" if compared and draw(st.booleans()) else ""]
    side = draw(st.sampled_from(["both", "left", "right"]))
    if side != "both":
        number = draw(NUMBERS)
        left, right = (number, right) if side == "left" else (left, number)
    elif draw(st.booleans()):
        words.append(draw(MATCHES))
        words.append(
            draw(st.sampled_from(["", "", "group_left ()", "group_right ()", "group_left (z)"]))
        )
    return f"({left}) {' '.join(words)} ({right})"


@st.composite
def _set(draw: st.DrawFn, vectors: st.SearchStrategy[str]) -> str:
    op = draw(st.sampled_from(["and", "or", "unless"]))
    match = draw(st.sampled_from(["", "on (x)", "ignoring (y)", "on ()"]))
    return f"({draw(vectors)}) {op} {match} ({draw(vectors)})"


@st.composite
def _summed(draw: st.DrawFn, vectors: st.SearchStrategy[str]) -> str:
    op = draw(st.sampled_from(["sum", "min", "max", "count"]))
    how = draw(st.sampled_from(["", "by (x)", "by (x, y)", "without (x)", "without ()"]))
    return f"{op} {how} ({draw(vectors)})"


def _grown(vectors: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    negated = vectors.map(lambda text: f"-({text})")
    return st.one_of(_joined(vectors), _set(vectors), _summed(vectors), negated)


SELECTORS = st.builds(str.__add__, FOUND, SHIFT)
VECTORS = st.recursive(SELECTORS, _grown, max_leaves=4)
# fractions only at the top: below, their last digit could decide a comparison
QUERIES = st.one_of(
    VECTORS,
    VECTORS.map(lambda text: f"avg by (x) ({text})"),
    st.builds("({}) / on (x, y) ({})".format, VECTORS, VECTORS),
    st.builds("({}) / {}".format, VECTORS, NUMBERS),
)


_RANGE_CALLS = st.sampled_from(
    [
        *("rate({})", "increase({})", "delta({})", "irate({})", "idelta({})", "deriv({})"),
        *("changes({})", "resets({})", "predict_linear({}, 60)"),
        *("sum_over_time({})", "avg_over_time({})", "min_over_time({})", "max_over_time({})"),
        *("count_over_time({})", "last_over_time({})", "first_over_time({})"),
        *("stdvar_over_time({})", "mad_over_time({})", "quantile_over_time(0.3, {})"),
        *("present_over_time({})", "ts_of_max_over_time({})", "ts_of_min_over_time({})"),
        "double_exponential_smoothing({}, 0.5, 0.1)",
    ]
)
_VECTOR_CALLS = st.sampled_from(
    [
        *("abs({})", "clamp({}, 0, 5)", "round({}, 2)", "timestamp({})", "hour({})", "sgn({})"),
        *("topk(1, {})", "bottomk by (x) (2, {})", "limitk(2, {})", "group by (y) ({})"),
        *("quantile by (x) (0.4, {})", "stdvar by (y) ({})", 'count_values by (x) ("v", {})'),
        *('label_replace({}, "w", "$1", "x", "(.)")', 'label_join({}, "y", "-", "x", "z")'),
        'histogram_quantile(0.5, label_replace({}, "le", "$1", "x", "(.*)"))',
    ]
)
_GROWTH_CALLS = st.sampled_from(["rate({})", "increase({})", "delta({})"])
_RANGES = st.sampled_from(["[50s]", "[2m]", "[1m] offset 30s", "[5m] @ 300"])
_SUBQUERIES = st.sampled_from(["[1m:20s]", "[3m:]", "[2m:50s] offset -1m", "[2m:30s] @ 400"])


@st.composite
def _over_a_range(draw: st.DrawFn, vectors: st.SearchStrategy[str]) -> str:
    asked = draw(st.booleans())
    inside = f"({draw(vectors)}){draw(_SUBQUERIES)}" if asked else f"{draw(FOUND)}{draw(_RANGES)}"
    return draw(_RANGE_CALLS).format(inside)


def _called(vectors: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = st.builds(str.format, _VECTOR_CALLS, vectors)
    return st.one_of(_over_a_range(vectors), calls, _joined(vectors), _summed(vectors))


CALLS = st.recursive(SELECTORS, _called, max_leaves=3)
"""Queries with functions, which the slow model does not know."""
_MOVED_CALLS = st.one_of(_GROWTH_CALLS, st.sampled_from(["changes({})", "resets({})"]))


@st.composite
def _reaching(draw: st.DrawFn) -> str:
    found = draw(FOUND)
    match draw(st.sampled_from(["anchored", "smoothed", "between"])):
        case "anchored":
            return draw(_MOVED_CALLS).format(f"{found}{draw(_RANGES)} anchored")
        case "smoothed":
            return draw(_GROWTH_CALLS).format(f"{found}{draw(_RANGES)} smoothed")
        case _:
            return f"{found}{draw(SHIFT)} smoothed"


REACHING = st.one_of(_reaching(), _joined(_reaching()), _summed(_reaching()))
"""Queries that look beyond what they ask for, which no engine is asked."""
