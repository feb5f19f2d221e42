"""What `fill`, `fill_left`, `fill_right` add: a series for each that has no partner over there."""

import numpy as np

from metrics.columns import Labels
from metrics.promql.frames import Flags, Matrix, Rows, any_present
from metrics.promql.grouping import Sides, sides
from metrics.promql.memory import Memory
from metrics.promql.tree import Many, Matching


def filled(
    left: Matrix, right: Matrix, *, matching: Matching, memory: Memory
) -> tuple[Matrix, Matrix]:
    """Return both sides with what is missing there: of each match group one series, where
    the other side has one and this side has none."""
    of_left, of_right = matching.fill
    if matching.many is Many.RIGHT:  # Prometheus exchanges the sides before it fills them
        of_left, of_right = of_right, of_left
    there = sides(left.labels, right.labels, matching=matching, memory=memory)
    back = sides(right.labels, left.labels, matching=matching, memory=memory)
    new_left = left if of_left is None else _padded(left, right, there, of_left, memory)
    new_right = right if of_right is None else _padded(right, left, back, of_right, memory)
    return new_left, new_right


def _padded(own: Matrix, other: Matrix, meeting: Sides, value: float, memory: Memory) -> Matrix:
    """Return `own`, the left side of the meeting, with a series for each group of the other."""
    theirs = any_present(other.present, meeting.right)
    missing = theirs & ~_has(own, meeting, meeting.right.order[meeting.right.starts])
    labels = memory.recall(
        ("filled", tuple(meeting.right_keys)), own.labels, make=lambda: _more(own, meeting)
    )
    values = np.concatenate([own.values, np.full(missing.shape, value)])
    nameless = None
    if own.nameless is not None:
        nameless = np.concatenate([own.nameless, np.zeros(len(missing), np.bool_)])
    return Matrix(labels, values, np.concatenate([own.present, missing]), nameless)


def _more(own: Matrix, meeting: Sides) -> list[Labels]:
    return [*own.labels, *meeting.right_keys]


def _has(own: Matrix, meeting: Sides, firsts: Rows) -> Flags:
    """Tell for each group of the other side, of which the first rows are given, where own shows."""
    partners = meeting.partner_of_right[firsts]
    shown = any_present(own.present, meeting.left)
    if not len(shown):
        return np.zeros((len(partners), own.present.shape[1]), np.bool_)
    found: Flags = shown[np.maximum(partners, 0)] & (partners >= 0)[:, None]
    return found
