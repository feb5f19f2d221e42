"""Which expressions are formulas, and that they give what PromQL gives."""

import numpy as np
import pytest

from alerting.formulas import computed, formula
from metrics.columns import Labels, columns_of, labels_of
from metrics.promql.evaluation import instant
from metrics.promql.plan import Plan
from metrics.promql.syntax import parse

FORMULAS = (
    "100 * (1 - a / b)",
    "-a + 2 ^ 3",
    "a / b > 1",
    "5 < a",
    "1 < bool a",
    "a - b == bool 2",
    "a / on(host) b",
    "a > on(host) b",
    "a / ignoring(job) b",
    "(a - b) / a",
    "a * (1 > bool 2)",
    "-(a > 3)",
)


def series(name: str) -> Labels:
    return labels_of({"__name__": name, "host": "h", "job": "j"})


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("values", [(4.0, 2.0), (1.0, 3.0), (0.0, 0.0), (float("nan"), 1.0)])
def test_a_formula_gives_what_promql_gives(text: str, values: tuple[float, float]) -> None:
    plan = Plan(parse(text))
    found = formula(plan.tree)
    assert found is not None
    given = dict(zip("ab", values, strict=True))
    names = [selector.matchers[0].value for selector in found.selectors]
    data = [columns_of([(series(name), [(1000, given[name])])]) for name in names]
    expected = instant(plan, data, at_ms=1000)

    with np.errstate(all="ignore"):
        value, kept = computed(
            found.shape,
            [np.array([given[name]]) for name in names],
            [np.array([number]) for number in found.numbers],
        )

    assert (kept is None or bool(kept[0])) == bool(expected.labels)
    if expected.labels:
        assert value == pytest.approx(expected.values, nan_ok=True)
        assert [found.labels([series(name) for name in names])] == list(expected.labels)


@pytest.mark.parametrize(
    "text",
    [
        "sum(a)",
        "a or b",
        "a offset 1h",
        "a @ 0",
        "1 + 1",
        "a / on(host) group_left b",
        "a / on(host) b / ignoring(job) c",
    ],
)
def test_what_takes_more_than_one_series_of_each_selector_is_none(text: str) -> None:
    assert formula(parse(text)) is None


def test_rules_that_differ_in_names_and_numbers_have_one_shape() -> None:
    one, other = formula(parse("100 * (1 - a / b)")), formula(parse("50 * (2 - c / d)"))
    assert one is not None
    assert other is not None
    assert one.shape == other.shape
    assert one.numbers != other.numbers
