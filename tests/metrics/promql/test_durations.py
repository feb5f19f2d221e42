"""Durations that are computed: `[5m * 2]`."""

import pytest

from kit.errors import Invalid
from metrics.promql.durations import worked_out
from metrics.promql.plan import compile
from metrics.promql.tree import Selector


def seconds(text: str) -> tuple[float, float]:
    tree = compile(text).tree
    assert isinstance(tree, Selector)
    return tree.range_ms / 1000, tree.offset_ms / 1000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("up[5m * 2]", (600, 0)),
        ("up[11s+10s-5*2^2]", (1, 0)),
        ("up[-(10s-5s)+20s]", (15, 0)),
        ("up[4h % 3h]", (3_600, 0)),
        ("up[2 ^ 3 ^ 0 * 1m]", (120, 0)),
        ("up[1h30m / 4]", (1_350, 0)),
        ("up[1.5 * 1s]", (1.5, 0)),
        ("up[1m] offset (1h / 2)", (60, 1_800)),
        ("up[1m] offset -(1m + 30)", (60, -90)),
        ("up[1m] offset - - (2)", (60, 2)),
        ("up[1m] offset (5m - 5m)", (60, 0)),
        ("up OFFSET(3s)", (0, 3)),
    ],
)
def test_a_duration_is_what_it_comes_to(text: str, wanted: tuple[float, float]) -> None:
    assert seconds(text) == wanted


def test_both_parts_of_a_subquery_are_worked_out() -> None:
    assert worked_out("m[2*1h : 30s+30]") == "m[7200000ms:60000ms]"
    assert worked_out("m[2*1h:]") == "m[7200000ms:]"


@pytest.mark.parametrize(
    "text",
    [
        *("up", "up[5m]", "up[300]", "up[5m:1m] offset 5m", "up offset -1h30m + down"),
        *('up{a="[1*2]"}', "up{a='offset (1)'}", "up{a=`[2+3]`}", "up # offset (3) [1+1]\n"),
        "offset_total",
    ],
)
def test_what_is_not_computed_is_left_as_it_is(text: str) -> None:
    assert worked_out(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("up[5m - 5m]", "greater than 0"),
        ("up[-5m*1]", "greater than 0"),
        ("up[5m / 0]", "division by zero"),
        ("up[5m % 0]", "modulo by zero"),
        ("up[9 ^ 9 ^ 9]", "out of range"),
        ("up[1e400 + 1]", "out of range"),
        ("up[5m *]", "expected"),
        ("up[5m 5m]", "unexpected"),
        ("up offset (5m", "unclosed"),
        ("up offset ()", "expected"),
        ("up[foo * 2]", "expected"),
    ],
)
def test_what_is_no_duration_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=f"parse error: .*{why}"):
        compile(text)
