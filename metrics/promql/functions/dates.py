"""Functions of the calendar (UTC) and of the moment of the evaluation."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metrics.promql.frames import Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions

Seconds = NDArray[np.datetime64]
MOST = 2**53
"""More seconds than these before or after 1970 are no date."""


def _year(at: Seconds) -> Floats:
    return at.astype("M8[Y]").astype(np.float64) + 1970


def _month(at: Seconds) -> Floats:
    return at.astype("M8[M]").astype(np.int64) % 12 + 1.0


def _day_of_month(at: Seconds) -> Floats:
    return (at.astype("M8[D]") - at.astype("M8[M]")).astype(np.float64) + 1


def _day_of_week(at: Seconds) -> Floats:
    return (at.astype("M8[D]").astype(np.int64) + 4) % 7 + 0.0  # 1970 began on a Thursday


def _day_of_year(at: Seconds) -> Floats:
    return (at.astype("M8[D]") - at.astype("M8[Y]")).astype(np.float64) + 1


def _days_in_month(at: Seconds) -> Floats:
    month = at.astype("M8[M]")
    return ((month + 1).astype("M8[D]") - month.astype("M8[D]")).astype(np.float64)


def _hour(at: Seconds) -> Floats:
    return (at - at.astype("M8[D]")).astype(np.int64) // 3600 + 0.0


def _minute(at: Seconds) -> Floats:
    return (at - at.astype("M8[h]")).astype(np.int64) // 60 + 0.0


def _of_dates(compute: Callable[[Seconds], Floats]) -> Function:
    def function(given: Arguments) -> Matrix:
        if not given.given:
            return _alone(compute(_dates(given.steps // 1000)))
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
    "timestamp": _timestamp,
}
