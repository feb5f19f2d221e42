"""`fill`: what stands for a series that has no partner on the other side."""

import pytest

from kit.errors import Invalid
from metrics.promql.syntax import parse
from tests.support.asking import ask, line

LEFT = (line("left", "10", x="a"), line("left", "20", x="b"))
RIGHT = (line("right", "100", x="a"), line("right", "400", x="d"))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("left + fill(0) right", {"a": 110, "b": 20, "d": 400}),
        ("left + fill_left(5) right", {"a": 110, "d": 405}),
        ("left + fill_right(7) right", {"a": 110, "b": 27}),
        ("left + fill_left(5) fill_right(7) right", {"a": 110, "b": 27, "d": 405}),
        ("left + on(x) fill(1) right", {"a": 110, "b": 21, "d": 401}),
        ("left + on(x) group_left fill(1) right", {"a": 110, "b": 21, "d": 401}),
        ("left > bool fill(15) right", {"a": 0, "b": 1, "d": 0}),
        ("left + fill(0) nothing", {"a": 10, "b": 20}),
        ("left + fill_left(0) nothing", {}),
        ("nothing + fill(0) right", {"a": 100, "d": 400}),
    ],
)
def test_a_missing_series_is_filled(query: str, wanted: dict[str, float]) -> None:
    assert ask(query, *LEFT, *RIGHT) == {f'{{x="{x}"}}': value for x, value in wanted.items()}


def test_a_comparison_keeps_what_was_sent() -> None:
    assert ask("left != fill(30) right", *LEFT, *RIGHT) == {
        'left{x="a"}': 10,
        'left{x="b"}': 20,
        '{x="d"}': 30,
    }


def test_sets_are_not_filled() -> None:
    with pytest.raises(Invalid, match="not allowed for set operators"):
        parse("left and fill(0) right")
