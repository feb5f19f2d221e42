"""Functions between vectors and scalars, and of what is not there."""

import numpy as np

from metrics.columns import NAME, Labels, labels_of
from metrics.matchers import Op
from metrics.promql.frames import Flags, Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Functions
from metrics.promql.tree import Expr, Selector


def _vector(given: Arguments) -> Matrix:
    values = given.scalar(0)
    return Matrix([()], values[None, :], np.ones((1, len(values)), np.bool_))


def _scalar(given: Arguments) -> Floats:
    vector = given.vector(0)
    alone = vector.present.sum(axis=0) == 1
    found = np.where(vector.present, vector.values, 0.0).sum(axis=0)
    return np.where(alone, found, np.nan)


def _pi(given: Arguments) -> Floats:
    return np.full(len(given.steps), np.pi)


def _lesser(given: Arguments) -> Floats:
    return np.minimum(given.scalar(0), given.scalar(1))  # a NaN is passed on


def _greater(given: Arguments) -> Floats:
    return np.maximum(given.scalar(0), given.scalar(1))


def _absent(given: Arguments) -> Matrix:
    return _missing(given, given.vector(0).present)


def absent_over_time(given: Arguments) -> Matrix:
    """Tell of ranges in which no series has a sample."""
    windows = given.windows(0).spread(len(given.steps))
    return _missing(given, windows.sizes > 0)


def _missing(given: Arguments, present: Flags) -> Matrix:
    missing: Flags = ~np.logical_or.reduce(present, axis=0)
    labels = _told_by(given.given[0])
    return Matrix([labels], np.ones((1, len(missing))), missing[None, :])


def _told_by(expr: Expr) -> Labels:
    """Return the labels that a missing series would have, as far as a selector says them.

    A label with several conditions says nothing, as in Prometheus.
    """
    if not isinstance(expr, Selector):
        return ()
    told: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in expr.matchers:
        clear = matcher.op is Op.EQUAL and matcher.name not in seen
        told[matcher.name] = matcher.value if clear else ""
        if matcher.op is Op.EQUAL:
            seen.add(matcher.name)
    told.pop(NAME, None)
    return labels_of(told)


FUNCTIONS: Functions = {
    "absent": _absent,
    "absent_over_time": absent_over_time,
    "max_of": _greater,
    "min_of": _lesser,
    "pi": _pi,
    "scalar": _scalar,
    "vector": _vector,
}
