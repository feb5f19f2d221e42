"""Which labels decide that series belong together. Done once for a list of series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.columns import NAME, Labels
from metrics.promql.frames import (
    Groups,
    Matrix,
    Relabelling,
    Rows,
    grouped,
    numbered,
    relabelled,
    relabelling,
)
from metrics.promql.memory import Memory
from metrics.promql.tree import Grouping, Many, Matching

LabelList = Sequence[Labels]
WHAT_IT_IS = frozenset((NAME, "__type__", "__unit__"))
"""Labels that say what a series measures: they go together when it no longer does."""


@dataclass(frozen=True, slots=True)
class Sides:
    """How two vectors meet: each side's match groups, and for each row its group over there.

    The partner of a row is -1 where the other side has no such group.
    """

    left: Groups
    right: Groups
    partner_of_left: Rows
    partner_of_right: Rows
    right_keys: Sequence[Labels]


def finished(matrix: Matrix, memory: Memory) -> Matrix:
    """Return the series without the names that no longer say what they are."""
    nameless = matrix.nameless
    if nameless is None or not nameless.any():
        return matrix

    def make() -> Relabelling:
        return relabelling(
            [
                _without(each, WHAT_IT_IS) if gone else each
                for each, gone in zip(matrix.labels, nameless.tolist(), strict=True)
            ]
        )

    all_ = bool(nameless.all())
    new = memory.recall("unnamed", matrix.labels, make=make) if all_ else make()
    return relabelled(matrix, new)


def by_grouping(labels: LabelList, grouping: Grouping, *, memory: Memory) -> Relabelling:
    """Return the groups of an aggregation and their labels."""

    return memory.recall(
        grouping, labels, make=lambda: relabelling([key_of(each, grouping) for each in labels])
    )


def key_of(labels: Labels, grouping: Grouping) -> Labels:
    """Return the labels of the group that a series belongs to."""
    if grouping.without:
        return _without(labels, grouping.labels | {NAME})
    return _only(labels, grouping.labels)


def signatures(labels: LabelList, matching: Matching) -> list[Labels]:
    """Return for each series the labels by which it finds its partner."""
    if matching.on:
        return [_only(each, matching.labels) for each in labels]
    dropped = matching.labels | {NAME}
    return [_without(each, dropped) for each in labels]


def sides(left: LabelList, right: LabelList, *, matching: Matching, memory: Memory) -> Sides:
    """Return how the series of two vectors meet."""

    def make() -> Sides:
        left_signatures, right_signatures = signatures(left, matching), signatures(right, matching)
        left_numbers, left_known = numbered(left_signatures)
        right_numbers, right_known = numbered(right_signatures)
        return Sides(
            left=grouped(left_numbers, len(left_known)),
            right=grouped(right_numbers, len(right_known)),
            partner_of_left=_found(left_signatures, right_known),
            partner_of_right=_found(right_signatures, left_known),
            right_keys=list(right_known),
        )

    return memory.recall(("sides", matching.labels, matching.on), left, right, make=make)


def result_labels(left: Labels, right: Labels, *, matching: Matching, drop_name: bool) -> Labels:
    """Return the labels of a match; `left` is of the side that may have many."""
    if matching.many is Many.NEITHER:
        kept = _only(left, matching.labels) if matching.on else _without(left, matching.labels)
    else:
        kept = left
    if drop_name:
        kept = _without(kept, WHAT_IT_IS)
    if not matching.include:
        return kept
    included = frozenset(matching.include)
    return tuple(sorted(_without(kept, included) + _only(right, included)))


def _found(signatures: Sequence[Labels], known: dict[Labels, int]) -> Rows:
    return np.fromiter((known.get(each, -1) for each in signatures), np.intp, len(signatures))


def _only(labels: Labels, names: frozenset[str]) -> Labels:
    return tuple([pair for pair in labels if pair[0] in names])


def _without(labels: Labels, names: frozenset[str]) -> Labels:
    return tuple([pair for pair in labels if pair[0] not in names])
