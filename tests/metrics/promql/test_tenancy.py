"""Queries inside one client, and over all of them side by side."""

import pytest

from kit.errors import Invalid
from metrics.matchers import Matcher, Op, all_hold
from metrics.promql.plan import compile
from metrics.promql.syntax import parse
from metrics.promql.tenancy import partitioned, scoped
from metrics.promql.tree import Info, selectors


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
        ("topk(3, rate(a[5m]))", "topk by (client) (3, rate(a[5m]))"),
        ("quantile by (x) (0.9, a)", "quantile by (x, client) (0.9, a)"),
        ("max_over_time(sum(a)[5m:])", "max_over_time(sum by (client) (a)[5m:])"),
        ('count_values("v", a)', 'count_values by (client) ("v", a)'),
        ('label_replace(a, "x", "$1", "client", "(.*)")',) * 2,
    ],
)
def test_clients_stay_apart_in_every_group_and_match(text: str, wanted: str) -> None:
    assert partitioned(parse(text)) == parse(wanted)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("absent(a)", r"absent\(\) where each client is looked at alone"),
        ("absent_over_time(a[5m])", "absent_over_time"),
        ("a > scalar(b)", "scalar"),
        ('label_replace(a, "client", "bolt", "", "")', "into the label client"),
        ('label_join(a, "client", "")', "into the label client"),
        ('count_values("client", a)', "with the label client"),
        ("a[5m]", "one value at each moment"),
        ('"a"', "one value at each moment"),
    ],
)
def test_what_cannot_be_told_apart_by_client_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        partitioned(parse(text))


def test_every_selector_inside_is_scoped() -> None:
    tree = scoped(parse("info(rate(a[5m])) + max_over_time(b[1h:1m])"), "acme")

    for selector in selectors(tree):
        assert selector.matchers[-1] == Matcher("client", Op.EQUAL, "acme")
    asked = partitioned(parse("info(a)"))
    assert isinstance(asked, Info)
    assert asked.by == {"client", "instance", "job"}


def seen(tree: object, client: str) -> bool:
    matchers = tree.matchers  # type: ignore[attr-defined]
    return all_hold(matchers, {"__name__": "up", "client": client})
