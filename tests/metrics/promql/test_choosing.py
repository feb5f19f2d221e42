"""Aggregations that choose, count or measure the spread of a group."""

import pytest

from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Limits, Terms
from tests.support.asking import INF, MINUTE, NAN, about, ask, line, steps

VALUES = (("a", "1", "3"), ("a", "2", "NaN"), ("a", "3", "7"), ("b", "4", "5"), ("b", "5", "1"))
SERIES = [line("m", value, g=g, x=x) for g, x, value in VALUES]


def chosen(text: str) -> list[str]:
    return [name[name.index('x="') + 3] for name in ask(text, *SERIES)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("topk(2, m)", "34"),
        ("topk(9, m)", "34152"),
        ("bottomk(3, m)", "514"),
        ("bottomk(5, m)", "51432"),
        ("topk by (g) (1, m)", "34"),
        ("topk without (x) (2, m)", "1345"),
        ("topk(0, m)", ""),
        ("topk(-1, m)", ""),
        ("topk(1.9, m)", "3"),
        ("limitk(2, m)", "12"),
        ("limitk by (g) (1, m)", "14"),
        ("limitk(99, m)", "12345"),
        ("limitk(0, m)", ""),
    ],
)
def test_the_best_come_first(text: str, wanted: str) -> None:
    found = chosen(text)

    # between groups there is no order
    assert (sorted(found) if "(g)" in text or "(x)" in text else found) == list(wanted)


def test_each_step_chooses_anew() -> None:
    series = [line("m", "1 2 3", x="1"), line("m", "3 2 1", x="2"), line("k", "1 2 0")]

    assert steps("topk(1, m)", *series, end_ms=2 * MINUTE) == {
        'm{x="1"}': [None, 2.0, 3.0],
        'm{x="2"}': [3.0, None, None],
    }
    assert steps("topk(scalar(k), m)", *series, end_ms=2 * MINUTE) == {
        'm{x="1"}': [None, 2.0, None],
        'm{x="2"}': [3.0, 2.0, None],
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("topk(NaN, m)", "Parameter value is NaN"),
        ("bottomk(1e30, m)", "overflows int64"),
        ("limitk(-1e30, m)", "underflows int64"),
        ("limit_ratio(NaN, m)", "Ratio value is NaN"),
        ('count_values("", m)', "invalid label name"),
    ],
)
def test_what_cannot_be_chosen_by_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotComputable, match=why):
        ask(text, *SERIES)


def test_a_share_and_the_rest_are_all() -> None:
    series = [line("m", "1", x=str(n)) for n in range(1_000)]

    part = ask("limit_ratio(0.3, m)", *series)
    rest = ask("limit_ratio(-0.7, m)", *series)

    assert 250 < len(part) < 350
    assert part.keys() | rest.keys() == ask("m", *series).keys()
    assert not part.keys() & rest.keys()
    assert part == ask("limit_ratio(0.3, m)", *reversed(series))
    assert len(ask("limit_ratio(-1, m)", *series)) == 1_000
    assert ask("limit_ratio(0, m)", *series) == {}


def test_a_share_of_more_than_all_is_all_with_a_warning() -> None:
    terms = Terms()

    assert len(ask("limit_ratio(1.1, m)", *SERIES, terms=terms)) == 5
    assert list(terms.notes.warnings) == [
        "PromQL warning: ratio value should be between -1 and 1, got 1.1, capping to 1"
    ]


def test_equal_values_are_counted() -> None:
    series = [
        line("m", value, g=g, x=str(n))
        for n, (g, value) in enumerate([("a", "1"), ("a", "1"), ("b", "1"), ("b", "NaN")])
    ]

    assert ask('count_values("v", m)', *series) == {'{v="1"}': 3.0, '{v="NaN"}': 1.0}
    assert ask('count_values by (g) ("v", m)', *series) == {
        '{g="a", v="1"}': 2.0,
        '{g="b", v="1"}': 1.0,
        '{g="b", v="NaN"}': 1.0,
    }
    assert ask('count_values without (x) ("g", m)', *series) == {'{g="1"}': 3.0, '{g="NaN"}': 1.0}
    assert ask('count_values("v", nope)') == {}
    found = steps('count_values("v", m)', line("m", "0.1 1e20 0.1"), end_ms=2 * MINUTE)
    assert found == {'{v="0.1"}': [1.0, None, 1.0], f'{{v="1{"0" * 20}"}}': [None, 1.0, None]}


def test_too_many_different_values_are_not_counted() -> None:
    series = [line("m", f"{first}+1x6", x=str(first)) for first in (0, 10, 20)]
    terms = Terms(limits=Limits(samples=60))

    with pytest.raises(NotComputable, match="values at once"):
        steps('count_values("v", m)', *series, end_ms=6 * MINUTE, terms=terms)


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("quantile(0.5, m)", "1 2 3 4", 2.5),
        ("quantile(0.9, m)", "7", 7.0),
        ("quantile(0, m)", "NaN 1", NAN),
        ("quantile(1, m)", "NaN 1", 1.0),
        ("quantile(-1, m)", "1", -INF),
        ("quantile(1.1, m)", "1", INF),
        ("quantile(NaN, m)", "1", NAN),
        ("stddev(m)", "2 4 4 4 5 5 7 9", 2.0),
        ("stdvar(m)", "2 4 4 4 5 5 7 9", 4.0),
        ("stdvar(m)", "7", 0.0),
        ("stdvar(m)", "1 Inf", NAN),
        ("stdvar(m)", "1 NaN", NAN),
        ("stdvar(m)", "1000000000001 1000000000002 1000000000003", 2 / 3),
        ("group(m)", "5 NaN", 1.0),
    ],
)
def test_a_group_is_measured(text: str, values: str, wanted: float) -> None:
    series = [line("m", value, x=str(n)) for n, value in enumerate(values.split())]

    assert ask(text, *series) == about({"{}": wanted})


def test_groups_of_different_sizes_have_their_own_quantiles() -> None:
    found = ask("quantile by (g) (0.5, m)", *SERIES)
    at_each = steps("quantile by (g) (0.5, m)", line("m", "1 _ 3", g="a"), end_ms=MINUTE)

    assert found == {'{g="a"}': 3.0, '{g="b"}': 3.0}
    assert at_each == {'{g="a"}': [1.0, 1.0]}


def test_of_nothing_nothing_is_chosen() -> None:
    calls = ("topk(1, m)", "bottomk(1, m)", "limitk(1, m)", "limit_ratio(1, m)", "stddev(m)")
    for text in (*calls, "quantile(0.5, m)", "group(m)", 'count_values("v", m)'):
        assert ask(text) == {}
