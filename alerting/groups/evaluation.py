"""Computes batches at a moment: results by row, and what went wrong for which rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alerting.groups.batches import RULE, Batch, Input, Memory, alone, owners
from alerting.groups.rules import FileRule
from kit.errors import Refusal
from metrics.batch import Floats, Ints
from metrics.columns import Columns, Labels, labels_of
from metrics.labels import CLIENT
from metrics.promql.evaluation import evaluate
from metrics.promql.frames import Flags, Matrix
from metrics.promql.plan import Plan
from metrics.promql.tenancy import scoped
from metrics.promql.terms import Limits, Terms
from metrics.promql.tree import LOOKBACK_MS

MOST = Limits(series=2_000_000)
FOR_EVER = 10**12


@dataclass(eq=False)
class Results:
    """What rules gave at one moment: row by row the number of the rule, labels, value.

    `labels` is the same list while the rows are the same; `present` tells which count.
    """

    rules: Sequence[FileRule]
    owner: Ints
    labels: Sequence[Labels]
    values: Floats
    present: Flags
    errors: Mapping[int, str] = field(default_factory=dict)


def read(batch: Batch, memory: Memory, at: int) -> list[Columns]:
    """Return what the batch's inputs have to show in memory; the series may be others now."""
    for each in batch.inputs:
        each.bring_up(memory)
        each.name(memory, marked=batch.marked)
        each.look(memory)
    return [each.columns(memory, at) for each in batch.inputs]


def computed(batch: Batch, data: Sequence[Columns], at: int, terms: Terms) -> Results:
    """Return the results of a batch; if it fails as one, each rule is computed alone."""
    try:
        found = evaluate(batch.plan, data, start_ms=at, end_ms=at, step_ms=0, terms=terms)
    except Refusal as why:
        if not batch.marked:
            return nothing(batch.rules, why.detail)
        parts = [_alone(batch, number, data, at, terms) for number in range(len(batch.rules))]
        return joined(batch.rules, parts)
    return _results(batch, found, terms)


def _results(batch: Batch, found: Matrix, terms: Terms) -> Results:
    owner, labels = terms.memory.recall(
        "owners", found.labels, make=lambda: owners(found, batch.marked)
    )
    return Results(batch.rules, owner, labels, found.values[:, 0], found.present[:, 0])


def nothing(rules: Sequence[FileRule], why: str) -> Results:
    """Return that rules could not be computed."""
    none = np.empty(0)
    return Results(
        rules,
        np.empty(0, np.int64),
        [],
        none,
        none.astype(np.bool_),
        dict.fromkeys(range(len(rules)), why),
    )


def _alone(batch: Batch, number: int, data: Sequence[Columns], at: int, terms: Terms) -> Results:
    one = alone(batch.rules[number])
    own = [_own(columns, number) for columns in data]
    return computed(one, own, at, terms)


def _own(columns: Columns, number: int) -> Columns:
    """Return of what a batch read the part of one rule, under its own labels."""
    mine = np.array([(RULE, str(number)) in labels for labels in columns.labels], np.bool_)
    rows = np.flatnonzero(mine)
    counts = np.diff(columns.starts)
    starts = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
    labels = [
        tuple(pair for pair in columns.labels[row] if pair[0] != RULE) for row in rows.tolist()
    ]
    return columns.only(labels, starts, np.flatnonzero(np.repeat(mine, counts)))


def joined(rules: Sequence[FileRule], parts: Sequence[Results]) -> Results:
    """Return the results of rules that were computed one by one."""
    owner = [np.full(len(part.labels), number) for number, part in enumerate(parts)]
    return Results(
        rules,
        np.concatenate([np.empty(0, np.int64), *owner]),
        [labels for part in parts for labels in part.labels],
        np.concatenate([np.empty(0), *(part.values for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.present for part in parts)]),
        {number: part.errors[0] for number, part in enumerate(parts) if part.errors},
    )


def for_each_client(
    rule: FileRule, clients: Sequence[str], memory: Memory, at: int, terms: Terms
) -> Results:
    """Return what a rule gives inside each client, one after the other."""
    parts = []
    for client in clients:
        batch = alone(rule)
        batch.plan = Plan(scoped(rule.own, client))
        for each, selector in zip(batch.inputs, batch.plan.selectors, strict=True):
            each.place, each.chosen = selector, [selector]
        found = computed(batch, read(batch, memory, at), at, terms)
        found.labels = [labels_of({**dict(each), CLIENT: client}) for each in found.labels]
        parts.append(found)
    whole = joined([rule], parts)
    whole.owner[:] = 0
    wrong = [why for part in parts for why in part.errors.values()]
    whole.errors = {0: wrong[0]} if wrong else {}
    return whole


def still_true(batch: Batch, at: int) -> bool:
    """Tell whether what a batch gave holds: nothing came, nothing ended, nothing moves by itself.

    What moves by itself has come to rest where nothing is left to be seen.
    """
    if batch.last is None or batch.timed or at > batch.until:
        return False
    return all(map(_same, batch.inputs))


def _same(each: Input) -> bool:
    (times, values), (before, told) = each.newest, each.seen
    return np.array_equal(times, before) and np.array_equal(values, told, equal_nan=True)


def note(batch: Batch, at: int, results: Results) -> None:
    """Remember what a batch gave, and until when it holds if nothing comes.

    What came while it was computed is not in `newest`, and so is news the next time.
    """
    batch.last, batch.until = results, at + FOR_EVER
    for each in batch.inputs:
        each.seen = times, _ = each.newest
        ahead = times[times > at - each.place.offset_ms]
        batch.until = min(batch.until, int(ahead.min(initial=at + FOR_EVER)) - 1)
        beyond = (each.place.range_ms or LOOKBACK_MS) + each.place.offset_ms
        if each.place.range_ms and each.place.reach:
            beyond += LOOKBACK_MS
        living = times[times > at - beyond]
        if len(living):
            place = each.place
            moves = place.range_ms or place.at is not None or place.within or place.reach
            batch.until = min(batch.until, at if moves else int(living.min()) + beyond - 1)
