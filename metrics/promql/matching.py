"""An operator between two vectors: which series meet which, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.columns import Labels
from metrics.promql.arithmetic import drops_name, joined
from metrics.promql.filling import filled
from metrics.promql.frames import (
    SAME_LABELS,
    Flags,
    Groups,
    Matrix,
    Relabelling,
    Rows,
    crowded,
    folded,
    grouped,
    numbered,
    relabelled,
    relabelling,
)
from metrics.promql.grouping import Sides, result_labels, sides
from metrics.promql.memory import Memory
from metrics.promql.numbers import whole_text
from metrics.promql.refusals import NotComputable
from metrics.promql.tree import UNFILLED, Binary, Many, Matching

EXPLICIT = (
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
)
UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"

TOO_MANY = "too many series of the two sides could match each other"
MOST_PAIRS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Rows that can meet. `parties` folds those of the "one" side that stand for each other:
    of one match group, with the same labels to include."""

    many_rows: Rows
    parties: Groups
    party_rows: Rows
    by_match: Groups
    relabelling: Relabelling


def matched(node: Binary, left: Matrix, right: Matrix, *, memory: Memory, most: int) -> Matrix:
    """Return what the operator makes of the series that match, or refuse an unclear match."""
    if node.matching.fill != UNFILLED:
        left, right = filled(left, right, matching=node.matching, memory=memory)
    swapped = node.matching.many is Many.RIGHT
    many, one = (right, left) if swapped else (left, right)
    meeting = sides(many.labels, one.labels, matching=node.matching, memory=memory)
    _refuse_two_of_one(many, one, meeting=meeting, hand="left" if swapped else "right")
    drop_name = drops_name(node.op, as_bool=False)
    pairs = memory.recall(
        ("pairs", node.matching, drop_name),
        many.labels,
        one.labels,
        make=lambda: _pairs(
            many.labels,
            one.labels,
            matching=node.matching,
            meeting=meeting,
            drop_name=drop_name,
        ),
    )
    if len(pairs.many_rows) * many.values.shape[1] > most:
        raise NotComputable(TOO_MANY)
    values, present = folded(one.values, one.present & many.present.any(axis=0), pairs.parties)
    ones, manys = values[pairs.party_rows], many.values[pairs.many_rows]
    both = many.present[pairs.many_rows] & present[pairs.party_rows]
    first, second = (ones, manys) if swapped else (manys, ones)
    result, kept = joined(node.op, first, second, as_bool=node.as_bool)
    met = both if kept is None else both & kept
    if node.matching.many is Many.NEITHER and crowded(met, pairs.by_match).any():
        raise NotComputable(EXPLICIT)
    wrong = SAME_LABELS if node.matching.many is Many.NEITHER else UNIQUE
    found = Matrix(pairs.relabelling.labels, result, met, _nameless(node, many, pairs))
    return relabelled(found, pairs.relabelling, wrong=wrong)


def _nameless(node: Binary, many: Matrix, pairs: "_Pairs") -> Flags | None:
    if node.as_bool:
        return np.ones(len(pairs.many_rows), np.bool_)
    return None if many.nameless is None else many.nameless[pairs.many_rows]


def either(node: Binary, left: Matrix, right: Matrix, *, memory: Memory) -> Matrix:
    """Return `left and right`, `left or right` or `left unless right`."""
    meeting = sides(left.labels, right.labels, matching=node.matching, memory=memory)
    if node.op == "or":
        return _all_of_both(left, right, meeting=meeting, memory=memory)
    found = _met(right.present, meeting.right, meeting.partner_of_left)
    kept = found if node.op == "and" else ~found
    return Matrix(left.labels, left.values, left.present & kept, left.nameless)


def _all_of_both(left: Matrix, right: Matrix, *, meeting: Sides, memory: Memory) -> Matrix:
    kept = ~_met(left.present, meeting.left, meeting.partner_of_right)
    new = memory.recall(
        "or", left.labels, right.labels, make=lambda: relabelling([*left.labels, *right.labels])
    )
    values = np.concatenate([left.values, right.values])
    present = np.concatenate([left.present, right.present & kept])
    return relabelled(Matrix(new.labels, values, present, _of_both(left, right)), new)


def _of_both(left: Matrix, right: Matrix) -> Flags | None:
    if left.nameless is None and right.nameless is None:
        return None
    sides = [
        np.zeros(len(each.labels), np.bool_) if each.nameless is None else each.nameless
        for each in (left, right)
    ]
    return np.concatenate(sides)


def _met(present: Flags, groups: Groups, partners: Rows) -> Flags:
    """Tell for each row, by its partner group on the other side, when that has a row."""
    if not len(groups.order):
        return np.zeros((len(partners), present.shape[1]), np.bool_)
    seen = np.logical_or.reduceat(present[groups.order], groups.starts, axis=0)
    found: Flags = seen[np.maximum(partners, 0)] & (partners >= 0)[:, None]
    return found


def _refuse_two_of_one(many: Matrix, one: Matrix, *, meeting: Sides, hand: str) -> None:
    wrong = crowded(one.present, meeting.right) & many.present.any(axis=0)
    if not wrong.any():
        return
    group, step = np.argwhere(wrong)[0]
    rows = np.flatnonzero((meeting.right.of_row == group) & one.present[:, step])[:2]
    shown = ", ".join(whole_text(labels) for labels in sorted(one.labels[row] for row in rows))
    raise NotComputable(
        "found duplicate series for the match group {group} "
        "on the {hand} hand-side of the operation: [{shown}];"
        "many-to-many matching not allowed: matching labels must be unique on one side",
        group=whole_text(meeting.right_keys[group]),
        hand=hand,
        shown=shown,
    )


def _pairs(
    many: Sequence[Labels],
    one: Sequence[Labels],
    *,
    matching: Matching,
    meeting: Sides,
    drop_name: bool,
) -> _Pairs:
    include = frozenset(matching.include)
    keys = [
        (group, tuple(pair for pair in labels if pair[0] in include))
        for labels, group in zip(one, meeting.right.of_row.tolist(), strict=True)
    ]
    numbers, known = numbered(keys)
    parties_of: dict[int, list[int]] = {}
    for (group, _), party in known.items():
        parties_of.setdefault(group, []).append(party)
    included = [labels for _, labels in known]
    if (
        sum(len(parties_of.get(group, ())) for group in meeting.partner_of_left.tolist())
        > MOST_PAIRS
    ):
        raise NotComputable(TOO_MANY)
    met = [
        (row, party, group)
        for row, group in enumerate(meeting.partner_of_left.tolist())
        for party in parties_of.get(group, ())
    ]
    matches, count = numbered([group for _, _, group in met])
    return _Pairs(
        many_rows=np.array([row for row, _, _ in met], np.intp),
        parties=grouped(numbers, len(known)),
        party_rows=np.array([party for _, party, _ in met], np.intp),
        by_match=grouped(matches, len(count)),
        relabelling=relabelling(
            [
                result_labels(many[row], included[party], matching=matching, drop_name=drop_name)
                for row, party, _ in met
            ]
        ),
    )
