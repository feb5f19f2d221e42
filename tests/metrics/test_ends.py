"""What is enough to know of a range says the same as every sample of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.batch import Floats, Refs, merged
from metrics.columns import STALE, Columns, Enough, Labels, labels_of
from metrics.ends import ends, newest
from metrics.head import Head
from metrics.lines import STEP, WIDTH
from metrics.promql.evaluation import evaluate
from metrics.promql.plan import compile
from metrics.promql.terms import Terms
from metrics.promql.whole import enough
from metrics.rolled import beside

SERIES, LENGTH, REACH = 3, 90, 40
RANGE = 25
FUNCTIONS = (
    "rate",
    "increase",
    "delta",
    "count_over_time",
    "first_over_time",
    "last_over_time",
    "present_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
)


def named(count: int) -> list[Labels]:
    return [labels_of({"__name__": "c_total", "n": f"{number:05}"}) for number in range(count)]


def opened(series: int) -> tuple[Head, Refs]:
    head, refs = Head(REACH), np.arange(series, dtype=np.int32)
    head.reserve(series)
    head.open_rows(refs)
    return head, refs


def rising(refs: Refs, now: int) -> Floats:
    return refs.astype(np.float64) + now


def every(head: Head, refs: Refs, start: int, end: int) -> Columns:
    return merged(head.between(refs, start, end), named(len(refs)))


def shown(text: str, columns: Columns, at: int) -> list[float | None]:
    """Return what each series gives at a moment (ms), None for nothing."""
    found = evaluate(
        compile(text), [columns], start_ms=at, end_ms=at, step_ms=0, terms=Terms(lookback_ms=RANGE)
    )
    given_ = {
        dict(labels)["n"]: value
        for labels, value, there in zip(
            found.labels, found.values[:, 0], found.present[:, 0], strict=True
        )
        if there
    }
    return [given_.get(dict(labels)["n"]) for labels in named(len(columns.labels))]


def same(one: list[float | None], other: list[float | None]) -> bool:
    return np.array_equal(
        np.array(one, np.float64), np.array(other, np.float64), equal_nan=True
    ) and [value is None for value in one] == [value is None for value in other]


def agree(head: Head, refs: Refs, at: int) -> None:
    """Compare every function of the last `RANGE` ms, and what is newest in them."""
    start, labels = at - RANGE + 1, named(len(refs))
    if (head.bare[refs] > start).any():
        return  # it is not all at hand, and every sample is asked for
    raw = every(head, refs, start, at)
    few = ends(head, refs, labels, start, at)
    for name in FUNCTIONS:
        text = f"{name}(c_total[{RANGE}ms])"
        assert same(shown(text, few, at), shown(text, raw, at)), text
    last = newest(head, refs, labels, start, at)
    assert np.diff(last.starts).max(initial=0) <= 1
    assert same(shown("c_total", last, at), shown("c_total", raw, at))
    text = "timestamp(c_total)"
    assert same(shown(text, last, at), shown(text, raw, at))


VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 1e300, -1.0, math.nan, math.inf, STALE])
STEPS = st.one_of(
    st.tuples(st.just("rises"), st.integers(1, 40)),
    st.lists(st.tuples(st.integers(0, SERIES - 1), st.integers(0, LENGTH), VALUES), min_size=1),
    st.sampled_from(["flush", "forget", "forget late"]),
)


@given(st.lists(STEPS, max_size=12), st.integers(RANGE, LENGTH + 10))
def test_two_ends_say_what_every_sample_does(
    steps: list[tuple[str, int] | list[tuple[int, int, float]] | str], at: int
) -> None:
    head, refs = opened(SERIES)
    rows = head.row_of[refs]
    now = 0
    for step in steps:
        match step:
            case ("rises", int(count)):
                for _ in range(count):
                    now += 1
                    head.append(rows, np.full(SERIES, now), np.arange(now, now + 3.0), now)
            case list(samples):
                some, times, values = zip(*samples, strict=True)
                now = max(now, *times)
                head.append(rows[list(some)], np.array(times), np.array(values), now)
            case "flush":
                head.take(rows, head.late.size)
                head.committed(rows, head.late.size)
            case "forget":
                head.forget_blocks(rows, now - REACH)
            case _:
                head.forget_late(now - REACH)
    for moment in (at, now - 1):
        agree(head, refs, max(moment, RANGE))


@pytest.mark.parametrize("word", [0.0, 1e9, math.nan, STALE])
def test_another_word_on_the_newest_sample_may_be_less_or_more(word: float) -> None:
    head, refs = opened(SERIES)
    for now in range(1, RANGE):
        head.append(head.rows_of(refs), np.full(SERIES, now), rising(refs, now), now)
    head.append(head.rows_of(refs[:1]), np.array([RANGE - 1]), np.array([word]), RANGE)
    agree(head, refs, RANGE)
    head.append(head.rows_of(refs), np.full(SERIES, RANGE), rising(refs, RANGE), RANGE)
    agree(head, refs, RANGE)


@pytest.mark.parametrize("cuts", [1, 3])
def test_of_counters_that_only_rise_no_more_than_a_step_is_read(cuts: int) -> None:
    head, refs = opened(STEP + 9)
    for now in range(1, 4 * WIDTH):
        for some in np.array_split(refs, cuts):
            head.append(head.rows_of(some), np.full(len(some), now), rising(some, now), now)
    at = 4 * WIDTH - 3
    agree(head, refs, at)
    found = ends(head, refs, named(len(refs)), at - RANGE + 1, at)
    assert np.diff(found.starts).tolist() == [1] * len(refs)

    values = rising(refs, 4 * WIDTH)
    values[::7] = 0.0
    head.append(head.rows_of(refs), np.full(len(refs), 4 * WIDTH), values, 4 * WIDTH)
    agree(head, refs, 4 * WIDTH)
    found = ends(head, refs, named(len(refs)), 4 * WIDTH - RANGE + 1, 4 * WIDTH)
    assert np.diff(found.starts).tolist() == [RANGE if n % 7 == 0 else 1 for n in range(len(refs))]


def test_parts_that_were_read_one_by_one_are_read_as_one() -> None:
    head, refs = opened(4)
    for now in range(RANGE):
        head.append(head.rows_of(refs), np.full(4, now), np.array([now, -now, 1.0, now % 3]), now)
    whole = ends(head, refs, named(4), 0, RANGE - 1)
    parts = [ends(head, refs[n : n + 1], named(4)[n : n + 1], 0, RANGE - 1) for n in range(4)]
    together = beside(parts, named(4))
    text = f"increase(c_total[{RANGE}ms])"
    assert shown(text, together, RANGE - 1) == shown(text, whole, RANGE - 1)
    one = together.only(named(4)[3:], np.array([0, RANGE]), np.arange(RANGE + 1, 2 * RANGE + 1))
    assert np.diff(one.starts).tolist() == [RANGE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", [Enough.NEWEST]),
        ("x offset 5m @ 60", [Enough.NEWEST]),
        ("rate(x[5m])", [Enough.ENDS]),
        ("rate(x[5m]) / x", [Enough.ENDS, Enough.NEWEST]),
        ("rate(x[5m]) > max_over_time(x[5m])", [Enough.EVERY]),
        ("max_over_time(x[5m]) > rate(x[5m])", [Enough.EVERY]),
        ("irate(x[5m])", [Enough.EVERY]),
        ("rate(x[5m] anchored)", [Enough.EVERY]),
        ("max_over_time(rate(x[5m])[1h:1m])", [Enough.EVERY]),
        ("max_over_time(x[1h:1m])", [Enough.EVERY]),
        ("x[5m]", [Enough.EVERY]),
    ],
)
def test_each_function_is_given_what_it_has_to_know(text: str, expected: list[Enough]) -> None:
    assert list(enough(compile(text)).values()) == expected
