"""Series in one line each, and what a query gives over them: for tables of cases."""

import math
import re
from collections.abc import Mapping

import pytest

from metrics.columns import STALE
from metrics.promql.durations import Frame
from metrics.promql.evaluation import evaluate, instant
from metrics.promql.numbers import labels_text
from metrics.promql.plan import compile
from metrics.promql.terms import Terms
from tests.support.shelf import Points, Shelf

Line = tuple[Mapping[str, str], Points]
MINUTE = 60_000
_RISING = re.compile(r"(-?[\d.]+)([+-][\d.]+)x(\d+)")


def line(name: str, values: str, step_ms: int = MINUTE, /, **labels: str) -> Line:
    """Return a series from time 0 on: `1 _ 3 stale 5+2x3` is 1, nothing, 3, its end, 5 7 9 11."""
    found: list[float | None] = []
    for word in values.split():
        if rising := _RISING.fullmatch(word):
            first, more, times = float(rising[1]), float(rising[2]), int(rising[3])
            found.extend(first + more * turn for turn in range(times + 1))
        else:
            found.append(_number(word))
    points = [(place * step_ms, each) for place, each in enumerate(found) if each is not None]
    return {"__name__": name, **labels}, points


def _number(word: str) -> float | None:
    return None if word == "_" else STALE if word == "stale" else float(word)


def ask(text: str, *series: Line, at_ms: int = 0, terms: Terms | None = None) -> dict[str, float]:
    """Return the values of an instant query by the series as people write them, in its order."""
    shelf, plan = Shelf(series), compile(text)
    data = [shelf.columns(s.matchers, *s.window(at_ms, at_ms)) for s in plan.selectors]
    found = instant(plan, data, at_ms=at_ms, terms=terms)
    return {
        labels_text(labels): value
        for labels, value in zip(found.labels, found.values.tolist(), strict=True)
    }


def steps(
    text: str, *series: Line, end_ms: int, step_ms: int = MINUTE, terms: Terms | None = None
) -> dict[str, list[float | None]]:
    """Return the values of a range query from 0 on, None where a series has none."""
    shelf, plan = Shelf(series), compile(text, Frame(end_ms, step_ms))
    data = [shelf.columns(s.matchers, *s.window(0, end_ms)) for s in plan.selectors]
    found = evaluate(plan, data, start_ms=0, end_ms=end_ms, step_ms=step_ms, terms=terms)
    rows = zip(found.labels, found.values.tolist(), found.present.tolist(), strict=True)
    return {
        labels_text(labels): [
            value if shown else None for value, shown in zip(values, present, strict=True)
        ]
        for labels, values, present in rows
        if any(present)
    }


def about(wanted: Mapping[str, float]) -> object:
    """Return what equals these values but for the last digits."""
    return pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)


NAN, INF = math.nan, math.inf
