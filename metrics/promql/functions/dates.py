"""Functions of the calendar (UTC), of the moment of the evaluation, and of those of the query."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metrics.promql.frames import Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions

Ints = NDArray[np.int64]
Seconds = NDArray[np.datetime64]
MOST = 2**53
"""More seconds than these before or after 1970 are no date."""


def _year(at: Seconds) -> Ints:
    return at.astype("M8[Y]").astype(np.int64) + 1970


def _month(at: Seconds) -> Ints:
    return at.astype("M8[M]").astype(np.int64) % 12 + 1


def _day_of_month(at: Seconds) -> Ints:
    return _since(at.astype("M8[D]"), at.astype("M8[M]")) + 1


def _day_of_week(at: Seconds) -> Ints:
    return (at.astype("M8[D]").astype(np.int64) + 4) % 7  # 1970 began on a Thursday


def _day_of_year(at: Seconds) -> Ints:
    return _since(at.astype("M8[D]"), at.astype("M8[Y]")) + 1


def _days_in_month(at: Seconds) -> Ints:
    month = at.astype("M8[M]")
    return _since((month + 1).astype("M8[D]"), month)


def _hour(at: Seconds) -> Ints:
    return _since(at, at.astype("M8[D]")) // 3600


def _minute(at: Seconds) -> Ints:
    return _since(at, at.astype("M8[h]")) // 60


def _since(at: Seconds, before: Seconds) -> Ints:
    """Return how many units of `at` it is after another moment."""
    return (at - before).astype(np.int64)


def _of_dates(compute: Callable[[Seconds], Ints]) -> Function:
    def function(given: Arguments) -> Matrix:
        if not given.given:
            return _alone(compute(_dates(given.steps // 1000)).astype(np.float64))
        vector = given.vector(0)
        known = np.abs(vector.values) < MOST
        values = compute(_dates(np.where(known, vector.values, 0)))
        return vector.computed(np.where(known, values, np.nan))

    return function


def _dates(seconds: NDArray[np.generic]) -> Seconds:
    return seconds.astype(np.int64).astype("M8[s]")  # towards zero, as Go does


def _alone(values: Floats) -> Matrix:
    return Matrix([()], values[None, :], np.ones((1, len(values)), np.bool_))


def _time(given: Arguments) -> Floats:
    return given.steps / 1000


def _of_query(compute: Callable[[Arguments], int]) -> Function:
    def function(given: Arguments) -> Floats:
        return np.full(len(given.steps), compute(given) / 1000)

    return function


def _timestamp(given: Arguments) -> Matrix:
    found = given.times(0)
    return found.computed(found.values)


FUNCTIONS: Functions = {
    "year": _of_dates(_year),
    "month": _of_dates(_month),
    "day_of_month": _of_dates(_day_of_month),
    "day_of_week": _of_dates(_day_of_week),
    "day_of_year": _of_dates(_day_of_year),
    "days_in_month": _of_dates(_days_in_month),
    "hour": _of_dates(_hour),
    "minute": _of_dates(_minute),
    "time": _time,
    "start": _of_query(lambda given: given.query[0]),
    "end": _of_query(lambda given: given.query[1]),
    "range": _of_query(lambda given: given.query[1] - given.query[0]),
    "step": _of_query(lambda given: given.step_ms),
    "timestamp": _timestamp,
}
