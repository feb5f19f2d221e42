"""What is printed is what was read: no query changes its meaning on the way to an engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Refusal
from metrics.promql.printing import printed
from metrics.promql.refusals import NotYet
from metrics.promql.syntax import parse
from metrics.promql.tenancy import scoped
from tests.support.promql_random import CALLS, QUERIES

CASES = [
    "-2 ^ 2",
    "(a + b) * c - -d",
    'up{job=~"a|b", instance!=""}[5m:30s] @ end() offset -1m',
    "rate(a[1m] offset 5m) / on (x, y) group_left (z) b @ 1700000000.5",
    'count_values without (x) ("v", a) or topk by () (3, b)',
    r'label_replace(a, "x", "a\"\\$1\n", "y", "(.*)")',
    "max_over_time(sum by (a) (rate(b[1m]))[1h:]) > bool 1e30",
    "a and ignoring (b) c unless d",
    "1 < bool 2",
    "a + on (x) group_left () fill_left (-1) fill_right (1e30) b",
    "a - fill (2) b",
]


@pytest.mark.parametrize("query", CASES)
def test_a_query_that_was_printed_is_read_as_the_same_tree(query: str) -> None:
    tree = parse(query)
    assert parse(printed(tree)) == tree


@given(st.one_of(QUERIES, CALLS))
def test_any_query_that_was_printed_is_read_as_the_same_tree(query: str) -> None:
    tree = parse(query)
    assert repr(parse(printed(tree))) == repr(tree)


def test_a_client_stands_in_every_selector() -> None:
    tree = scoped(parse("sum(a) / rate(b[5m:1m] offset 1m)"), "acme")
    assert printed(tree).count('client="acme"') == 2


def test_what_an_engine_would_compute_beyond_the_client_is_refused() -> None:
    with pytest.raises(Refusal):
        printed(parse("info(a)"))


@pytest.mark.parametrize("query", ["a smoothed", "rate(a[1m] anchored)"])
def test_what_an_engine_may_not_know_is_refused(query: str) -> None:
    with pytest.raises(NotYet, match="another engine"):
        printed(parse(query))
