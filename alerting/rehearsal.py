"""What a rule would have done over samples of the past: the same lifecycle, in fast motion.

A rule that is one selector sees every sample, any other is computed at steps. It begins as a rule
begins that was made at that moment: with nothing remembered.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np

from access.directory import Directory
from access.scope import HOUSE
from alerting.course import Course, Firing, bands
from alerting.lifecycle import AT_ONCE, Test
from alerting.rules_index import IndexedRule, RulesIndex
from alerting.thresholds import CompiledRule
from kit.clock import from_milliseconds
from kit.errors import Invalid
from metrics.batch import Floats, Ints, Refs
from metrics.columns import NAME, Columns, Labels
from metrics.matchers import Matcher
from metrics.promql.evaluation import evaluate
from metrics.promql.frames import Flags, Matrix
from metrics.promql.plan import Plan
from metrics.promql.refusals import NotComputable, unsupported
from metrics.promql.terms import Limits, Terms
from metrics.promql.tree import LOOKBACK_MS, asks_of_the_query
from metrics.queries import Reader, gather

BUCKETS = 300
"""Points of a line in the chart."""
SERIES_MOST = 20_000
SAMPLES_MOST = 50_000_000
SECONDS_MOST = 30.0
SLICE_MS = 3_600_000
"""So much of the past is in memory at once."""
DOWNWARD = frozenset({Test.BELOW, Test.AT_MOST})


Read = Sequence[Sequence[Columns]]
"""What a rule reads: for each of its plans the columns of its selectors."""


class Past(Reader, Protocol):
    """What a rehearsal asks of the store."""

    def select(self, matchers: Sequence[Matcher], /) -> Refs:
        """Return the series that match."""
        ...


@dataclass(frozen=True)
class Span:
    """The time that is gone through, in ms, and the steps of a rule that computes."""

    start_ms: int
    end_ms: int
    step_ms: int

    def slices(self) -> Iterator[tuple[int, int]]:
        """Yield the parts that are read at once, from the first to the last ms, both included."""
        length = max(SLICE_MS // self.step_ms, 1) * self.step_ms
        for first in range(self.start_ms, self.end_ms + 1, length):
            yield first, min(first + length - 1, self.end_ms)

    @property
    def bucket_ms(self) -> int:
        """How much time is one point of the chart."""
        return max((self.end_ms - self.start_ms) // BUCKETS + 1, 1)


@dataclass(frozen=True)
class Would:
    """One series: whose alert it would have been, when it fired, and its line in the chart.

    `near`: the longest that it waited and then did not fire.
    """

    labels: dict[str, str]
    client: str
    system: str
    firings: Sequence[Firing]
    line: Floats
    near: timedelta = AT_ONCE


class Playing(Protocol):
    """A rule on its way through the past."""

    @property
    def plans(self) -> Sequence[Plan]:
        """What it reads."""
        ...

    @property
    def span(self) -> Span:
        """The time that is gone through."""
        ...

    async def read(self, past: Past, first: int, last: int, terms: Terms, /) -> Read:
        """Return what the rule reads to know of this time, for each of its plans."""
        ...

    def play(self, data: Read, first: int, last: int, terms: Terms, /) -> None:
        """Go through one slice."""
        ...

    def finish(self) -> list[Would]:
        """Return what each series has come to."""
        ...


async def rehearse(
    past: Past, rule: CompiledRule, directory: Directory, span: Span
) -> tuple[list[Would], int]:
    """Return what each series would have come to, and how many samples were read.

    A rule that cannot be computed, or that reads too much for one answer, is refused.
    """
    index = RulesIndex([rule], directory)
    if wrong := index.broken.get(rule.name):
        raise Invalid(wrong, field="expr")
    return await led(past, Rehearsal(index, span))


async def led(past: Past, playing: Playing) -> tuple[list[Would], int]:
    """Lead a rule through the past; return what came of it, and how many samples were read."""
    if any(asks_of_the_query(plan.tree) for plan in playing.plans):
        raise unsupported("where a query begins, ends and steps, asked for in a preview,")
    selectors = [each for plan in playing.plans for each in plan.selectors]
    found = sum(len(past.select(each.matchers)) for each in selectors)
    if found > SERIES_MOST:
        raise NotComputable(
            "the rule reads {count} series; at most {most} are gone through",
            count=found,
            most=SERIES_MOST,
        )
    terms, samples = Terms(limits=Limits(SERIES_MOST)), 0
    try:
        async with asyncio.timeout(SECONDS_MOST):
            for first, last in playing.span.slices():
                data = await playing.read(past, first, last, terms)
                samples += sum(len(columns.times) for each in data for columns in each)
                if samples > SAMPLES_MOST:
                    raise NotComputable(
                        "more than {most} samples: choose a shorter time or fewer series",
                        most=SAMPLES_MOST,
                    )
                await asyncio.to_thread(playing.play, data, first, last, terms)
            return await asyncio.to_thread(playing.finish), samples
    except TimeoutError:
        terms.stopped.set()
        raise NotComputable(
            "it takes longer than {seconds} s: choose a shorter time or fewer series",
            seconds=round(SECONDS_MOST),
        ) from None


class Rehearsal:
    """One rule on its way through the past, slice by slice."""

    def __init__(self, index: RulesIndex, span: Span) -> None:
        self._index, self.span = index, span
        self._rule: IndexedRule = index.rules[0]
        self.plans = [self._rule.plan]
        self._numbers: dict[Labels, int] = {}
        self._courses: list[Course] = []
        self._heard: list[int] = []
        self._lines: Floats = np.empty((0, BUCKETS))
        self._memory = Terms().memory

    async def read(self, past: Past, first: int, last: int, terms: Terms) -> Read:
        """Return what the rule reads to know of this time; of a plain rule its own samples."""
        if self._rule.plain is not None:
            return [[await past.read(self._rule.plain.matchers, first, last)]]
        return [await gather(past, self._rule.plan, start_ms=first, end_ms=last, terms=terms)]

    def play(self, data: Read, first: int, last: int, terms: Terms) -> None:
        """Go through one slice."""
        (read,) = data
        columns = [self._admitted(each) for each in read]
        if self._rule.plain is not None:
            self._samples(columns[0])
            return
        step = self.span.step_ms
        matrix = evaluate(
            self._rule.plan, columns, start_ms=first, end_ms=last, step_ms=step, terms=terms
        )
        self._steps(matrix, np.arange(first, last + 1, step, dtype=np.int64))

    def finish(self) -> list[Would]:
        """Let the rest of the time go by, and return what each series has come to."""
        end = self.span.end_ms
        for number, course in enumerate(self._courses):
            self._fall_silent(number, end)
            course.end(from_milliseconds(end + 1))
        return [
            self._would(labels, self._courses[number], self._lines[number])
            for labels, number in self._numbers.items()
        ]

    def _would(self, labels: Labels, course: Course, line: Floats) -> Would:
        named = dict(labels)
        client = named.setdefault("client", HOUSE)
        system = self._index.directory.system_of(named)
        if self._rule.plain is None or self._rule.names_itself:
            named.pop(NAME, None)
        return Would(named, client, system, course.firings, line, course.near)

    def _admitted(self, columns: Columns) -> Columns:
        """Leave out the series of other systems than those that the rule is for."""
        kept = np.array([self._index.admits(0, dict(each)) for each in columns.labels], np.bool_)
        if kept.all():
            return columns
        counts = np.diff(columns.starts)
        mine = np.repeat(kept, counts)
        starts = np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64)
        labels = [columns.labels[row] for row in np.flatnonzero(kept).tolist()]
        return Columns(labels, starts, columns.times[mine], columns.values[mine])

    def _samples(self, columns: Columns) -> None:
        """Take in the samples of a plain rule: those at which something may change.

        What the store reads has a sample of every series.
        """
        numbers = self._known(columns.labels)
        counts = np.diff(columns.starts)
        rows = np.repeat(numbers, counts)
        self._draw(rows, columns.times, columns.values)
        told = self._news(columns.values)
        told |= np.diff(columns.times, prepend=0) > LOOKBACK_MS
        told[columns.starts[:-1]] = True
        for place in np.flatnonzero(told).tolist():
            number, at = int(rows[place]), int(columns.times[place])
            first = place == 0 or rows[place - 1] != number
            if not first:
                self._heard[number] = int(columns.times[place - 1])
            self._fall_silent(number, at)
            self._courses[number].see(from_milliseconds(at), _value(columns.values[place]))
        for number, end in zip(numbers.tolist(), columns.starts[1:].tolist(), strict=True):
            self._heard[number] = int(columns.times[end - 1])

    def _fall_silent(self, number: int, before: int) -> None:
        """Tell a plain rule's series that nothing came of it, if that was long enough."""
        heard = self._heard[number]
        if heard >= 0 and before - heard > LOOKBACK_MS:
            self._courses[number].see(from_milliseconds(heard + LOOKBACK_MS), None)

    def _steps(self, matrix: Matrix, times: Ints) -> None:
        """Take in what a rule gave at each step; a label set that it does not give is silent."""
        numbers = self._known(matrix.labels)
        values = np.where(matrix.present, matrix.values, np.nan)
        width = len(times)
        self._draw(np.repeat(numbers, width), np.tile(times, len(numbers)), values.ravel())
        told = self._news(values.ravel()).reshape(values.shape)
        told[:, :1] = True
        for row, step in np.argwhere(told).tolist():
            course = self._courses[int(numbers[row])]
            course.see(from_milliseconds(int(times[step])), _value(values[row, step]))
        here = set(numbers.tolist())
        for number, course in enumerate(self._courses):
            if number not in here:
                course.see(from_milliseconds(int(times[0])), None)

    def _news(self, values: Floats) -> Flags:
        """Tell which values lie in another band than the one before."""
        ladders = {id(course.ladder): course.ladder for course in self._courses}
        found = bands(list(ladders.values()), values)
        news: Flags = np.diff(found, prepend=-2) != 0
        return news

    def _known(self, series: Sequence[Labels]) -> Ints:
        """Return the number of each series, a new course at need."""
        for labels in series:
            if labels not in self._numbers:
                self._numbers[labels] = len(self._courses)
                client = dict(labels).get("client", HOUSE)
                self._courses.append(Course(self._index.said(0, client).ladder))
                self._heard.append(-1)
        if len(self._courses) > SERIES_MOST:
            raise NotComputable("the threshold gives more than {most} series", most=SERIES_MOST)
        more = len(self._courses) - len(self._lines)
        self._lines = np.concatenate([self._lines, np.full((more, BUCKETS), np.nan)])
        return np.array([self._numbers[labels] for labels in series], np.int64)

    def _draw(self, rows: Ints, times: Ints, values: Floats) -> None:
        """Keep of each point of a line the gravest value."""
        places = rows * BUCKETS + (times - self.span.start_ms) // self.span.bucket_ms
        tests = [level.test for level in self._rule.compiled.ladder.levels.values()]
        gravest = np.fmin if tests and DOWNWARD.issuperset(tests) else np.fmax
        gravest.at(self._lines.reshape(-1), places, np.where(np.isfinite(values), values, np.nan))


def _value(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
