"""A few series in memory, and rules that are evaluated over them one after the other."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np

from alerting.groups.batches import Batch, Input, alone, shown
from alerting.groups.evaluation import computed, read
from alerting.groups.inquiry import inquiry
from alerting.groups.rules import FileRule, alert_series
from alerting.groups.thresholds import as_threshold
from alerting.lifecycle import START, Ladder, Phase, Priority, Reading, State, after
from alerting.templates import Context
from kit.clock import from_milliseconds
from metrics.batch import Floats, Ints, Refs
from metrics.columns import STALE, Columns, Enough, Labels, columns_of, labels_of
from metrics.matchers import Matcher, all_hold
from metrics.promql.evaluation import instant
from metrics.promql.frames import Vector
from metrics.promql.plan import Plan
from metrics.promql.terms import Terms

OPEN = (Phase.PENDING, Phase.FIRING)


class Shelf:
    """Series and their samples, which come in the order of time."""

    def __init__(self) -> None:
        self._series: list[Labels] = []
        self._numbers: dict[Labels, int] = {}
        self._points: list[tuple[list[int], list[float]]] = []

    def add(self, labels: Labels, at: int, value: float) -> None:
        """Put a sample in; one of the same time is overwritten."""
        number = self._numbers.setdefault(labels, len(self._series))
        if number == len(self._series):
            self._series.append(labels)
            self._points.append(([], []))
        times, values = self._points[number]
        if times and times[-1] == at:
            values[-1] = value
        else:
            times.append(at)
            values.append(value)

    def series_ever(self) -> int:
        """Return how many series there are."""
        return len(self._series)

    def select(self, matchers: Sequence[Matcher]) -> Refs:
        """Return the series that match."""
        found = [n for n, labels in enumerate(self._series) if all_hold(matchers, dict(labels))]
        return np.array(found, np.int32)

    def labels(self, ref: int) -> Labels:
        """Return the labels of a series."""
        return self._series[ref]

    def newest(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample."""
        points = [self._points[ref] for ref in refs.tolist()]
        times = np.array([times[-1] for times, _ in points], np.int64)
        return times, np.array([values[-1] for _, values in points])

    def held(self, refs: Refs, start: int, end: int, _: Enough) -> Columns:
        """Return every sample between `start` and `end`, both included, without labels."""
        found = []
        for ref in refs.tolist():
            times, values = self._points[ref]
            part = slice(bisect_left(times, start), bisect_right(times, end))
            found.append(((), list(zip(times[part], values[part], strict=True))))
        return columns_of(found)

    def ask(self, plan: Plan, at: int) -> Vector:
        """Return what a query gives at a moment."""
        return instant(plan, shown(plan, self, at), at_ms=at, terms=Terms())


class Bench:
    """Rules over a shelf, as Prometheus evaluates them when nobody else is there."""

    def __init__(
        self,
        shelf: Shelf,
        rules: Sequence[FileRule],
        external_labels: Mapping[str, str],
        external_url: str,
    ) -> None:
        self._shelf, self._rules = shelf, rules
        self._outside = dict(external_labels), external_url
        self._batches: dict[FileRule, Batch] = {rule: _plain(rule) for rule in rules}
        self._ladders = {
            rule: as_threshold(rule, Priority.P3).ladder for rule in rules if rule.spec.alert
        }
        self._states: dict[FileRule, dict[Labels, State]] = {}
        self._said: dict[tuple[FileRule, Labels], tuple[Mapping[str, str], int]] = {}
        self._written: dict[FileRule, set[Labels]] = {}

    def evaluate(self, at: int) -> list[str]:
        """Evaluate every rule once; return what went wrong."""
        wrong = []
        for rule in self._rules:
            error = self._one(rule, at)
            if error:
                time = (from_milliseconds(at) - from_milliseconds(0)).total_seconds()
                wrong.append(f"rule: {rule.spec.name}, time: {time:g}s, err: {error}")
        return wrong

    def firing(self, name: str) -> list[tuple[Mapping[str, str], Mapping[str, str]]]:
        """Return labels and annotations of what fires under a name."""
        return [
            (dict(labels), self._said[rule, labels][0])
            for rule, states in self._states.items()
            if rule.spec.alert == name
            for labels, state in states.items()
            if state.phase is Phase.FIRING
        ]

    def _one(self, rule: FileRule, at: int) -> str:
        moment = at - rule.group.offset // timedelta(milliseconds=1)
        batch = self._batches[rule]
        results = computed(batch, read(batch, self._shelf, moment), moment, Terms())
        if results.errors:
            return results.errors[0]
        found: dict[Labels, tuple[float, dict[str, str]]] = {}
        for row in np.flatnonzero(results.present).tolist():
            value, given = float(results.values[row]), dict(results.labels[row])
            context = self._context(given, value, moment)
            labels = labels_of(rule.labelled(context, given))
            if labels in found:
                kind = "alert" if rule.spec.alert else "rule"
                return (
                    f"vector contains metrics with the same labelset after applying {kind} labels"
                )
            found[labels] = value, rule.annotated(context)
        return self._keep(rule, found, at)

    def _keep(
        self, rule: FileRule, found: Mapping[Labels, tuple[float, dict[str, str]]], at: int
    ) -> str:
        limit = rule.group.spec.limit
        if limit and len(found) > limit:
            self._states.pop(rule, None)
            what = "alerts" if rule.spec.alert else "series"
            return f"exceeded limit of {limit} with {len(found)} {what}"
        if rule.spec.record:
            self._write(rule, {labels: value for labels, (value, _) in found.items()}, at)
            return ""
        self._write(rule, self._moved(rule, found, at), at)
        return ""

    def _moved(
        self, rule: FileRule, found: Mapping[Labels, tuple[float, dict[str, str]]], at: int
    ) -> dict[Labels, float]:
        """Bring the alerts of a rule to what it gave; return the series that tell of them."""
        states, ladder = self._states.setdefault(rule, {}), self._ladders[rule]
        for labels in {*states, *found}:
            value = found[labels][0] if labels in found else None
            state = _after(states.get(labels, START), value, ladder, at)
            if state.phase not in OPEN:
                states.pop(labels, None)
                self._said.pop((rule, labels), None)
                continue
            states[labels] = state
            _, since = self._said.get((rule, labels), ({}, at))
            if labels in found:
                self._said[rule, labels] = found[labels][1], since
        told: dict[Labels, float] = {}
        for labels, state in states.items():
            shown, for_state = alert_series(dict(labels), state.phase.value)
            told[labels_of(shown)] = 1.0
            told[labels_of(for_state)] = self._said[rule, labels][1] // 1000
        return told

    def _write(self, rule: FileRule, series: Mapping[Labels, float], at: int) -> None:
        for labels in self._written.get(rule, set()) - series.keys():
            self._shelf.add(labels, at, STALE)
        for labels, value in series.items():
            self._shelf.add(labels, at, value)
        self._written[rule] = set(series)

    def _context(self, labels: Mapping[str, str], value: float, at: int) -> Context:
        outside, url = self._outside
        query = inquiry(self._shelf, None, at)
        return Context(labels, value, at / 1000, outside, url, query)


def _plain(rule: FileRule) -> Batch:
    batch = alone(rule)
    batch.plan = Plan(rule.own)
    batch.inputs = [Input(each, [each]) for each in batch.plan.selectors]
    return batch


def _after(state: State, value: float | None, ladder: Ladder, at: int) -> State:
    # whatever a rule gives counts, also what is no number
    reading = Reading(None if value is None else 1.0)
    return after(state, reading, ladder=ladder, at=from_milliseconds(at))
