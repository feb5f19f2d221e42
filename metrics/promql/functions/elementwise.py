"""Functions of single values: mathematics, limits, rounding."""

from collections.abc import Callable

import numpy as np

from metrics.promql.frames import Floats, Matrix
from metrics.promql.functions.arguments import Arguments, Function, Functions


def _sign(values: Floats) -> Floats:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def _of_values(compute: Callable[[Floats], Floats]) -> Function:
    def function(given: Arguments) -> Matrix:
        vector = given.vector(0)
        return vector.computed(compute(vector.values))

    return function


def _limited(vector: Matrix, least: Floats, most: Floats) -> Matrix:
    values = np.maximum(least, np.minimum(most, vector.values))
    return vector.computed(values, vector.present & ~(most < least))


def _clamp(given: Arguments) -> Matrix:
    return _limited(given.vector(0), given.scalar(1), given.scalar(2))


def _clamp_min(given: Arguments) -> Matrix:
    return _limited(given.vector(0), given.scalar(1), np.array([np.inf]))


def _clamp_max(given: Arguments) -> Matrix:
    return _limited(given.vector(0), np.array([-np.inf]), given.scalar(1))


def _round(given: Arguments) -> Matrix:
    vector = given.vector(0)
    nearest = given.scalar(1) if len(given.given) > 1 else np.ones(1)
    inverse = 1.0 / nearest  # as Prometheus does, for the same last digits
    return vector.computed(np.floor(vector.values * inverse + 0.5) / inverse)


_BY_VALUE: dict[str, Callable[[Floats], Floats]] = {
    **{"abs": np.abs, "ceil": np.ceil, "floor": np.floor, "exp": np.exp, "sqrt": np.sqrt},
    **{"ln": np.log, "log2": np.log2, "log10": np.log10, "sgn": _sign},
    **{"sin": np.sin, "cos": np.cos, "tan": np.tan},
    **{"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan},
    **{"sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh},
    **{"asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh},
    **{"deg": lambda values: values * 180 / np.pi, "rad": lambda values: values * np.pi / 180},
}
FUNCTIONS: Functions = {
    **{name: _of_values(compute) for name, compute in _BY_VALUE.items()},
    "clamp": _clamp,
    "clamp_max": _clamp_max,
    "clamp_min": _clamp_min,
    "round": _round,
}
