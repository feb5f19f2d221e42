"""Results in the shape of Prometheus's HTTP API: the `data` of its envelope. Pure."""

from typing import Any

import numpy as np
import orjson

from metrics.columns import Columns
from metrics.promql.frames import Matrix, Vector
from metrics.promql.numbers import number_text, number_texts
from metrics.promql.plan import Plan
from metrics.promql.signatures import Kind
from metrics.promql.tree import Text


def text_data(text: Text, at_ms: int) -> dict[str, Any]:
    """Return the answer to a query that is only a string."""
    return {"resultType": Kind.STRING, "result": [_seconds(at_ms), text.value]}


def instant_data(plan: Plan, found: Vector, at_ms: int) -> dict[str, Any]:
    """Return the answer of one moment."""
    at = _seconds(at_ms)
    if plan.kind is Kind.SCALAR:
        text = number_text(float(found.values[0]), exponents=False)
        return {"resultType": Kind.SCALAR, "result": [at, text]}
    result = [
        {"metric": dict(labels), "value": [at, text]}
        for labels, text in zip(found.labels, number_texts(found.values), strict=True)
    ]
    return {"resultType": Kind.VECTOR, "result": result}


def range_data(found: Matrix, start_ms: int, step_ms: int) -> dict[str, Any]:
    """Return the answer of a range, its series in the order of their labels.

    The points of a series are JSON already, written without an object for each of them.
    """
    rows = np.flatnonzero(found.present.any(axis=1)).tolist()
    rows.sort(key=lambda row: found.labels[row])
    steps = found.values.shape[1]
    begun = [f'"],[{_seconds(start_ms + step_ms * step)},"' for step in range(steps)]
    result = []
    for row in rows:
        shown = found.present[row]
        seen = begun if shown.all() else [begun[step] for step in np.flatnonzero(shown).tolist()]
        written = [""] * (2 * len(seen))
        written[::2], written[1::2] = seen, number_texts(found.values[row][shown])
        points = orjson.Fragment("[" + "".join(written)[3:] + '"]]')
        result.append({"metric": dict(found.labels[row]), "values": points})
    return {"resultType": Kind.MATRIX, "result": result}


def samples_data(found: Columns) -> dict[str, Any]:
    """Return the samples of a range, its series in the order of their labels."""
    bounds = found.starts.tolist()
    rows = [row for row in range(len(found.labels)) if bounds[row] < bounds[row + 1]]
    rows.sort(key=lambda row: found.labels[row])
    result = []
    for row in rows:
        own = slice(bounds[row], bounds[row + 1])
        seen = [_seconds(at) for at in found.times[own].tolist()]
        points = list(zip(seen, number_texts(found.values[own]), strict=True))
        result.append({"metric": dict(found.labels[row]), "values": points})
    return {"resultType": Kind.MATRIX, "result": result}


def _seconds(ms: int) -> float:
    whole, rest = divmod(ms, 1000)
    return ms / 1000 if rest else whole
