"""What recording rules gave becomes samples; a series that a rule gives no more is ended. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from access.scope import HOUSE
from alerting.groups.evaluation import Results
from alerting.groups.rules import FileRule, client_of
from alerting.groups.series import Series, ended
from alerting.templates import Context
from metrics.batch import Ints
from metrics.columns import Labels, labels_of
from metrics.ports.encode import Form
from metrics.promql.frames import Flags

Body = tuple[str, bytes]
"""What is to be written of one client, as a sender would."""
SAME = "vector contains metrics with the same labelset after applying rule labels"
Named = list[tuple[Labels, str]]


@dataclass(frozen=True)
class Standing:
    """What rules gave last, where all of it is to be written: series that come again are known.

    `forms` has for each client the rows of its series, and the body that they are written into.
    """

    labels: Sequence[Labels]
    present: Flags
    forms: Sequence[tuple[str, Ints, Form]]

    def holds(self, results: Results) -> bool:
        """Tell whether these are the same series."""
        same = results.labels is self.labels and not results.errors
        return same and np.array_equal(results.present, self.present)


class Recordings:
    """By rule what it gave last: only of that a series can be missed.

    A batch is known by its first rule; no rule is in two.
    """

    def __init__(self) -> None:
        self._names: dict[FileRule, tuple[Sequence[Labels], Named]] = {}
        self._before: dict[FileRule, frozenset[Labels]] = {}
        self._standing: dict[FileRule, Standing] = {}
        self._bodies: list[Body] = []

    def take(self, results: Results, at: int) -> list[Series]:
        """Return what is to be written at this moment, but what `bodies` has."""
        batch = results.rules[0]
        standing = self._standing.pop(batch, None)
        if standing and standing.holds(results) and Form.EARLIEST <= at < Form.END:
            self._standing[batch] = standing
            for client, own, form in standing.forms:
                self._bodies.append((client, form.filled(at, results.values[own])))
            return []
        rows = np.flatnonzero(results.present)
        named = self._named(results)
        values = results.values.tolist()
        owners = results.owner[rows]
        bounds = _bounds(owners, len(results.rules), rows)
        written: list[Series] = []
        whole = not results.errors
        for number, rule in enumerate(results.rules):
            if number in results.errors:
                continue
            own = bounds[number].tolist()
            if why := self._wrong(rule, [named[row][0] for row in own]):
                rule.health.error, whole = why, False
                continue
            written += [Series(named[row][1], named[row][0], at, values[row]) for row in own]
            written += self._ended(rule, frozenset(named[row][0] for row in own), at)
        if whole and len(rows):
            forms = _forms(rows, [named[row] for row in rows.tolist()])
            present = results.present.copy()
            self._standing[batch] = Standing(results.labels, present, forms)
        return written

    def left(self) -> dict[str, frozenset[Labels]]:
        """Return by key what each rule gave last."""
        return {rule.key: labels for rule, labels in self._before.items()}

    def follow(self, rule: FileRule, before: frozenset[Labels]) -> None:
        """Know of a rule what it gave under its former rules."""
        self._before[rule] = before

    def rest(self) -> None:
        """Miss nothing of what was given: somebody else goes on with it."""
        self._before.clear()
        self._standing.clear()

    def bodies(self) -> list[Body]:
        """Return what was made ready to be written, once."""
        found, self._bodies = self._bodies, []
        return found

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
                yield ended(labels, at)

    def _named(self, results: Results) -> Named:
        known = self._names.get(results.rules[0])
        if known is not None and known[0] is results.labels:
            return known[1]
        named = [
            self._name(results.rules[number], labels)
            for number, labels in zip(results.owner.tolist(), results.labels, strict=True)
        ]
        self._names[results.rules[0]] = (results.labels, named)
        return named

    def _name(self, rule: FileRule, labels: Labels) -> tuple[Labels, str]:
        found = dict(labels)
        made = rule.labelled(Context(found, 0.0), found)
        return labels_of(made), client_of(made, HOUSE)


def _forms(rows: Ints, named: Named) -> list[tuple[str, Ints, Form]]:
    of_client: dict[str, list[int]] = {}
    for place, (_, client) in enumerate(named):
        of_client.setdefault(client, []).append(place)
    return [
        (client, rows[places], Form([named[place][0] for place in places]))
        for client, places in of_client.items()
    ]


def _bounds(owners: Ints, count: int, rows: Ints) -> list[Ints]:
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(count + 1))
    ordered = rows[order]
    return [ordered[ends[n] : ends[n + 1]] for n in range(count)]
