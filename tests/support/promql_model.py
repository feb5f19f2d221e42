"""PromQL said slowly: one step at a time, one series at a time, in dictionaries."""

import math
from collections.abc import Callable, Iterable, Sequence, Set

import numpy as np

from metrics.columns import NAME, STALE_BITS, Labels
from metrics.matchers import all_hold
from metrics.promql.tree import (
    LOOKBACK_MS,
    Aggregate,
    Binary,
    Expr,
    Many,
    Matching,
    Negated,
    Number,
    Selector,
)
from tests.support.shelf import Points

Series = Sequence[tuple[Labels, Points]]
Found = dict[Labels, float]

ARITHMETIC: dict[str, Callable[[np.float64, np.float64], np.float64]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
SUMMARIES: dict[str, Callable[[list[float]], float]] = {
    "sum": lambda values: float(np.sum(values)),
    "avg": lambda values: float(np.sum(values)) / len(values),
    "count": lambda values: float(len(values)),
    "min": lambda values: min((v for v in values if not math.isnan(v)), default=math.nan),
    "max": lambda values: max((v for v in values if not math.isnan(v)), default=math.nan),
}


NAMES = frozenset((NAME, "the name until the query ends"))


class Unclear(Exception):
    """The model refuses too."""


def at(expr: Expr, series: Series, moment: int) -> Found | float:
    """Return what `expr` gives at one moment."""
    found = _at(expr, series, moment)
    if isinstance(found, float):
        return found
    gone = NAMES - {NAME}
    return _apart((_less(labels, gone), value) for labels, value in found.items())


def _at(expr: Expr, series: Series, moment: int) -> Found | float:
    match expr:
        case Number(value):
            return value
        case Selector():
            return _selected(expr, series, moment)
        case Negated(part):
            found = _at(part, series, moment)
            if isinstance(found, float):
                return -found
            return _apart((_nameless(labels), -value) for labels, value in found.items())
        case Aggregate():
            return _summary(expr, _at(expr.part, series, moment))
        case Binary():
            return _binary(expr, _at(expr.left, series, moment), _at(expr.right, series, moment))
        case _:
            raise Unclear


def _selected(expr: Selector, series: Series, moment: int) -> Found:
    found = {}
    seen = moment - expr.offset_ms
    for labels, points in series:
        past = [point for point in points if seen - LOOKBACK_MS < point[0] <= seen]
        if past and all_hold(expr.matchers, dict(labels)):
            value = past[-1][1]
            if np.array([value]).view(np.int64)[0] != STALE_BITS:
                found[labels] = value
    return found


def _summary(expr: Aggregate, found: Found | float) -> Found:
    assert isinstance(found, dict)
    groups: dict[Labels, list[float]] = {}
    names = set(expr.grouping.labels)
    for labels, value in found.items():
        key = _less(labels, names | NAMES) if expr.grouping.without else _just(labels, names)
        groups.setdefault(key, []).append(value)
    return {key: SUMMARIES[expr.op](values) for key, values in groups.items()}


def _binary(expr: Binary, left: Found | float, right: Found | float) -> Found | float:
    if isinstance(left, float) and isinstance(right, float):
        computed = _joined(expr, left, right)
        return computed if computed is not None else 0.0
    if isinstance(left, dict) and isinstance(right, dict):
        if expr.op in ("and", "or", "unless"):
            return _set(expr, left, right)
        return _matched(expr, left, right)
    vector = left if isinstance(left, dict) else right
    assert isinstance(vector, dict)
    rows = []
    for labels, value in vector.items():
        a = value if isinstance(left, dict) else left
        b = value if isinstance(right, dict) else right
        computed = _joined(expr, a, b)
        if computed is not None:
            keeps = expr.op in COMPARISON and not expr.as_bool
            rows.append((labels if keeps else _nameless(labels), value if keeps else computed))
    return _apart(rows)


def _joined(expr: Binary, left: float, right: float) -> float | None:
    if expr.op in ARITHMETIC:
        with np.errstate(all="ignore"):
            return float(ARITHMETIC[expr.op](np.float64(left), np.float64(right)))
    holds = COMPARISON[expr.op](left, right)
    if expr.as_bool:
        return float(holds)
    return left if holds else None


def _set(expr: Binary, left: Found, right: Found) -> Found:
    lefts = {_signature(labels, expr.matching) for labels in left}
    rights = {_signature(labels, expr.matching) for labels in right}
    if expr.op == "or":
        more = {k: v for k, v in right.items() if _signature(k, expr.matching) not in lefts}
        return _apart([*left.items(), *more.items()])
    wanted = expr.op == "and"
    return {k: v for k, v in left.items() if (_signature(k, expr.matching) in rights) is wanted}


def _matched(expr: Binary, left: Found, right: Found) -> Found:
    matching, swapped = expr.matching, expr.matching.many is Many.RIGHT
    many, one = (right, left) if swapped else (left, right)
    if not many or not one:
        return {}
    partners: dict[Labels, tuple[Labels, float]] = {}
    for labels, value in one.items():
        key = _signature(labels, matching)
        if key in partners:
            raise Unclear
        partners[key] = labels, value
    rows, used = [], set()
    for labels, value in many.items():
        key = _signature(labels, matching)
        if key not in partners:
            continue
        partner, other = partners[key]
        computed = _joined(expr, other if swapped else value, value if swapped else other)
        if computed is None:
            continue
        if matching.many is Many.NEITHER and key in used:
            raise Unclear
        used.add(key)
        rows.append((_result(expr, labels, partner), computed))
    return _apart(rows)


def _result(expr: Binary, many: Labels, one: Labels) -> Labels:
    matching, kept = expr.matching, dict(many)
    if expr.op in ARITHMETIC:
        kept = {k: v for k, v in many if k not in NAMES}
    elif expr.as_bool:
        kept = dict(_nameless(many))
    if matching.many is Many.NEITHER:
        kept = {k: v for k, v in kept.items() if (k in matching.labels) is matching.on}
    for name in matching.include:
        kept.pop(name, None)
        kept |= {k: v for k, v in one if k == name}
    return tuple(sorted(kept.items()))


def _signature(labels: Labels, matching: Matching) -> Labels:
    names = set(matching.labels)
    return _just(labels, names) if matching.on else _less(labels, names | NAMES)


def _nameless(labels: Labels) -> Labels:
    (doomed,) = NAMES - {NAME}
    return tuple(sorted((doomed if name == NAME else name, value) for name, value in labels))


def _apart(rows: Iterable[tuple[Labels, float]]) -> Found:
    listed = list(rows)
    found: Found = dict(listed)
    if len(found) < len(listed):
        raise Unclear
    return found


def _just(labels: Labels, names: set[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] in names)


def _less(labels: Labels, names: Set[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)
