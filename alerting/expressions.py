"""Rules that compute: each is marked when its series are touched, and evaluated once per burst."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from access.scope import HOUSE
from alerting.budget import Budget
from alerting.cells import Cells, Computed
from alerting.delivery import TROUBLE, said
from alerting.formulas import formula
from alerting.head import Head
from alerting.lanes import Lanes
from alerting.lifecycle import START
from alerting.news import News
from alerting.pairs import Pairs
from alerting.reading import Part, read
from alerting.rules_index import IndexedRule
from alerting.scrapes import Kinds, whole
from alerting.watches import Remembered, Watched, Watches
from kit.clock import from_milliseconds, milliseconds
from kit.errors import Refusal
from metrics.batch import Floats, Ints, Refs
from metrics.columns import Labels
from metrics.promql.evaluation import instant
from metrics.promql.frames import Flags, Vector
from metrics.promql.memory import Memory
from metrics.promql.terms import Limits, Terms
from metrics.promql.tree import LOOKBACK_MS, Selector

log = logging.getLogger(__name__)

BURST = 0.05
"""Seconds that an evaluation waits for the rest of what comes at once."""
INTERVAL = 15.0
"""Seconds after which a rule is evaluated whatever it costs."""
HEAVY = 0.005
"""Seconds of computing that are too many for the loop."""
MANY = 1000
"""New series at once, whose labels are too many to work out on the loop."""
MOST = Limits(series=2_000_000)
"""A rule reads the series of all clients at once."""
TOGETHER = 60_000
"""Clients whose newest samples lie no further apart are evaluated at one time."""


@dataclass
class Input:
    """The series of one selector; `fresh` are those not yet in the columns."""

    selector: Selector
    refs: list[int] = field(default_factory=list)
    known: Refs = field(default_factory=lambda: np.empty(0, np.int32))
    labels: Sequence[Labels] = ()


@dataclass
class Expression:
    """One rule: what it reads, what it gave, when its series were first touched since.

    `former` are alerts by watch that the rule gave when its expression was another one.
    """

    number: int
    rule: IndexedRule
    inputs: list[Input]
    kinds: Kinds
    many_are_new: bool = False
    outputs: dict[Labels, int] = field(default_factory=dict)
    marked: float | None = None
    evaluated: float = -INTERVAL
    cost: float = 0.0
    refusal: str | None = None
    last: tuple[Sequence[Labels], Watched] = ((), np.empty(0, np.int32))
    former: dict[int, Remembered] = field(default_factory=dict)


class Expressions:
    """All rules that compute, and the share of a core that is theirs."""

    def __init__(self, head: Head, watches: Watches, lanes: Lanes, *, ready: datetime) -> None:
        self.woken = asyncio.Event()
        self._head, self._watches, self._lanes = head, watches, lanes
        self._silent_until = milliseconds(ready)
        self._memory = Memory()
        self._one = asyncio.Lock()
        self._budget = Budget()
        self._readers = Pairs()
        self._waited = -INTERVAL
        self._all: dict[int, Expression] = {}
        self.cells = Cells(head, watches, lanes, ready=ready, unclear=self._adopt)
        for number, rule in enumerate(watches.index.rules):
            if rule.plain or rule.filed:
                continue
            if found := formula(rule.plan.tree):
                self.cells.take(number, rule, found)
            else:
                self._take(number, rule)

    def __len__(self) -> int:
        return len(self._all) + len(self.cells.rules)

    def _take(self, number: int, rule: IndexedRule) -> Expression:
        inputs = [Input(selector) for selector in rule.plan.selectors]
        self._all[number] = Expression(number, rule, inputs, Kinds(len(inputs)))
        return self._all[number]

    def _adopt(self, rule: Computed) -> None:
        """Evaluate as a whole a rule whose results turned out to overlap."""
        expression = self._take(rule.number, rule.rule)
        expression.outputs, expression.former = rule.outputs, rule.former
        for series in rule.series.values():
            for selector, ref in zip(rule.formula.selectors, series, strict=True):
                if ref >= 0:
                    self.reads(rule.number, selector, ref)
        self._mark(expression, self._waited)

    def reads(self, number: int, selector: Selector, ref: int) -> None:
        """Note that a rule reads a series."""
        if number in self.cells.rules:
            self.cells.reads(number, selector, ref)
        if number in self.cells.rules:
            return
        place = self._all[number].rule.plan.selectors.index(selector)
        self._all[number].inputs[place].refs.append(ref)
        self._readers.add(ref, number)

    def takes_up(self, number: int, one: Remembered) -> None:
        """Watch a label set that the rule gave before our start."""
        if number in self.cells.rules:
            self.cells.takes_up(number, one)
            return
        watch, expression = self._watches.add_outputs(number, [one.labels]), self._all[number]
        expression.outputs[tuple(sorted(one.labels.items()))] = watch
        if one.expr != expression.rule.compiled.spec.expr:
            expression.former[watch] = one

    def touched(self, refs: Refs, *, at: float) -> None:
        """Mark the rules that read these series."""
        self.cells.touched(refs)
        flags = np.zeros(len(self._watches.index.rules), np.bool_)
        flags[self._readers.of(refs)] = True
        for number in np.flatnonzero(flags).tolist():
            self._mark(self._all[number], at)

    def mark_all(self, at: float) -> None:
        """Have every rule evaluated again."""
        self.cells.mark_all()
        for expression in self._all.values():
            self._mark(expression, at)

    def mark_waiting(self, at: float) -> None:
        """Have the rules evaluated whose interval is over and for whom silence matters."""
        if at - self._waited >= INTERVAL:
            self._waited = at
            self.cells.mark_waiting()
        for expression in self._all.values():
            if at - expression.evaluated >= INTERVAL and expression.outputs:
                mine = np.fromiter(expression.outputs.values(), np.int32)
                if self._watches.silence[mine].any():
                    self._mark(expression, at)

    def marked(self) -> list[Expression]:
        """Return the rules that wait to be evaluated."""
        return [each for each in self._all.values() if each.marked is not None]

    def refusals(self) -> dict[str, str]:
        """Return why each rule that could not be evaluated could not."""
        all_ = self._all.values()
        return {each.rule.compiled.name: each.refusal for each in all_ if each.refusal}

    def due(self, at: float) -> list[Expression]:
        """Return the rules to evaluate now, those that wait longest first."""
        waiting = [(each.marked, each) for each in self._all.values() if each.marked is not None]
        found, credit = [], self._budget.left(at)
        for marked, each in sorted(waiting, key=lambda pair: pair[0]):
            if at - marked >= INTERVAL or (at - marked >= BURST and credit > 0):
                found.append(each)
                credit -= each.cost
        return found

    def wait(self, at: float) -> float | None:
        """Return in how many seconds `due` is worth another look, None for not before a mark."""
        marks = [each.marked for each in self._all.values() if each.marked is not None]
        if not marks:
            return None
        if wait := self._budget.wait():
            return min(wait, INTERVAL)
        return max(min(marks) + BURST - at, 0.001)

    async def evaluate(self, expression: Expression, now: datetime) -> None:
        """Evaluate one rule over the head and send on what may change its alerts."""
        async with self._one:
            await self._evaluate(expression, now)

    async def _evaluate(self, expression: Expression, now: datetime) -> None:
        loop = asyncio.get_running_loop()
        began, expression.marked = loop.time(), None
        expression.evaluated = began
        self._take_in_series(expression)
        try:
            await self._all_spans(expression, milliseconds(now))
            expression.refusal = None
        except TROUBLE as trouble:
            why = trouble.detail if isinstance(trouble, Refusal) else said(trouble)
            if expression.refusal != why:
                log.error("rule %s: %s", expression.rule.compiled.name, why)
            expression.refusal = why
        took = loop.time() - began
        expression.cost = took if not expression.cost else (expression.cost + took) / 2
        self._budget.spend(took)

    def _mark(self, expression: Expression, at: float) -> None:
        if expression.marked is None:
            expression.marked = at
            self.woken.set()

    def _take_in_series(self, expression: Expression) -> None:
        inputs = expression.inputs
        if all(len(each.refs) == len(each.known) for each in inputs):
            return
        fresh = sum(len(each.refs) - len(each.known) for each in inputs)
        expression.many_are_new = fresh > MANY
        for each in inputs:
            added = each.refs[len(each.known) :]
            each.known = np.append(each.known, np.array(added, np.int32))
            # a new list: what was worked out from the old one does not hold for it
            each.labels = [*each.labels, *map(self._head.labels, added)]
        expression.kinds.extend([each.labels for each in inputs])

    def _spans(self, expression: Expression, now: int) -> list[tuple[Ints, int]]:
        """Return which of the clients that send anything to evaluate together, and when."""
        watches = self._watches
        newest = np.full(len(watches.clients), -1, np.int64)
        for each in expression.inputs:
            if len(each.known):
                times, _ = self._head.newest(each.known)
                np.maximum.at(newest, watches.whose[each.known], times)
        living = np.flatnonzero(newest > now - LOOKBACK_MS)
        spans: list[tuple[list[int], int]] = []
        at = 0
        for number in living[np.argsort(-newest[living])].tolist():
            if not spans or newest[number] < at - TOGETHER:
                at = int(newest[number])
                spans.append(([number], at))
            else:
                spans[-1][0].append(number)
        return [(np.array(numbers), at) for numbers, at in spans]

    async def _all_spans(self, expression: Expression, now: int) -> None:
        self._watches.number_of(HOUSE)
        dead = np.ones(len(self._watches.clients), np.bool_)
        for clients, at in self._spans(expression, now):
            living = np.zeros(len(dead), np.bool_)
            living[clients] = True
            dead &= ~living
            await self._at(expression, living, at, now)
        if now >= self._silent_until:
            self._vanished(expression, np.empty(0, np.int32), dead, now, now)

    async def _at(self, expression: Expression, chosen: Flags, at: int, now: int) -> None:
        vector = await self._computed(expression, chosen, at)
        watches = self._known(expression, vector)
        mine = _among(chosen, self._watches.client[watches])
        self._report(watches[mine], vector.values[mine], at, now)
        if now >= self._silent_until:
            self._part(expression, watches, chosen, now)
            self._vanished(expression, watches, chosen, at, now)

    async def _computed(self, expression: Expression, chosen: Flags, at: int) -> Vector:
        parts = []
        for each, kind in zip(expression.inputs, expression.kinds.numbers, strict=True):
            mine = chosen[self._watches.whose[each.known]]  # known before `chosen` was made
            all_ = bool(mine.all())
            refs = each.known if all_ else each.known[mine]
            labels = (
                each.labels if all_ else [each.labels[n] for n in np.flatnonzero(mine).tolist()]
            )
            parts.append(Part(each.selector, refs, labels, kind if all_ else kind[mine]))
        found = await read(self._head, parts, at)
        if not any(len(columns.times) for columns in found):
            return Vector([], np.empty(0))
        plan, terms = expression.rule.plan, Terms(limits=MOST, memory=self._memory)

        def work() -> Vector:
            return instant(
                plan, whole(found, [part.kinds for part in parts]), at_ms=at, terms=terms
            )

        if expression.cost > HEAVY or expression.many_are_new:
            return await asyncio.to_thread(work)
        return work()

    def _known(self, expression: Expression, vector: Vector) -> Watched:
        """Return the watch of each output; the work is remembered for the same list of labels."""
        if expression.last[0] is vector.labels:
            return expression.last[1]
        outputs = expression.outputs
        new = [labels for labels in vector.labels if labels not in outputs]
        if new:
            named = [{"client": HOUSE, **dict(labels)} for labels in new]
            first = self._watches.add_outputs(expression.number, named)
            outputs.update(zip(new, range(first, first + len(new)), strict=True))
        found = np.array([outputs[labels] for labels in vector.labels], np.int32)
        expression.last = (vector.labels, found)
        return found

    def _report(
        self,
        watches: Watched,
        values: Floats,
        at: int,
        now: int,
    ) -> None:
        columns = self._watches
        columns.value[watches] = values
        with np.errstate(invalid="ignore"):
            same = (values >= columns.low[watches]) & (values <= columns.high[watches])
        news = ~(same & (at < columns.due[watches]))
        news &= ~np.isnan(values) | columns.silence[watches] | columns.busy[watches]
        if news.any():
            self._post(watches[news], values[news], at, now)

    def _part(self, expression: Expression, present: Watched, chosen: Flags, now: int) -> None:
        """End the alerts of a former expression that this one does not give."""
        seen, columns = frozenset(present.tolist()), self._watches
        for watch, one in list(expression.former.items()):
            if not chosen[columns.client[watch]]:
                continue  # the client sends nothing: that says nothing about the alert
            del expression.former[watch]
            if watch not in seen:
                del expression.outputs[tuple(sorted(one.labels.items()))]
                columns.settle(watch, START, None)
                self._lanes.end(one.client, [one.over(from_milliseconds(now))])

    def _vanished(
        self, expression: Expression, present: Watched, chosen: Flags, at: int, now: int
    ) -> None:
        columns = self._watches
        known = np.fromiter(expression.outputs.values(), np.int32, len(expression.outputs))
        mine = _among(chosen, columns.client[known])
        gone = mine & columns.silence[known] & ~columns.busy[known]
        silent = known[gone & ~np.isin(known, present)]
        if len(silent):
            self._post(silent, np.full(len(silent), np.nan), at, now)

    def _post(
        self,
        watches: Watched,
        values: Floats,
        at: int,
        now: int,
    ) -> None:
        count = len(watches)
        self._lanes.post(News(watches, np.full(count, at), values, np.full(count, now, np.int64)))


def _among(chosen: Flags, clients: Watched) -> Flags:
    """Tell whose client is chosen; one met since, while a thread computed, is not."""
    found: Flags = (clients < len(chosen)) & chosen[np.minimum(clients, len(chosen) - 1)]
    return found
