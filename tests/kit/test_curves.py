"""Curves: where a line breaks, and that what is left of many points shows what they showed."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kit.curves import AROUND, LATE, Points, cut, longest, thinned

NAN = float("nan")


def points(pauses: list[int], values: list[float] | None = None) -> Points:
    times = np.cumsum([0, *pauses])
    return Points(times, np.array(values or [1.0] * len(times), np.float64))


def breaks_after(pauses: list[int]) -> list[bool]:
    """Tell of each pause whether it is late among those around it, or all if they are few."""
    around = AROUND // 2
    found = []
    for place, pause in enumerate(pauses):
        near = [abs(place + step) for step in range(-around, around + 1)]
        mirrored = [min(at, 2 * (len(pauses) - 1) - at) for at in near]
        usual = [pauses[at] for at in mirrored] if len(pauses) > AROUND else pauses
        found.append(pause > float(np.median(usual)) * LATE)
    return found


@given(st.lists(st.sampled_from([1, 2, 10, 15, 24, 25, 26, 38, 60, 400]), min_size=1))
def test_a_line_breaks_where_a_sample_is_late_for_its_place(pauses: list[int]) -> None:
    _, runs = cut(points(pauses))

    assert (np.diff(runs) > 0).tolist() == breaks_after(pauses)


@given(st.lists(st.sampled_from([1.0, 2.0, NAN, float("inf")]), min_size=1, max_size=40))
def test_a_line_breaks_wherever_a_value_is_unknown(values: list[float]) -> None:
    seen, runs = cut(points([10] * (len(values) - 1), values))

    known = [place for place, value in enumerate(values) if np.isfinite(value)]
    far = [b - a for a, b in pairwise(known)]
    assert (seen.times // 10).tolist() == known
    assert all(step > 0 for step, apart in zip(np.diff(runs), far, strict=True) if apart > 1)
    assert bool(len(set(runs.tolist())) > 1) == any(apart > 1 for apart in far)


def test_how_long_data_may_be_away_at_the_end_follows_its_rhythm_there() -> None:
    assert longest(points([60] * 20 + [10] * 20)) == 25
    assert longest(points([60] * 3)) == 150
    assert longest(points([])) == np.inf


def test_of_many_points_the_ends_the_peaks_and_the_holes_are_left() -> None:
    values = np.sin(np.arange(20_000) / 500)
    values[7777], values[13_333], values[-1] = 9, -9, 0.5
    pauses = [10] * 19_999
    pauses[5000] = 40_000

    seen, runs = thinned(*cut(points(pauses, values.tolist())), 100)

    assert len(seen.times) <= 100
    assert {9.0, -9.0} <= set(seen.values.tolist())
    assert (seen.times[0], seen.times[-1], seen.values[-1]) == (0, sum(pauses), 0.5)
    hole = int(np.flatnonzero(np.diff(runs))[0])
    assert seen.times[hole : hole + 2].tolist() == [50_000, 90_000]
