"""Rules of one shape are computed together: a label tells apart what each of them reads. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from alerting.groups.rules import FileRule
from kit.errors import Invalid
from metrics.batch import Floats, Ints, Refs
from metrics.columns import NAME, Columns, Enough, Labels
from metrics.matchers import Matcher, Op
from metrics.promql.frames import Matrix
from metrics.promql.plan import Plan
from metrics.promql.tenancy import partitioned
from metrics.promql.tree import (
    LOOKBACK_MS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Negated,
    Number,
    Selector,
    nodes,
    rebuilt,
    selectors,
)
from metrics.promql.whole import enough
from metrics.rolled import repeated

RULE = "__rule__"
PLACE = "__place__"
TOGETHER = 50
"""Rules of one batch: of more the columns leave the caches, and memory is asked for anew."""
VOLUME = 150_000
"""Samples of one batch from which on fewer rules are computed together, for the same reason."""
_ALONE = frozenset(("vector", "absent", "absent_over_time", "scalar", "info", "label_join"))
_TIMED = frozenset(
    ("time", "minute", "hour", "day_of_month", "day_of_week", "day_of_year", "days_in_month")
) | {"month", "year", "timestamp", "start", "end"}


class Memory(Protocol):
    """What a batch asks of the store; all of it from memory, at once."""

    def series_ever(self) -> int:
        """Return how many series there have ever been: while it stands, no selection changes."""
        ...

    def select(self, matchers: Sequence[Matcher], /) -> Refs:
        """Return the series that match; the same array until one more does."""
        ...

    def labels(self, ref: int, /) -> Labels:
        """Return the labels of a series."""
        ...

    def newest(self, refs: Refs, /) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample."""
        ...

    def held(self, refs: Refs, start: int, end: int, enough: Enough, /) -> Columns:
        """Return what memory holds from `start` to `end` ms, both included; all, or `enough`.

        It comes without labels: whoever asks has them at hand.
        """
        ...


Newest = tuple[Ints, Floats]
NONE: Newest = (np.empty(0, np.int64), np.empty(0))


@dataclass(eq=False)
class Input:
    """One place of a shape: what each rule puts there, and the series of all of them."""

    place: Selector
    chosen: Sequence[Selector]
    enough: Enough = Enough.EVERY
    refs: Refs = field(default_factory=lambda: np.empty(0, np.int32))
    repeats: bool = False
    """Whether a series is in it for more than one rule."""
    labels: Sequence[Labels] | None = None
    selections: Sequence[Refs] = ()
    newest: Newest = NONE
    """What each series showed last when it was looked at."""
    seen: Newest = NONE
    """The same when the results of before were computed."""
    _known: int = -1
    _parts: dict[int, tuple[Refs, Sequence[Labels]]] = field(default_factory=dict)

    def bring_up(self, memory: Memory) -> bool:
        """Find the series that match now; tell whether they are others than before."""
        if self._known == (known := memory.series_ever()):
            return False
        self._known = known
        found = [memory.select(each.matchers) for each in self.chosen]
        if len(found) == len(self.selections) and all(
            one is other for one, other in zip(found, self.selections, strict=True)
        ):
            return False
        self.selections = found
        self.refs = np.concatenate(found) if found else np.empty(0, np.int32)
        self.repeats = len(np.unique(self.refs)) < len(self.refs)
        self.labels = None
        return True

    def name(self, memory: Memory, *, marked: bool) -> None:
        """Put the labels of the series together; what was known of a rule is used again."""
        if self.labels is not None:
            return
        parts = self._parts
        for rule, refs in enumerate(self.selections):
            if rule not in parts or parts[rule][0] is not refs:
                named = [memory.labels(ref) for ref in refs.tolist()]
                parts[rule] = refs, [_marked(one, rule) for one in named] if marked else named
        self.labels = [one for rule in range(len(self.chosen)) for one in parts[rule][1]]

    def look(self, memory: Memory) -> None:
        """Take note of what each series shows."""
        self.newest = memory.newest(self.refs)

    def parts(self, size: int) -> Iterator["Input"]:
        """Yield the place with so many of its series at a time."""
        if len(self.refs) <= size:
            yield self
            return
        labels = self.labels or ()
        for first in range(0, len(self.refs), size):
            own = slice(first, first + size)
            newest = self.newest[0][own], self.newest[1][own]
            yield replace(self, refs=self.refs[own], labels=labels[own], newest=newest)

    def columns(self, memory: Memory, at: int) -> Columns:
        """Return the samples that the place has to show at one moment."""
        labels = self.labels or ()
        first, last = self.place.window(at, at)
        now = (first, last) == (at - LOOKBACK_MS + 1, at)
        if now and not (self.place.range_ms or self.place.within):
            times, values = self.newest
            if not (times > at).any():
                seen = times >= first
                starts = np.concatenate([[0], np.cumsum(seen)]).astype(np.int64)
                return Columns(labels, starts, times[seen], values[seen])
        return self.told(memory.held(self.asked, first, last, self.enough))

    @property
    def asked(self) -> Refs:
        """The series to be read, each once."""
        return np.unique(self.refs) if self.repeats else self.refs

    def told(self, found: Columns) -> Columns:
        """Return what was read of the series `asked` as that of all `refs`."""
        labels = self.labels or ()
        if not self.repeats:
            return replace(found, labels=labels)
        return repeated(found, np.searchsorted(self.asked, self.refs), labels)


