"""What an expression reads: from memory, and from chunks where memory does not reach back."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from alerting.head import Head
from alerting.scrapes import together
from alerting.thresholds import CompiledRule
from kit.errors import Refusal
from metrics.batch import Ints, Refs
from metrics.columns import NAME, Columns, Labels
from metrics.matchers import Matcher, Op, one_of
from metrics.promql.syntax import parse
from metrics.promql.tree import LOOKBACK_MS, Expr, Selector, selectors


@dataclass(frozen=True)
class Part:
    """The series of one selector that are evaluated together."""

    selector: Selector
    refs: Refs
    labels: Sequence[Labels]
    kinds: Ints


async def read(head: Head, parts: Sequence[Part], at: int) -> list[Columns]:
    """Return the samples that each part has to show at one moment."""
    return _newest(head, parts, at) or [await _window(head, part, at) for part in parts]


def _newest(head: Head, parts: Sequence[Part], at: int) -> list[Columns] | None:
    """Return each series' newest sample alone, None where that is not all it takes."""
    times, found = [], []
    for part in parts:
        first, last = part.selector.window(at, at)
        newest, values = head.newest(part.refs)
        if (first, last) != (at - LOOKBACK_MS + 1, at) or (newest > at).any():
            return None
        seen = newest >= first
        starts = np.concatenate([[0], np.cumsum(seen)]).astype(np.int64)
        times.append(np.where(seen, newest, -1))
        found.append(Columns(part.labels, starts, newest[seen], values[seen]))
    return found if together(times, [part.kinds for part in parts]) else None


async def _window(head: Head, part: Part, at: int) -> Columns:
    first, last = part.selector.window(at, at)
    if head.covers(part.refs, first):
        columns = head.window(part.refs, first, last)
    else:  # `offset 1d`, or memory is young after a start
        columns = await head.read_refs(part.refs, first, last)
    return replace(columns, labels=part.labels)


def read_by(trees: Iterable[Expr]) -> list[list[Matcher]]:
    """Return what these read: one choice of names for all that name their series, then others."""
    names: set[str] = set()
    others: dict[tuple[Matcher, ...], None] = {}
    for selector in chain.from_iterable(map(selectors, trees)):
        named = {m.value for m in selector.matchers if (m.name, m.op) == (NAME, Op.EQUAL)}
        names |= named
        if not named:
            others[selector.matchers] = None
    chosen = [[one_of(NAME, sorted(names))]] if names else []
    return [*chosen, *map(list, others)]


def trees_of(rules: Iterable[CompiledRule]) -> Iterator[Expr]:
    """Yield the expressions of rules; of one that cannot be read nothing is evaluated."""
    for rule in rules:
        with suppress(Refusal):
            yield parse(rule.spec.expr)
