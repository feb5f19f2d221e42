"""What is drawn of a matrix: few lines, the greatest first, with their figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.columns import labels_of
from metrics.drawing import STEPS, drawing, evened, step_of
from metrics.promql.frames import Matrix

NAN = float("nan")


def matrix(*rows: list[float]) -> Matrix:
    """Return series a, b, c … with these values."""
    labels = [labels_of({"__name__": chr(97 + number)}) for number in range(len(rows))]
    values = np.array(rows, np.float64).reshape(len(rows), -1)
    return Matrix(labels, values, ~np.isnan(values))


def test_the_greatest_come_first_and_all_are_counted() -> None:
    drawn = drawing(matrix([1, 2], [9, 3], [4, NAN]), most=2)

    assert drawn.found == 3
    assert [dict(line.labels)["__name__"] for line in drawn.lines] == ["b", "c"]


def test_the_figures_leave_out_what_is_not_there() -> None:
    (line,) = drawing(matrix([2, NAN, 6, NAN])).lines

    assert (line.least, line.most, line.mean, line.last) == (2, 6, 4, 6)


def test_a_series_without_a_number_is_not_drawn() -> None:
    assert drawing(matrix([NAN, NAN], [float("inf"), NAN])).found == 0


@given(st.integers(0, 2**41), st.integers(1, 400 * 86_400_000))
def test_a_range_never_has_many_steps(start: int, length: int) -> None:
    step = step_of(start, start + length)

    assert step % 1000 == 0
    assert length / step <= STEPS


@pytest.mark.parametrize(
    ("days", "even"), [(1, 1), (7, 300_000), (30, 3_600_000), (400, 3_600_000)]
)
def test_a_long_range_begins_and_ends_where_steps_of_rollups_do(days: int, even: int) -> None:
    end = 1_790_000_123_456
    start, until = evened(end - days * 86_400_000, end)

    assert (start % even, until % even) == (0, 0)
    assert end - even < until <= end
    assert until - start == days * 86_400_000
    assert step_of(start, until) % even == 0
    assert evened(start, until) == (start, until)
