"""Samples in columns, and the marker of an ended series."""

import math

import numpy as np

from metrics.columns import STALE, columns_of, is_stale, labels_of


def test_labels_have_one_form() -> None:
    assert labels_of({"b": "2", "a": "1", "c": ""}) == (("a", "1"), ("b", "2"))


def test_a_series_owns_its_stretch_of_the_columns() -> None:
    columns = columns_of([((("a", "1"),), [(1, 1.0), (2, 2.0)]), ((), []), ((), [(3, 3.0)])])

    assert columns.starts.tolist() == [0, 2, 2, 3]
    assert columns.times[2:3].tolist() == [3]
    assert columns.values[0:2].tolist() == [1.0, 2.0]


def test_only_the_marker_is_stale_not_every_nan() -> None:
    assert is_stale(np.array([1.0, math.nan, STALE, math.inf])).tolist() == [
        *(False, False, True, False)
    ]
