"""Matchers on whole values, in Go's dialect."""

import pytest

from kit.errors import Invalid
from metrics.matchers import Matcher, Op, all_hold
from metrics.patterns import compiled

CASES = [
    (Op.EQUAL, "a", "a", True),
    (Op.EQUAL, "a", "ab", False),
    (Op.EQUAL, "", "", True),
    (Op.NOT_EQUAL, "a", "b", True),
    (Op.NOT_EQUAL, "a", "", True),
    (Op.NOT_EQUAL, "", "", False),
    (Op.MATCHES, "a|b", "b", True),
    (Op.MATCHES, "a|b", "ab", False),
    (Op.MATCHES, "a.*", "xa", False),
    (Op.MATCHES, "a.c", "a\nc", True),
    (Op.MATCHES, ".*", "", True),
    (Op.MATCHES, ".+", "", False),
    (Op.MATCHES, "(?i:PRO).*", "production", True),
    (Op.MATCHES, "x((?i)PRO).*", "xproduction", True),
    (Op.MATCHES, "a$|^b", "a\n", False),
    (Op.MATCHES, r"\d+", "٣", False),
    (Op.MATCHES, r"\pL+", "é", True),
    (Op.DIFFERS, "a|b", "c", True),
    (Op.DIFFERS, ".+", "", True),
]


@pytest.mark.parametrize(("op", "wanted", "value", "holds"), CASES)
def test_a_matcher_holds_for_the_whole_value(op: Op, wanted: str, value: str, holds: bool) -> None:
    assert Matcher("x", op, wanted).holds(value) is holds


def test_a_label_that_is_not_there_counts_as_empty() -> None:
    matchers = [Matcher("job", Op.EQUAL, "pos"), Matcher("env", Op.NOT_EQUAL, "test")]

    assert all_hold(matchers, {"job": "pos"})
    assert not all_hold(matchers, {"job": "pos", "env": "test"})


@pytest.mark.parametrize(
    ("matcher", "only"),
    [
        (Matcher("x", Op.EQUAL, "a"), {"a"}),
        (Matcher("x", Op.MATCHES, "a|b-c|"), {"a", "b-c", ""}),
        (Matcher("x", Op.MATCHES, "a.c"), None),
        (Matcher("x", Op.NOT_EQUAL, "a"), None),
        (Matcher("x", Op.DIFFERS, "a|b"), None),
    ],
)
def test_the_values_that_can_hold_are_known_where_they_are_few(
    matcher: Matcher, only: set[str] | None
) -> None:
    assert matcher.only == only


@pytest.mark.parametrize("text", ["(", "a**", "[a", "(?=a)", r"\1", "a{1001}"])
def test_what_go_refuses_as_a_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="error parsing regexp"):
        compiled(text)


def test_no_pattern_can_keep_the_program_busy() -> None:
    assert not Matcher("x", Op.MATCHES, "(a*)*b").holds("a" * 4_000)


def test_a_matcher_is_shown_as_it_is_written() -> None:
    assert str(Matcher("x", Op.DIFFERS, 'a"\\\n')) == r'x!~"a\"\\\n"'
