"""What an alert saw: its own expression over the last hour, for the chart on its page."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from alerting.groups.rules import ALERTNAME
from alerting.tables import Alert
from kit.clock import milliseconds
from kit.errors import Refusal
from metrics.batch import Floats, Ints
from metrics.columns import NAME, Columns, Labels
from metrics.matchers import Matcher, Op
from metrics.promql.plan import Plan, plain
from metrics.promql.syntax import parse
from metrics.promql.tenancy import partitioned, scoped
from metrics.promql.terms import Terms
from metrics.queries import Reader, query

HOUR = timedelta(hours=1)
STEPS = 240

NOTHING = Columns([], np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


async def evidence(
    store: Reader, alert: Alert, *, now: datetime, length: timedelta = HOUR
) -> Columns:
    """Return what the alert's expression gave for its labels; of no series if there is nothing."""
    end = milliseconds(now)
    start = end - milliseconds_of(length)
    try:
        tree = parse(alert.expr)
    except Refusal:
        return NOTHING
    filed = ALERTNAME in alert.labels
    if (selector := plain(tree)) and not filed:
        own = [Matcher(name, Op.EQUAL, value) for name, value in alert.labels.items()]
        return _only(await store.read([*selector.matchers, *own], start, end), alert.labels)
    plan = Plan(scoped(partitioned(tree), alert.client))
    step = max((end - start) // STEPS, 1)
    try:
        matrix = await query(store, plan, start_ms=start, end_ms=end, step_ms=step, terms=Terms())
    except Refusal:
        return NOTHING
    for row, labels in enumerate(matrix.labels):
        if _of_the_alert(labels, alert.labels) or (filed and _led_to(labels, alert.labels)):
            shown = matrix.present[row]
            times = np.arange(start, end + 1, step, dtype=np.int64)[shown]
            return _one(labels, times, matrix.values[row][shown])
    return NOTHING


def milliseconds_of(length: timedelta) -> int:
    """Return a length in ms."""
    return length // timedelta(milliseconds=1)


def _of_the_alert(labels: Labels, wanted: Mapping[str, str]) -> bool:
    named = dict(labels)
    named.setdefault("client", wanted.get("client", ""))
    return named == dict(wanted) or {k: v for k, v in named.items() if k != NAME} == dict(wanted)


def _led_to(labels: Labels, wanted: Mapping[str, str]) -> bool:
    """Tell whether a result has no label but those of an alert of a file, which has more."""
    return all(wanted.get(name) == value for name, value in labels if name != NAME)


def _only(columns: Columns, wanted: Mapping[str, str]) -> Columns:
    """Return the one series that has these labels and no others."""
    for place, labels in enumerate(columns.labels):
        if _of_the_alert(labels, wanted):
            own = slice(int(columns.starts[place]), int(columns.starts[place + 1]))
            return _one(labels, columns.times[own], columns.values[own])
    return NOTHING


def _one(labels: Labels, times: Ints, values: Floats) -> Columns:
    seen = ~np.isnan(values)
    times, values = times[seen], values[seen]
    return Columns([labels], np.array([0, len(times)], np.int64), times, values)