def shown(plan: Plan, memory: Memory, at: int) -> list[Columns]:
    """Return what each selector of a query has to show in memory at one moment."""
    found = []
    for selector in plan.selectors:
        one = Input(selector, [selector])
        one.bring_up(memory)
        one.name(memory, marked=False)
        one.look(memory)
        found.append(one.columns(memory, at))
    return found


@dataclass(eq=False)
class Batch:
    """Rules of one shape; `results` is what it last gave, and for which moment."""

    plan: Plan
    rules: Sequence[FileRule]
    inputs: Sequence[Input]
    marked: bool
    until: int = -1
    last: Any = None
    read: int = 0
    """How many samples it read when it was computed last."""

    @cached_property
    def timed(self) -> bool:
        """Tell whether the expression asks for the time itself, or of subqueries."""
        return any(
            (isinstance(node, Call) and node.name in _TIMED)
            or (isinstance(node, Selector) and (node.within or node.at is not None))
            for node in nodes(self.plan.tree)
        )


@dataclass(eq=False)
class Bundle:
    """Rules of one shape, in so many batches that none of them reads too much at once."""

    whole: Batch
    parts: Sequence[Batch] = ()

    def __post_init__(self) -> None:
        self.parts = self.parts or [self.whole]

    def refit(self) -> None:
        """Cut anew where twice as much is read as before, or half of it.

        The new batches know nothing of what the old ones gave; their first rules tell them apart.
        """
        rules, now = len(self.whole.rules), len(self.parts[0].rules)
        read = sum(part.read for part in self.parts)
        size = min(max(rules * VOLUME // max(read, 1), 1), rules)
        if now == size or now / 2 < size < now * 2:
            return
        self.whole.last = None
        self.parts = [self.whole]
        if size < rules:
            self.parts = [_part(self.whole, first, size) for first in range(0, rules, size)]


def _part(batch: Batch, first: int, size: int) -> Batch:
    rules = batch.rules[first : first + size]
    if len(rules) == 1:
        return alone(rules[0])
    inputs = [
        Input(one.place, one.chosen[first : first + size], one.enough) for one in batch.inputs
    ]
    return Batch(batch.plan, rules, inputs, marked=True)


def owners(matrix: Matrix, marked: bool) -> tuple[Ints, list[Labels]]:
    """Return for each row the number of its rule, and its labels without that."""
    if not marked:
        return np.zeros(len(matrix.labels), np.int64), list(matrix.labels)
    numbers, labels = [], []
    for each in matrix.labels:
        number = next(value for name, value in each if name == RULE)
        numbers.append(int(number))
        labels.append(tuple(pair for pair in each if pair[0] != RULE))
    return np.array(numbers, np.int64), labels


def batches(rules: Sequence[FileRule]) -> Iterator[Batch]:
    """Yield batches that together have all these rules."""
    shapes: dict[tuple[Expr, bool], list[tuple[FileRule, tuple[Selector, ...]]]] = {}
    for rule in rules:
        shape = None if rule.tree is None else _shape(rule.tree)
        if rule.tree is None or shape is None:
            yield alone(rule)
            continue
        found = tuple(dict.fromkeys(selectors(rule.tree)))
        shapes.setdefault((shape, bool(rule.spec.alert)), []).append((rule, found))
    for (shape, _), members in shapes.items():
        for first in range(0, len(members), TOGETHER):
            yield _together(shape, members[first : first + TOGETHER])


def _together(shape: Expr, members: Sequence[tuple[FileRule, tuple[Selector, ...]]]) -> Batch:
    if len(members) == 1:
        return alone(members[0][0])
    plan = Plan(shape)
    inputs = [
        Input(place, [found[number] for _, found in members], known)
        for number, (place, known) in enumerate(enough(plan).items())
    ]
    return Batch(plan, [rule for rule, _ in members], inputs, marked=True)


def alone(rule: FileRule) -> Batch:
    """Return the batch of one rule."""
    plan = Plan(rule.own if rule.tree is None else rule.tree)
    inputs = [Input(each, [each], known) for each, known in enough(plan).items()]
    return Batch(plan, [rule], inputs, marked=False)


def _shape(tree: Expr) -> Expr | None:
    if not all(_joins(node) for node in nodes(tree)):
        return None
    found = list(dict.fromkeys(selectors(tree)))
    if not found or any(each.within for each in found):
        return None
    try:
        apart = partitioned(tree, RULE)
    except Invalid:
        return None
    places = {each: _place(number) for number, each in enumerate(found)}
    if len({(places[each], each.offset_ms) for each in found}) < len(found):
        return None

    def change(expr: Expr) -> Expr:
        return replace(expr, matchers=places[expr]) if isinstance(expr, Selector) else expr

    return rebuilt(apart, change)


def _place(number: int) -> tuple[Matcher, ...]:
    return (Matcher(PLACE, Op.EQUAL, str(number)),)


def _joins(node: Expr) -> bool:
    match node:
        case Selector() | Number() | Negated() | Binary():
            return True
        case Aggregate(param=param):
            return param is None or isinstance(param, Number)
        case Call(name=name, args=args):
            return name not in _ALONE and (bool(args) or name in ("time", "pi"))
        case _:
            return False


def _marked(labels: Labels, rule: int) -> Labels:
    return tuple(sorted((*labels, (RULE, str(rule)))))


def stages(rules: Sequence[FileRule]) -> list[list[FileRule]]:
    """Return the rules of some groups in turns: who reads what is recorded here comes later.

    In a group the order of the file holds; groups do not wait for each other.
    """
    turns: list[list[FileRule]] = []
    groups: dict[int, list[tuple[FileRule, int]]] = {}
    for rule in rules:
        before = groups.setdefault(id(rule.group), [])
        turn = 0
        for earlier, its in before:
            if _may_read(rule, earlier):
                turn = max(turn, its + 1)
        before.append((rule, turn))
        while len(turns) <= turn:
            turns.append([])
        turns[turn].append(rule)
    return turns


def _may_read(rule: FileRule, earlier: FileRule) -> bool:
    written = {earlier.spec.record} if earlier.spec.record else {"ALERTS", "ALERTS_FOR_STATE"}
    for selector in selectors(rule.own):
        names = [each for each in selector.matchers if each.name == NAME]
        if all(any(each.holds(name) for name in written) for each in names):
            return True
    return bool(earlier.spec.record) and earlier.spec.record == rule.spec.record
