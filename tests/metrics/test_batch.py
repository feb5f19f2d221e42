"""Pieces become columns: each series in order of time, the last word of equal times."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics.batch import Pieces, merged
from metrics.columns import Labels

OWNERS = 4
LABELS: list[Labels] = [(("host", str(number)),) for number in range(OWNERS)]
SAMPLES = st.lists(st.tuples(st.integers(0, OWNERS - 1), st.integers(0, 30)), max_size=30)
"""Whose, and when; the values are made by counting."""


def pieces_of(parts: list[list[tuple[int, int]]]) -> tuple[list[Pieces], dict[int, dict[int, int]]]:
    """Return pieces, and what a plain reading of them one after the other comes to."""
    made, model, number = [], dict[int, dict[int, int]](), 0
    for part in parts:
        values = []
        for owner, at in part:
            number += 1
            model.setdefault(owner, {})[at] = number
            values.append(number)
        owners, times = (np.array(column, np.int64) for column in zip(*part, strict=True))
        made.append(Pieces.of_each(owners, times, np.array(values, np.float64)))
    return made, model


@given(st.lists(SAMPLES.filter(bool), max_size=5), st.booleans())
def test_pieces_are_read_one_after_the_other(
    parts: list[list[tuple[int, int]]], in_order: bool
) -> None:
    if in_order:  # as chunks and memory give them
        parts = [sorted(set(part)) for part in parts]
    pieces, model = pieces_of(parts)
    before = [(piece.times.tolist(), piece.values.tolist()) for piece in pieces]

    columns = merged(pieces, LABELS)
    for owner in range(OWNERS):
        part = slice(columns.starts[owner], columns.starts[owner + 1])
        found = zip(columns.times[part].tolist(), columns.values[part].tolist(), strict=True)
        assert list(found) == sorted(model.get(owner, {}).items())
    assert [(piece.times.tolist(), piece.values.tolist()) for piece in pieces] == before


def test_an_overlap_at_the_end_leaves_what_is_before_it_alone() -> None:
    old = Pieces.of_each(np.zeros(6, np.int64), np.arange(6), np.arange(6.0))
    new = Pieces.of_each(np.zeros(3, np.int64), np.array([4, 5, 6]), np.array([40.0, 50.0, 60.0]))
    columns = merged([old, new], LABELS[:1])
    assert columns.times.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert columns.values.tolist() == [0, 1, 2, 3, 40, 50, 60]
