"""Durations that are computed: `[5m * 2]`."""

import pytest

from kit.errors import Invalid
from metrics.promql.durations import AT_ONCE, Frame, worked_out
from metrics.promql.plan import compile
from metrics.promql.refusals import NotYet
from metrics.promql.syntax import formatted
from metrics.promql.tree import Selector


def seconds(text: str, frame: Frame = AT_ONCE) -> tuple[float, float]:
    tree = compile(text, frame).tree
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
        ("up[step(]", "unclosed"),
        ("up[step(1)]", "unclosed"),
        ("up[min_of(1)]", "two durations"),
        ("up[max_of(1, 2]", "unclosed"),
        ("up[foo * 2]", "expected"),
    ],
)
def test_what_is_no_duration_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=f"parse error: .*{why}"):
        compile(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("up[step()]", (10, 0)),
        ("up[1+(STep()-5)*2]", (11, 0)),
        ("up[range ()]", (60, 0)),
        ("up[min_of(step()+1, 1h)]", (11, 0)),
        ("up[max_of(min_of((step()), 2s), (1ms))]", (2, 0)),
        ("up offset step()", (0, 10)),
        ("up offset -Range()", (0, -60)),
        ("up offset +(step()/4)", (0, 2.5)),
        ("up offset -max_of(3s, step())", (0, -10)),
        # as it was called until 3.12
        ("up[max(min(step()+1, 1h), 1ms)] offset min(3s, step())", (11, 3)),
    ],
)
def test_a_duration_may_be_made_of_what_the_query_asks(
    text: str, wanted: tuple[float, float]
) -> None:
    assert seconds(text, Frame(range_ms=60_000, step_ms=10_000)) == wanted


def test_an_operator_behind_an_offset_is_not_part_of_it() -> None:
    frame = Frame(step_ms=5_000)

    assert worked_out("up offset step()*0", frame) == "up offset 5000ms*0"
    assert worked_out("up offset -min_of(step(), 1s)+8", frame) == "up offset -1000ms+8"
    assert worked_out("step() + range()", frame) == "step() + range()"
    assert worked_out("min(up) + max (up)", frame) == "min(up) + max (up)"


def test_one_moment_has_neither_length_nor_step() -> None:
    assert seconds("up offset range()") == (0, 0)
    for text in ("up[step()]", "up[range()]"):
        with pytest.raises(Invalid, match="greater than 0"):
            compile(text)
    with pytest.raises(NotYet):  # it would be laid out as what it is for one query alone
        formatted("up[step()]")
