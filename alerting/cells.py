"""Formulas over the head: a result is computed when one of its few series is touched.

All rules of one shape are computed together, so that a sample costs as little as a threshold.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from access.scope import HOUSE
from alerting.budget import Budget
from alerting.formulas import Formula, Shape, computed, leaves
from alerting.head import Head
from alerting.lanes import Lanes
from alerting.lifecycle import START
from alerting.news import News
from alerting.pairs import Pairs
from alerting.rules_index import IndexedRule
from alerting.scrapes import MISSED, UNKNOWN_STEP, until
from alerting.watches import Remembered, Watched, Watches
from kit.clock import from_milliseconds, milliseconds
from kit.slices import SLICE
from metrics.batch import Floats, Ints, Refs
from metrics.columns import Labels, is_stale
from metrics.growing import grown
from metrics.promql.frames import Flags
from metrics.promql.tree import LOOKBACK_MS, Selector

LEAST = 1024
MOST, MOST_NEW = 4096, 50
"""Results that are computed in one go, and those that are given a watch in it."""
NONE = -1


@dataclass
class Computed:
    """One rule: the series of each result, by what these have in common; what it gave."""

    number: int
    rule: IndexedRule
    formula: Formula
    series: dict[Labels, list[int]] = field(default_factory=dict)
    outputs: dict[Labels, int] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    former: dict[int, Remembered] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """What the chosen cells show, and when; `whole`: all series of a cell are there."""

    at: Ints
    values: Floats
    whole: Flags
    present: Flags


class Cells:
    """By cell: its rule, its shape, the series and numbers it is computed from, its watch or 0.

    `unclear` is told of a rule whose series do not pair off; it is no longer ours then.
    """

    def __init__(
        self,
        head: Head,
        watches: Watches,
        lanes: Lanes,
        *,
        ready: datetime,
        unclear: Callable[[Computed], None],
    ) -> None:
        self.woken = asyncio.Event()
        self.rules: dict[int, Computed] = {}
        self.count = 0
        self.budget = Budget()
        self._head, self._watches, self._lanes = head, watches, lanes
        self._silent_until = milliseconds(ready)
        self._unclear = unclear
        self._readers = Pairs()
        self._shapes: list[Shape] = []
        self._rule: Watched = np.zeros(LEAST, np.int32)
        self._shape: Watched = np.zeros(LEAST, np.int32)
        self._watch: Watched = np.zeros(LEAST, np.int32)
        self._marked: Flags = np.zeros(LEAST, np.bool_)
        self._left: Flags = np.zeros(LEAST, np.bool_)
        self._refs: list[Refs] = []
        self._numbers: list[Floats] = []
        self._all_marked = False

    def take(self, number: int, rule: IndexedRule, formula: Formula) -> None:
        """Compute a rule here."""
        self.rules[number] = Computed(number, rule, formula)
        if formula.shape not in self._shapes:
            self._shapes.append(formula.shape)
        while len(self._refs) < len(formula.selectors):
            self._refs.append(np.zeros(len(self._rule), np.int32))
        while len(self._numbers) < len(formula.numbers):
            self._numbers.append(np.zeros(len(self._rule)))

    def reads(self, number: int, selector: Selector, ref: int) -> None:
        """Note that a rule reads a series; a result is computed when all of its series are here."""
        rule = self.rules[number]
        place = rule.formula.selectors.index(selector)
        key = rule.formula.key(self._head.labels(ref))
        series = rule.series.setdefault(key, [NONE] * len(rule.formula.selectors))
        if series[place] != NONE:  # two for one place
            self._give_up(rule)
            return
        series[place] = ref
        if NONE not in series:
            self._add(rule, series)

    def takes_up(self, number: int, one: Remembered) -> None:
        """Watch a label set that the rule gave before our start."""
        rule, labels = self.rules[number], tuple(sorted(one.labels.items()))
        if labels not in rule.outputs:
            rule.outputs[labels] = self._watches.add_outputs(number, [one.labels])
        if one.expr != rule.rule.compiled.spec.expr:
            rule.former[rule.outputs[labels]] = one

    def touched(self, refs: Refs) -> None:
        """Have the results computed that these series are part of."""
        found = self._readers.of(refs)
        if len(found):
            self._marked[found] = True
            self.woken.set()

    def mark_all(self) -> None:
        """Have every result computed."""
        self._marked[: self.count] = True
        self._all_marked = True
        self.woken.set()

    def mark_waiting(self) -> None:
        """Have those computed for whom silence matters."""
        watch = self._watch[: self.count]
        self._marked[: self.count] |= (watch > 0) & self._watches.silence[watch]
        self.woken.set()

    def look(self, now: datetime) -> bool:
        """Compute some of what is marked, and send on what may change an alert; tell if more is."""
        began, at = time.perf_counter(), milliseconds(now)
        rows = np.flatnonzero(self._marked[: self.count])
        more, rows = len(rows) > MOST, rows[:MOST]
        self._marked[rows] = False
        for shape in np.unique(self._shape[rows]).tolist():
            mine = rows[self._shape[rows] == shape]
            late = time.perf_counter() - began > SLICE
            again = mine if late else self._look_at(self._shapes[shape], mine, at)
            self._marked[again] = True
            more |= len(again) > 0
        if self._all_marked and not more:
            self._all_marked = False
            self._part(at)
        self.budget.spend(time.perf_counter() - began)
        return more

    def _add(self, rule: Computed, series: Sequence[int]) -> None:
        row, self.count = self.count, self.count + 1
        self._room(self.count)
        self._rule[row], self._watch[row], self._marked[row] = rule.number, 0, True
        self._shape[row] = self._shapes.index(rule.formula.shape)
        for place, ref in enumerate(series):
            self._refs[place][row] = ref
            self._readers.add(ref, row)
        for place, value in enumerate(rule.formula.numbers):
            self._numbers[place][row] = value

    def _room(self, needed: int) -> None:
        if needed > len(self._rule):
            size = 2 * len(self._rule)
            for column in (self._rule, self._shape, self._watch, *self._refs):
                grown(column, size)
            for flags in (self._marked, self._left):
                grown(flags, size)
            for numbers in self._numbers:
                grown(numbers, size)

    def _give_up(self, rule: Computed) -> None:
        """Leave a rule to those that find out at each moment which series meet."""
        del self.rules[rule.number]
        self._left[: self.count] |= self._rule[: self.count] == rule.number
        self._unclear(rule)

    def _look_at(self, shape: Shape, rows: Ints, now: int) -> Ints:
        """Compute cells of one shape; return those that are to be looked at again."""
        rows = rows[~self._left[rows]]
        moment = self._moment(shape, rows, now)
        new = rows[moment.present & (self._watch[rows] == 0)]
        for row in new[:MOST_NEW].tolist():
            self._name(row)
        self._report(self._watch[rows], moment, now)
        again: Ints = new[MOST_NEW:]
        return again

    def _moment(self, shape: Shape, rows: Ints, now: int) -> Moment:
        refs = np.array([each[rows] for each in self._refs[: leaves(shape)]])
        times, values = self._newest(refs, self._head.newest)
        at = times.max(axis=0)
        gone = at <= now - LOOKBACK_MS
        uneven = np.flatnonzero(((times < at) & (times >= 0)).any(axis=0) & ~gone)
        if len(uneven):
            found = self._together(refs[:, uneven], times[:, uneven], values[:, uneven])
            at[uneven], times[:, uneven], values[:, uneven] = found
        whole = ((times > at - LOOKBACK_MS) & ~is_stale(values)).all(axis=0) & ~gone
        with np.errstate(all="ignore"):
            numbers = [each[rows] for each in self._numbers]
            given, kept = computed(shape, list(values), numbers)
        present = whole if kept is None else whole & kept
        return Moment(np.where(gone, now, at), given, whole, present)

    def _newest(
        self, refs: Refs, ask: Callable[[Refs], tuple[Ints, Floats]]
    ) -> tuple[Ints, Floats]:
        times, values = ask(refs.ravel())
        return times.reshape(refs.shape), values.reshape(refs.shape)

    def _together(self, refs: Refs, times: Ints, values: Floats) -> tuple[Ints, Ints, Floats]:
        """Return the moment up to which all series of each cell have come, and what they show then.

        A series is waited for until it has missed its step: half a scrape makes no false ratio.
        """
        latest = times.max(axis=0)
        earlier, former = self._newest(refs, self._head.before)
        step = np.where(earlier > latest - LOOKBACK_MS, (times - earlier) * MISSED, UNKNOWN_STEP)
        awaited = (times >= 0) & (latest - times <= step)
        upto = np.where(awaited, times, latest).min(axis=0)
        ahead = times > upto
        deep = ahead & (earlier > upto)
        times, values = np.where(ahead, earlier, times), np.where(ahead, former, values)
        if deep.any():
            times[deep], values[deep] = self._upto(
                refs[deep], np.broadcast_to(upto, refs.shape)[deep]
            )
        return upto, times, values

    def _upto(self, refs: Refs, upto: Ints) -> tuple[Ints, Floats]:
        held = self._head.window(refs, int(upto.min()) - LOOKBACK_MS + 1, int(upto.max()))
        columns = until(held, upto)
        times, values = np.full(len(refs), NONE, np.int64), np.full(len(refs), np.nan)
        some = np.diff(columns.starts) > 0
        last = columns.starts[1:][some] - 1
        times[some], values[some] = columns.times[last], columns.values[last]
        return times, values

    def _name(self, row: int) -> None:
        """Give a cell the watch of its labels."""
        rule = self.rules.get(int(self._rule[row]))
        if rule is None:
            return
        series = [self._head.labels(int(each[row])) for each in self._refs]
        labels = rule.formula.labels(series[: len(rule.formula.selectors)])
        labels = labels if any(name == "client" for name, _ in labels) else _of_house(labels)
        watch = rule.outputs.get(labels)
        if watch is None:
            watch = self._watches.add_outputs(rule.number, [dict(labels)])
            rule.outputs[labels] = watch
        if watch in rule.named:
            self._give_up(rule)  # two results have the same labels
            return
        rule.named.add(watch)
        self._watch[row] = watch

    def _report(self, watch: Watched, moment: Moment, now: int) -> None:
        columns = self._watches
        shown, minded = moment.present & (watch > 0), columns.silence[watch] | columns.busy[watch]
        columns.value[watch[shown]] = moment.values[shown]
        with np.errstate(invalid="ignore"):
            same = (moment.values >= columns.low[watch]) & (moment.values <= columns.high[watch])
        news = shown & ~(same & (moment.at < columns.due[watch]))
        news &= ~np.isnan(moment.values) | minded
        # a condition that is not met is an answer; that nothing came is one after the grace
        hidden = ~moment.present & (watch > 0) & minded
        news |= hidden & (moment.whole | (now >= self._silent_until))
        if news.any():
            values = np.where(moment.present, moment.values, np.nan)[news]
            arrived = np.full(len(values), now, np.int64)
            self._lanes.post(News(watch[news], moment.at[news], values, arrived))

    def _part(self, now: int) -> None:
        """End the alerts of former expressions that the rules do not give any more."""
        if now < self._silent_until:
            return
        for rule in self.rules.values():
            if rule.former:
                self._part_from(rule, now)

    def _part_from(self, rule: Computed, now: int) -> None:
        watches, rows = self._watches, np.flatnonzero(self._rule[: self.count] == rule.number)
        moment = self._moment(rule.formula.shape, rows, now)
        given = frozenset(self._watch[rows[moment.present]].tolist())
        first = self._refs[0][rows]
        living = first[self._head.newest(first)[0] > now - LOOKBACK_MS]
        clients = frozenset(watches.whose[living].tolist())
        for watch, one in list(rule.former.items()):
            if int(watches.client[watch]) not in clients:
                continue  # the client sends nothing: that says nothing about the alert
            del rule.former[watch]
            if watch not in given:
                del rule.outputs[tuple(sorted(one.labels.items()))]
                watches.settle(watch, START, None)
                self._lanes.end(one.client, [one.over(from_milliseconds(now))])


def _of_house(labels: Labels) -> Labels:
    return tuple(sorted((*labels, ("client", HOUSE))))
