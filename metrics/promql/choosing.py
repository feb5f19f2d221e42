"""Aggregations that choose among the series of a group, or count them by value."""

import math
from collections.abc import Sequence

import numpy as np

from metrics.columns import Labels
from metrics.promql.aggregation import alike_groups
from metrics.promql.frames import Floats, Groups, Matrix, Rows, numbered
from metrics.promql.grouping import by_grouping, key_of
from metrics.promql.hashes import labels_hash
from metrics.promql.numbers import number_text, quoted, short_text
from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Terms
from metrics.promql.tree import Aggregate

MOST = 2**63
HASHES = 2.0**64


def top(node: Aggregate, matrix: Matrix, asked: Floats, *, terms: Terms) -> Matrix:
    """Return at each step the k largest (`topk`) or smallest (`bottomk`) of each group.

    Of an instant, the best of a group come first.
    """
    wanted, groups = _counts(asked), _groups(node, matrix, terms)
    if groups is None:
        return matrix
    ranked = matrix.values if node.op == "bottomk" else -matrix.values
    kept = np.zeros(matrix.present.shape, np.bool_)
    order: list[int] = []
    for _, members in alike_groups(groups):
        present = matrix.present[members]
        # what is not there comes last, behind NaN; of equals the first
        places = np.lexsort((ranked[members], ~present), axis=1)
        chosen = np.arange(members.shape[1])[None, :, None] < wanted
        best = np.zeros(present.shape, np.bool_)
        np.put_along_axis(best, places, np.broadcast_to(chosen, present.shape), axis=1)
        kept[members] = best & present
        if len(wanted) == 1:
            order.extend(np.take_along_axis(members, places[:, :, 0], axis=1).ravel().tolist())
    found = Matrix(matrix.labels, matrix.values, kept, matrix.nameless)
    return found.taken(np.array(order, np.intp)) if len(wanted) == 1 else found


def limited(node: Aggregate, matrix: Matrix, asked: Floats, *, terms: Terms) -> Matrix:
    """Return at each step any k series of each group (`limitk`): the first ones."""
    wanted, groups = _counts(asked), _groups(node, matrix, terms)
    if groups is None:
        return matrix
    kept = np.zeros(matrix.present.shape, np.bool_)
    for _, members in alike_groups(groups):
        present = matrix.present[members]
        kept[members] = present & (np.cumsum(present, axis=1) <= wanted)
    return Matrix(matrix.labels, matrix.values, kept, matrix.nameless)


def sampled(node: Aggregate, matrix: Matrix, asked: Floats, *, terms: Terms) -> Matrix:
    """Return a share of the series, the same ones each time; a negative share is the rest."""
    if np.isnan(asked).any():
        raise NotComputable("Ratio value is NaN")
    if matrix.present.any():
        for each in {asked.min(), asked.max()} if len(asked) else ():
            if abs(each) <= 1:
                continue
            terms.notes.warn(
                f"ratio value should be between -1 and 1, got {short_text(each)}, "
                f"capping to {short_text(math.copysign(1, each))}"
            )
    share = np.clip(asked, -1, 1)
    marks = terms.memory.recall("marks", matrix.labels, make=lambda: _marks(matrix.labels))
    kept = np.where(share >= 0, marks[:, None] < share, marks[:, None] >= 1 + share)
    return Matrix(matrix.labels, matrix.values, matrix.present & kept, matrix.nameless)


def counted(node: Aggregate, matrix: Matrix, label: str, *, terms: Terms) -> Matrix:
    """Return how many series of a group have the same value, which is a label of the result."""
    if not label:
        raise NotComputable("invalid label name {label}", label=quoted(label))
    rows, steps = np.nonzero(matrix.present)
    values = matrix.values[rows, steps]
    values = np.where(np.isnan(values), np.nan, values)  # all NaN are the same one
    different, which = np.unique(values.view(np.int64), return_inverse=True)
    texts = [number_text(value, exponents=False) for value in different.view(np.float64).tolist()]
    pairs, of_pair = np.unique(rows * max(len(texts), 1) + which, return_inverse=True)
    keys = [
        _counted_key(node, label, matrix.labels[pair // len(texts)], texts[pair % len(texts)])
        for pair in pairs.tolist()
    ]
    numbers, known = numbered(keys)
    width = matrix.present.shape[1]
    terms.room(len(known) * width)
    cells = np.array(numbers, np.intp)[of_pair] * width + steps
    counts = np.bincount(cells, minlength=len(known) * width).reshape(len(known), width)
    return Matrix(list(known), counts.astype(np.float64), counts > 0)


def _counted_key(node: Aggregate, label: str, labels: Labels, text: str) -> Labels:
    grouping = node.grouping
    if not grouping.without and label not in grouping.labels:
        group = key_of(labels, grouping)
        return tuple(sorted([*group, (label, text)]))
    told = tuple(sorted([*(pair for pair in labels if pair[0] != label), (label, text)]))
    return key_of(told, grouping)


def _counts(asked: Floats) -> Rows:
    if np.isnan(asked).any():
        raise NotComputable("Parameter value is NaN")
    if (asked >= MOST).any():
        raise NotComputable("Scalar value {value} overflows int64", value=short_text(asked.max()))
    if (asked <= -MOST).any():
        raise NotComputable("Scalar value {value} underflows int64", value=short_text(asked.min()))
    return np.maximum(asked, 0).astype(np.int64)


def _groups(node: Aggregate, matrix: Matrix, terms: Terms) -> Groups | None:
    if not len(matrix.labels):
        return None
    return by_grouping(matrix.labels, node.grouping, memory=terms.memory).groups


def _marks(labels: Sequence[Labels]) -> Floats:
    """Return for each series a number in [0, 1) that depends on its labels alone."""
    return np.array([labels_hash(each) for each in labels], np.float64) / HASHES
