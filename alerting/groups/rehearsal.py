"""An alerting rule of a file over samples of the past: at its group's steps, by the one lifecycle.

Live looks at it also as soon as its samples come, so that an alert may wait or fire up to one
interval earlier.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np

from access.directory import Directory
from access.scope import HOUSE
from alerting.course import Course
from alerting.groups.board import OF_THE_HOUSE
from alerting.groups.rules import FileRule
from alerting.groups.schemas import SEVERITY
from alerting.rehearsal import SERIES_MOST, Past, Read, Span, Would
from alerting.rules_index import RulesIndex
from alerting.templates import Context, Found
from kit.clock import from_milliseconds
from metrics.batch import Floats, Ints
from metrics.columns import Labels, labels_of
from metrics.labels import CLIENT
from metrics.matchers import Matcher, Op
from metrics.promql.evaluation import evaluate
from metrics.promql.frames import Flags, Matrix
from metrics.promql.plan import Plan
from metrics.promql.refusals import NotComputable
from metrics.promql.tenancy import scoped
from metrics.promql.terms import Terms
from metrics.queries import gather

FILLED_MOST = 200_000
"""So often labels that depend on the value are filled in."""
NO_LINE: Floats = np.empty(0)


class FileRehearsal:
    """One rule on its way through the past, slice by slice.

    `plans`: one for all clients where they stay apart in it, else one for each.
    """

    def __init__(
        self,
        rule: FileRule,
        directory: Directory,
        past: Past,
        span: Span,
        *,
        clients: Sequence[str] | None,
    ) -> None:
        self._rule, self._index = rule, RulesIndex([], directory, [rule])
        self._interval, self._offset = _ms(rule.group.interval), _ms(rule.group.offset)
        first = -(-span.start_ms // self._interval) * self._interval
        self.span = Span(first, max(span.end_ms, first), self._interval)
        self._clients: Sequence[str | None] = [None]
        if rule.tree is not None:
            trees = [rule.tree if clients is None else scoped(rule.tree, *clients)]
        else:
            self._clients = _asked(rule, directory, past, clients)
            trees = [scoped(rule.own, str(client)) for client in self._clients]
        self.plans = [Plan(tree) for tree in trees]
        self._courses: dict[Labels, Course] = {}
        self._made: dict[Labels, Labels] = {}
        self._filled = 0
        self.seen: set[Labels] = set()
        """What series it has read."""

    async def read(self, past: Past, first: int, last: int, terms: Terms) -> Read:
        """Return what the rule reads to know of this time."""
        edges = {"start_ms": first - self._offset, "end_ms": last - self._offset}
        return [await gather(past, plan, **edges, terms=terms) for plan in self.plans]

    def play(self, data: Read, first: int, last: int, terms: Terms) -> None:
        """Go through one slice."""
        times = np.arange(first, last + 1, self._interval, dtype=np.int64)
        edges = {"start_ms": first - self._offset, "end_ms": last - self._offset}
        given: dict[Labels, Flags] = {}
        wrong = np.zeros(len(times), np.bool_)
        count = np.zeros(len(times), np.int64)
        for plan, columns, client in zip(self.plans, data, self._clients, strict=True):
            self.seen.update(labels for each in columns for labels in each.labels)
            matrix = evaluate(plan, columns, **edges, step_ms=self._interval, terms=terms)
            count += matrix.present.sum(axis=0)
            for labels, present in self._alerts(matrix, client, times):
                known = given.setdefault(labels, np.zeros(len(times), np.bool_))
                wrong |= known & present  # two results of one label set: nothing is believed
                known |= present
        limit = self._rule.group.spec.limit
        self._take(given, times, wrong | (count > limit) if limit else wrong)

    def finish(self) -> list[Would]:
        """Let the rest of the time go by, and return what each alert has come to."""
        found = []
        for labels, course in self._courses.items():
            course.end(from_milliseconds(self.span.end_ms + 1))
            named = dict(labels)
            system = self._index.directory.system_of(named)
            found.append(Would(named, named[CLIENT], system, course.firings, NO_LINE, course.near))
        return found

    def _alerts(
        self, matrix: Matrix, client: str | None, times: Ints
    ) -> Iterator[tuple[Labels, Flags]]:
        """Yield the labels of each alert, and at which steps the rule gave it."""
        for row, labels in enumerate(matrix.labels):
            found = dict(labels) if client is None else {**dict(labels), CLIENT: client}
            found.setdefault(CLIENT, HOUSE)
            present = matrix.present[row]
            if not present.any():
                continue
            if all(each.plain for each in self._rule.labels.values()):
                if labels not in self._made:
                    made = self._rule.labelled(Context(found, 0.0), found)
                    self._made[labels] = labels_of(made)
                yield self._made[labels], present
            else:
                yield from self._filled_in(found, present, matrix.values[row], times)

    def _filled_in(
        self, found: Mapping[str, str], present: Flags, values: Floats, times: Ints
    ) -> Iterator[tuple[Labels, Flags]]:
        """Yield the same where labels depend on the value: step by step."""
        for step in np.flatnonzero(present).tolist():
            self._filled += 1
            if self._filled > FILLED_MOST:
                raise NotComputable("its labels depend on the value: choose a shorter time")
            context = Context(found, float(values[step]), times[step] / 1000, query=_unanswered)
            alone = np.zeros(len(times), np.bool_)
            alone[step] = True
            yield labels_of(self._rule.labelled(context, found)), alone

    def _take(self, given: Mapping[Labels, Flags], times: Ints, wrong: Flags) -> None:
        """Tell each alert where it came and went; at what is `wrong` nothing is told."""
        for labels in given:
            if labels not in self._courses:
                self._courses[labels] = self._course(labels)
        if len(self._courses) > SERIES_MOST:
            raise NotComputable("the rule gives more than {most} alerts", most=SERIES_MOST)
        believed = np.flatnonzero(~wrong)
        if not len(believed):
            return
        nowhere = np.zeros(len(times), np.bool_)
        for labels, course in self._courses.items():
            present = given.get(labels, nowhere)[believed]
            news = np.diff(present, prepend=not present[0])
            for place in np.flatnonzero(news).tolist():
                at = from_milliseconds(int(times[believed[place]]))
                course.see(at, 0.0 if present[place] else None)

    def _course(self, labels: Labels) -> Course:
        named = dict(labels)
        priority = self._rule.group.priority(named.get(SEVERITY, ""))
        number = self._index.filed[self._rule.key, priority]
        return Course(self._index.said(number, named[CLIENT]).ladder)


def _asked(
    rule: FileRule, directory: Directory, past: Past, clients: Sequence[str] | None
) -> list[str]:
    """Return who is asked alone: of those for whom the rule holds whoever has samples."""
    senders = [name for name in directory.clients if name != HOUSE and _sends(past, name)]
    if len(past.select(OF_THE_HOUSE)) or not senders:
        senders.append(HOUSE)
    holds = rule.group.clients if rule.group.clients is not None else senders
    return [name for name in holds if clients is None or name in clients]


def _sends(past: Past, client: str) -> bool:
    return len(past.select([Matcher(CLIENT, Op.EQUAL, client)])) > 0


def _unanswered(_: str) -> Found:
    raise NotComputable("a label of this rule asks a query: such a rule cannot be replayed")


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
