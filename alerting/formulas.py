"""Expressions that take each result from one series of each selector: their shape. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from metrics.columns import Labels
from metrics.promql.arithmetic import COMPARISON, drops_name, joined
from metrics.promql.frames import Flags, Floats
from metrics.promql.grouping import WHAT_IT_IS, result_labels, signatures
from metrics.promql.tree import (
    UNFILLED,
    Binary,
    Expr,
    Many,
    Matching,
    Negated,
    Number,
    Selector,
    parts,
    selectors,
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The value of the series that the selector with this number gives."""

    place: int


@dataclass(frozen=True, slots=True)
class Constant:
    """The number with this number."""

    place: int


@dataclass(frozen=True, slots=True)
class Minus:
    """Unary minus."""

    part: "Shape"


@dataclass(frozen=True, slots=True)
class Join:
    """Two values and an operator."""

    op: str
    left: "Shape"
    right: "Shape"
    as_bool: bool


Shape = Leaf | Constant | Minus | Join
"""An expression without its names and numbers: rules that share it are computed together."""


@dataclass(frozen=True)
class Formula:
    """One rule's shape, and what it fills it with; `matching` is that of all its operators."""

    tree: Expr
    shape: Shape
    selectors: tuple[Selector, ...]
    numbers: tuple[float, ...]
    matching: Matching | None

    def key(self, labels: Labels) -> Labels:
        """Return what the series of one result have in common."""
        if self.matching is None:
            return labels
        (found,) = signatures([labels], self.matching)
        return found

    def labels(self, series: Sequence[Labels]) -> Labels:
        """Return the labels of the result that comes of these series, one for each selector."""
        found = _labels(self.tree, dict(zip(self.selectors, series, strict=True)))
        return () if found is None else found


def formula(tree: Expr) -> Formula | None:
    """Return the formula that a tree is; None if its results are not each of a few series."""
    found = tuple(dict.fromkeys(selectors(tree)))
    if not found or any(leaf.offset_ms or leaf.at is not None or leaf.reach for leaf in found):
        return None
    nodes = list(_nodes(tree))
    if not all(isinstance(node, Selector | Number | Negated) or _joins(node) for node in nodes):
        return None
    matchings = {node.matching for node in nodes if isinstance(node, Binary) and _meets(node)}
    plain = all(each.many is Many.NEITHER and each.fill == UNFILLED for each in matchings)
    if len(matchings) > 1 or not plain:
        return None
    numbers: list[float] = []
    shape = _shape(tree, found, numbers)
    return Formula(tree, shape, found, tuple(numbers), next(iter(matchings), None))


def computed(
    shape: Shape, values: Sequence[Floats], numbers: Sequence[Floats]
) -> tuple[Floats, Flags | None]:
    """Return what the shape gives, and where its comparisons keep that (None: everywhere)."""
    match shape:
        case Leaf(place):
            return values[place], None
        case Constant(place):
            return numbers[place], None
        case Minus(part):
            value, kept = computed(part, values, numbers)
            return -value, kept
        case Join(op, left, right, as_bool):
            first, one = computed(left, values, numbers)
            second, other = computed(right, values, numbers)
            result, passed = joined(op, first, second, as_bool=as_bool)
            if passed is not None and _scalar(left):
                result = second  # a filter keeps the vector's value
            flags = [each for each in (one, other, passed) if each is not None]
            return result, reduce(np.logical_and, flags) if flags else None


def leaves(shape: Shape) -> int:
    """Return how many selectors the shape has."""
    match shape:
        case Leaf(place):
            return place + 1
        case Constant():
            return 0
        case Minus(part):
            return leaves(part)
        case Join(_, left, right, _):
            return max(leaves(left), leaves(right))


def _nodes(tree: Expr) -> Iterator[Expr]:
    yield tree
    for part in parts(tree):
        yield from _nodes(part)


def _joins(node: Expr) -> bool:
    return isinstance(node, Binary) and node.op not in ("and", "or", "unless")


def _vector(tree: Expr) -> bool:
    return any(True for _ in selectors(tree))


def _meets(node: Binary) -> bool:
    return _vector(node.left) and _vector(node.right)


def _scalar(shape: Shape) -> bool:
    match shape:
        case Leaf():
            return False
        case Constant():
            return True
        case Minus(part):
            return _scalar(part)
        case Join(_, left, right, _):
            return _scalar(left) and _scalar(right)


def _shape(tree: Expr, found: Sequence[Selector], numbers: list[float]) -> Shape:
    match tree:
        case Selector():
            return Leaf(found.index(tree))
        case Number(value):
            numbers.append(value)
            return Constant(len(numbers) - 1)
        case Negated(part):
            return Minus(_shape(part, found, numbers))
        case Binary(op, left, right, as_bool):
            scalars = not _vector(tree)  # a comparison of numbers gives 0 or 1
            sides = _shape(left, found, numbers), _shape(right, found, numbers)
            return Join(op, *sides, as_bool or (scalars and op in COMPARISON))
        case _:
            raise TypeError(f"{type(tree).__name__} is no part of a formula")


def _labels(tree: Expr, series: Mapping[Selector, Labels]) -> Labels | None:
    """Return the labels of a part, None for a number."""
    match tree:
        case Selector():
            return series[tree]
        case Negated(part):
            return _unnamed(_labels(part, series))
        case Binary(op, left, right, as_bool, matching):
            one, other = _labels(left, series), _labels(right, series)
            drop_name = drops_name(op, as_bool=as_bool)
            if one is not None and other is not None:
                return result_labels(one, other, matching=matching, drop_name=drop_name)
            found = one if other is None else other
            return _unnamed(found) if drop_name else found
        case _:
            return None


def _unnamed(labels: Labels | None) -> Labels | None:
    return labels and tuple(pair for pair in labels if pair[0] not in WHAT_IT_IS)
