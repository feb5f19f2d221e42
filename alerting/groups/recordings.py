"""What recording rules gave becomes samples; a series that a rule gives no more is ended. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np

from access.scope import HOUSE
from alerting.groups.evaluation import Results
from alerting.groups.rules import FileRule, client_of
from alerting.groups.series import Series
from alerting.templates import Context
from metrics.batch import Ints
from metrics.columns import STALE, Labels, labels_of

SAME = "vector contains metrics with the same labelset after applying rule labels"
Named = list[tuple[Labels, str]]


class Recordings:
    """By rule what it gave last: only of that a series can be missed."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[Sequence[Labels], Named]] = {}
        self._before: dict[FileRule, frozenset[Labels]] = {}

    def take(self, results: Results, at: int) -> list[Series]:
        """Return what is to be written at this moment."""
        rows = np.flatnonzero(results.present)
        named = self._named(results)
        values = results.values.tolist()
        owners = results.owner[rows]
        bounds = _bounds(owners, len(results.rules), rows)
        written: list[Series] = []
        for number, rule in enumerate(results.rules):
            if number in results.errors:
                continue
            own = bounds[number].tolist()
            if why := self._wrong(rule, [named[row][0] for row in own]):
                rule.health.error = why
                continue
            written += [Series(named[row][1], named[row][0], at, values[row]) for row in own]
            written += self._ended(rule, frozenset(named[row][0] for row in own), at)
        return written

    def _wrong(self, rule: FileRule, labels: Sequence[Labels]) -> str:
        if len(set(labels)) < len(labels):
            return SAME
        limit = rule.group.spec.limit
        if limit and len(labels) > limit:
            return f"exceeded limit of {limit} with {len(labels)} series"
        return ""

    def _ended(self, rule: FileRule, now: frozenset[Labels], at: int) -> Iterator[Series]:
        before = self._before.get(rule, frozenset())
        if before != now:
            self._before[rule] = now
            for labels in before - now:
                yield Series(client_of(dict(labels), HOUSE), labels, at, STALE)

    def _named(self, results: Results) -> Named:
        known = self._names.get(id(results.rules))
        if known is not None and known[0] is results.labels:
            return known[1]
        named = [
            self._name(results.rules[number], labels)
            for number, labels in zip(results.owner.tolist(), results.labels, strict=True)
        ]
        self._names[id(results.rules)] = (results.labels, named)
        return named

    def _name(self, rule: FileRule, labels: Labels) -> tuple[Labels, str]:
        found = dict(labels)
        made = rule.labelled(Context(found, 0.0), found)
        return labels_of(made), client_of(made, HOUSE)


def _bounds(owners: Ints, count: int, rows: Ints) -> list[Ints]:
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(count + 1))
    ordered = rows[order]
    return [ordered[ends[n] : ends[n + 1]] for n in range(count)]
