"""Reads: the answer of a PromQL query over a store."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from access.scope import HOUSE
from metrics.asked import Span
from metrics.columns import Columns, Labels
from metrics.labels import CLIENT
from metrics.matchers import Matcher
from metrics.promql.effort import effort
from metrics.promql.evaluation import evaluate
from metrics.promql.frames import Matrix
from metrics.promql.memory import Memory
from metrics.promql.plan import Plan
from metrics.promql.terms import Terms
from metrics.promql.tree import Selector

T = TypeVar("T")
TOGETHER = 4
"""Selectors of a query that are read at the same time: the database looks while memory is read."""
ON_THE_LOOP = 10_000
"""Who touches more values than these does so in a thread, so that the loop goes on."""


class Reader(Protocol):
    """What can be asked for samples: the store."""

    async def read(self, matchers: Sequence[Matcher], start: int, end: int, /) -> Columns:
        """Return the series that fit all matchers, from `start` to `end` ms, both included."""
        ...


@dataclass(frozen=True)
class AsSent:
    """A store whose house series have no client, as they were sent: Prometheus's own view."""

    reader: Reader
    memory: Memory

    async def read(self, matchers: Sequence[Matcher], start: int, end: int, /) -> Columns:
        """Return what the store does, the house's label left off."""
        return self.shown(await self.reader.read(matchers, start, end))

    def shown(self, columns: Columns) -> Columns:
        """Return columns with the house's label left off."""
        labels = self.memory.recall("as sent", columns.labels, make=lambda: as_sent(columns.labels))
        return replace(columns, labels=labels)


def as_sent(labels: Sequence[Labels]) -> Sequence[Labels]:
    """Return labels as Prometheus's own API shows them: what is the house's has no client."""
    house = (CLIENT, HOUSE)
    return [
        tuple([pair for pair in each if pair != house]) if house in each else each
        for each in labels
    ]


async def gather(
    reader: Reader, plan: Plan, *, start_ms: int, end_ms: int, terms: Terms
) -> list[Columns]:
    """Return the columns of the plan's selectors, in their order; a few are read at once."""
    free = asyncio.Semaphore(TOGETHER)

    async def read(selector: Selector) -> Columns:
        first, last = selector.window(start_ms, end_ms, terms.lookback_ms)
        async with free:
            return await reader.read(selector.matchers, first, last)

    reading = [asyncio.ensure_future(read(selector)) for selector in plan.selectors]
    try:
        return await asyncio.gather(*reading)
    finally:
        for one in reading:  # if one of them fails, nobody waits for the others
            one.cancel()


async def off_the_loop(touched: int, *, terms: Terms, work: Callable[[], T]) -> T:
    """Return what `work` gives, which touches so many values.

    If nobody waits any more, it stops itself.
    """
    if touched <= ON_THE_LOOP:
        return work()
    try:
        return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        terms.stopped.set()
        raise


async def query(
    reader: Reader, plan: Plan, *, start_ms: int, end_ms: int, step_ms: int, terms: Terms
) -> Matrix:
    """Return the plan's series at each step from start to end."""
    data = await gather(reader, plan, start_ms=start_ms, end_ms=end_ms, terms=terms)
    return await computed(plan, data, Span(start_ms, end_ms, step_ms), terms)


async def computed(plan: Plan, data: Sequence[Columns], span: Span, terms: Terms) -> Matrix:
    """Return the plan's series at each step, of columns that are at hand."""
    start, end, step = span.start_ms, span.end_ms, span.step_ms

    def work() -> Matrix:
        return evaluate(plan, data, start_ms=start, end_ms=end, step_ms=step, terms=terms)

    touched = effort(plan, data, start_ms=start, end_ms=end, step_ms=step)
    return await off_the_loop(touched, terms=terms, work=work)
