"""Whatever the series and the query: the columns give what the slow model gives."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from metrics.columns import Columns, Labels, columns_of
from metrics.matchers import all_hold
from metrics.promql.evaluation import evaluate, instant
from metrics.promql.frames import Matrix
from metrics.promql.memory import Memory
from metrics.promql.plan import Plan, compile
from metrics.promql.refusals import NotComputable
from metrics.promql.tenancy import partitioned, scoped
from metrics.promql.terms import Terms
from metrics.promql.tree import Span
from tests.support import promql_model as model
from tests.support.promql_random import CALLS, QUERIES, REACHING, series
from tests.support.shelf import Points

Stored = Sequence[tuple[Labels, Points]]
START, END, STEP = 0, 900_000, 45_000
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def matrix(
    plan: Plan, stored: Stored, memory: Memory | None = None, span: Span = (START, END)
) -> Matrix:
    data = []
    for selector in plan.selectors:
        first, last = selector.window(*span)
        rows = [
            (labels, [point for point in points if first <= point[0] <= last])
            for labels, points in stored
            if all_hold(selector.matchers, dict(labels))
        ]
        data.append(columns_of(row for row in rows if row[1]))
    terms = Terms(memory=memory or Memory())
    return evaluate(plan, data, start_ms=span[0], end_ms=span[1], step_ms=STEP, terms=terms)


def by_step(found: Matrix) -> list[dict[Labels, float]]:
    steps = range(found.values.shape[1])
    return [
        {
            labels: float(found.values[row, step])
            for row, labels in enumerate(found.labels)
            if found.present[row, step]
        }
        for step in steps
    ]


def close(left: dict[Labels, float], right: dict[Labels, float]) -> bool:
    def same(a: float, b: float) -> bool:
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)

    return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)


@slow
@given(series(), QUERIES)
def test_a_range_is_what_every_step_gives_alone(stored: Stored, text: str) -> None:
    plan = compile(text)
    try:
        wanted = [model.at(plan.tree, stored, moment) for moment in range(START, END + 1, STEP)]
    except model.Unclear:
        with pytest.raises(NotComputable):
            matrix(plan, stored)
        return

    found = by_step(matrix(plan, stored))

    assert len(found) == len(wanted)
    for step, expected in zip(found, wanted, strict=True):
        assert close(step, expected if isinstance(expected, dict) else {(): expected})


@slow
@given(series(), st.one_of(CALLS, REACHING))
def test_a_range_is_what_instants_give(stored: Stored, text: str) -> None:
    # an instant puts its best in order, and of equals the first is chosen
    assume(sum(text.count(call) for call in ("topk", "bottomk", "limitk")) <= 1)
    plan = compile(text)
    moments = range(START, END + 1, STEP)
    try:
        alone = [by_step(matrix(plan, stored, span=(at, at)))[0] for at in moments]
    except NotComputable:
        with pytest.raises(NotComputable):
            matrix(plan, stored)
        return

    together = by_step(matrix(plan, stored))

    for at, one, other in zip(moments, alone, together, strict=True):
        assert close(one, other), (at, one, other)


def outcome(plan: Plan, stored: Stored) -> list[dict[Labels, float]] | str:
    try:
        return by_step(matrix(plan, stored))
    except NotComputable as refusal:
        return refusal.detail


def of(client: str, labels: Labels) -> Labels:
    return tuple(sorted((*labels, ("client", client))))


@slow
@given(series(), series(), st.one_of(QUERIES, CALLS, REACHING))
def test_side_by_side_each_client_gets_what_a_store_of_its_own_would_give(
    acme: Stored, bolt: Stored, text: str
) -> None:
    plan, homes = compile(text), {"acme": acme, "bolt": bolt}
    alone = {client: outcome(plan, stored) for client, stored in homes.items()}
    both = [(of(client, labels), p) for client, home in homes.items() for labels, p in home]

    together = outcome(Plan(partitioned(plan.tree)), both)

    if isinstance(together, str):
        # of an unclear side Prometheus complains only if the other side has anything at all
        assert "found duplicate series" in together or together in alone.values()
        return
    for step, (ours, theirs) in enumerate(zip(alone["acme"], alone["bolt"], strict=True)):
        assert isinstance(ours, dict)
        assert isinstance(theirs, dict)
        wanted = {of("acme", k): v for k, v in ours.items()}
        wanted |= {of("bolt", k): v for k, v in theirs.items()}
        assert close(together[step], wanted)


@slow
@given(series("acme"), series("bolt"), st.one_of(QUERIES, CALLS))
def test_inside_a_client_nothing_of_another_is_seen(acme: Stored, bolt: Stored, text: str) -> None:
    tree = scoped(compile(text).tree, "acme")

    assert str(outcome(Plan(tree), [*acme, *bolt])) == str(outcome(compile(text), acme))


@slow
@given(series(), st.lists(QUERIES, min_size=1, max_size=3))
def test_what_is_remembered_changes_no_answer(stored: Stored, texts: list[str]) -> None:
    memory, data = Memory(most=20), columns_of(stored)

    for text in [*texts, *texts]:
        assert answer(text, data, memory) == answer(text, data, Memory())


def answer(text: str, data: Columns, memory: Memory) -> object:
    plan = compile(text)
    try:
        found = instant(plan, [data] * len(plan.selectors), at_ms=END, terms=Terms(memory=memory))
    except NotComputable as refusal:
        return refusal.detail
    return list(found.labels), found.values.tobytes()
