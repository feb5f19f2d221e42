"""Queries inside one client, and over all of them side by side."""

import pytest

from metrics.matchers import all_hold
from metrics.promql.plan import compile
from metrics.promql.syntax import parse
from metrics.promql.tenancy import partitioned, scoped


def test_every_selector_of_a_scoped_query_asks_for_the_client() -> None:
    tree = scoped(parse("sum(a) / (b or c offset 5m)"), "acme")

    assert tree == parse('sum(a{client="acme"}) / (b{client="acme"} or c{client="acme"} offset 5m)')


def test_a_client_that_is_asked_for_does_not_open_another_scope() -> None:
    matchers = compile('up{client="bolt"}').selectors[0].matchers
    inside = scoped(parse('up{client="bolt"}'), "acme")

    assert all_hold(matchers, {"__name__": "up", "client": "bolt"})
    for client in ("acme", "bolt", ""):
        assert not seen(inside, client)


def test_several_clients_are_seen_and_no_name_is_taken_for_a_pattern() -> None:
    tree = scoped(parse("up"), "a.b", "acme")

    assert [seen(tree, client) for client in ("a.b", "acme", "axb", "")] == [
        True,
        True,
        False,
        False,
    ]


def test_inside_no_client_nothing_is_seen() -> None:
    tree = scoped(parse("up"))

    assert [seen(tree, client) for client in ("acme", "")] == [False, False]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sum(a)", "sum by (client) (a)"),
        ("sum by (x) (a)", "sum by (x, client) (a)"),
        ("sum without (x, client) (a)", "sum without (x) (a)"),
        ("a + b", "a + b"),
        ("a + on () b", "a + on (client) b"),
        ("a + on (x) group_left (y, client) b", "a + on (x, client) group_left (y) b"),
        ("a and ignoring (client) b", "a and ignoring () b"),
        ("a unless on (x) sum(b)", "a unless on (x, client) sum by (client) (b)"),
        ("a > 1", "a > 1"),
    ],
)
def test_clients_stay_apart_in_every_group_and_match(text: str, wanted: str) -> None:
    assert partitioned(parse(text)) == parse(wanted)


def seen(tree: object, client: str) -> bool:
    matchers = tree.matchers  # type: ignore[attr-defined]
    return all_hold(matchers, {"__name__": "up", "client": client})
