"""Operators on values, as Go computes with floats. Pure."""

from collections.abc import Callable

import numpy as np

from metrics.promql.frames import Flags, Floats

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable[[Floats, Floats], Flags]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def drops_name(op: str, *, as_bool: bool) -> bool:
    """Tell whether the result is another thing than what the metric's name says."""
    return op in ARITHMETIC or as_bool


def joined(op: str, left: Floats, right: Floats, *, as_bool: bool) -> tuple[Floats, Flags | None]:
    """Return the values, and where a comparison that filters keeps them (else None).

    A filter keeps the left value.
    """
    if op in ARITHMETIC:
        return ARITHMETIC[op](left, right), None
    kept = COMPARISON[op](left, right)
    if as_bool:
        return kept.astype(np.float64), None
    return np.broadcast_to(left, kept.shape), kept
