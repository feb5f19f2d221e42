"""Functions that put the series of an instant in order; a range is always ordered by labels."""

import re
from collections.abc import Callable
from functools import cmp_to_key

import numpy as np

from metrics.columns import Labels
from metrics.promql.frames import Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions

_RUNS = re.compile(r"[0-9]+|[^0-9]+")


def _by_value(*, falling: bool) -> Function:
    def function(given: Arguments) -> Matrix:
        vector = given.vector(0)
        if _of_a_range(given):
            return vector
        values = vector.values[:, 0]
        return vector.taken(np.argsort(-values if falling else values, kind="stable"))

    return function


def _by_labels(*, falling: bool) -> Function:
    def function(given: Arguments) -> Matrix:
        vector = given.vector(0)
        if _of_a_range(given):
            return vector
        names = [given.text(place) for place in range(1, len(given.given))]
        compare = _comparison(names)
        key = cmp_to_key(compare)
        rows = sorted(
            range(len(vector.labels)), key=lambda row: key(vector.labels[row]), reverse=falling
        )
        return vector.taken(np.array(rows, np.intp))

    return function


def _of_a_range(given: Arguments) -> bool:
    if len(given.steps) == 1:
        return False
    given.terms.notes.warn(
        "sort is ineffective for range queries since results are always ordered by labels"
    )
    return True


def _comparison(names: list[str]) -> Callable[[Labels, Labels], int]:
    def compare(one: Labels, other: Labels) -> int:
        first, second = dict(one), dict(other)
        for name in names:
            left, right = first.get(name, ""), second.get(name, "")
            if left != right:
                return -1 if _naturally_before(left, right) else 1
        return (one > other) - (one < other)

    return compare


def _naturally_before(left: str, right: str) -> bool:
    """Tell whether a text comes first where runs of digits count as numbers."""
    ours, theirs = _RUNS.findall(left), _RUNS.findall(right)
    for mine, other in zip(ours, theirs, strict=False):
        if mine == other:
            continue
        if mine.isdigit() and other.isdigit():
            if int(mine) != int(other):
                return int(mine) < int(other)
            continue
        return bool(mine < other)
    return len(ours) < len(theirs)


FUNCTIONS: Functions = {
    "sort": _by_value(falling=False),
    "sort_desc": _by_value(falling=True),
    "sort_by_label": _by_labels(falling=False),
    "sort_by_label_desc": _by_labels(falling=True),
}
