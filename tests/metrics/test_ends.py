"""What is enough to know of a range says the same as every sample of it."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.batch import Floats, Ints, Refs, merged
from metrics.chunks import encoded
from metrics.columns import STALE, Columns, Enough, Labels, labels_of
from metrics.head import NONE, Head
from metrics.lines import STEP, WIDTH
from metrics.promql.evaluation import evaluate
from metrics.promql.plan import compile
from metrics.promql.terms import Terms
from metrics.promql.whole import enough
from metrics.reads import Reader
from metrics.rolled import beside
from metrics.slabs import UNNUMBERED, Written, slab_of

SERIES, LENGTH, REACH = 3, 150, 80
RANGE = 60
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


class Kept(Head):
    """A head, and the chunks that its flushes wrote."""

    def __init__(self, series: int) -> None:
        super().__init__(REACH)
        self.refs: Refs = np.arange(series, dtype=np.int32)
        self.reserve(series)
        self.open_rows(self.refs)
        self.reader = Reader(self, cast(Any, None), cast(Any, None))

    def takes(self, refs: Refs, times: Ints, values: Floats, now: int) -> None:
        closed = np.unique(refs[self.rows_of(refs) == NONE])
        if len(closed):
            self.open_rows(closed)
        self.append(self.row_of[refs], times, values, now)

    def flush(self) -> None:
        rows, late = self.unflushed(), self.late.size
        if not len(rows):
            return
        numbers = np.where(self.late.has[rows], UNNUMBERED, self.flushed[rows])
        chunks = encoded(merged(self.take(rows, late), [()] * len(rows)))
        self.committed(rows, late)
        self.slabs.push(slab_of([Written(self.ref_of[rows].astype(np.int32), numbers, chunks)]))

    def does(self, what: str, now: int) -> None:
        rows = np.arange(len(self.refs))
        match what:
            case "flush":
                self.flush()
            case "forget":
                self.forget_blocks(rows, now - RANGE // 4)
            case "forget late":
                self.forget_late(now - REACH)
            case "commit":
                self.all_committed()
            case _:
                self.forget(rows, now + 1)

    def held(self, start: int, end: int, enough: Enough) -> Columns:
        labels = named(len(self.refs))
        return self.reader.held(self.refs, labels, start, end, enough=enough)


def rising(refs: Refs, now: int) -> Floats:
    return refs.astype(np.float64) + now


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


def agree(head: Kept, at: int) -> None:
    """Compare every function of the last `RANGE` ms, and what is newest in them."""
    start = at - RANGE + 1
    if (head.covered[head.refs] > start).any():
        return  # memory does not hold it all, and chunks are read
    raw = head.held(start, at, Enough.EVERY)
    few = head.held(start, at, Enough.ENDS)
    for name in FUNCTIONS:
        text = f"{name}(c_total[{RANGE}ms])"
        assert same(shown(text, few, at), shown(text, raw, at)), text
    last = head.held(start, at, Enough.NEWEST)
    assert np.diff(last.starts).max(initial=0) <= 1
    assert same(shown("c_total", last, at), shown("c_total", raw, at))
    text = "timestamp(c_total)"
    assert same(shown(text, last, at), shown(text, raw, at))


VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 1e300, -1.0, math.nan, math.inf, STALE])
STEPS = st.one_of(
    st.tuples(st.just("rises"), st.integers(1, 60)),
    st.lists(st.tuples(st.integers(0, SERIES - 1), st.integers(0, LENGTH), VALUES), min_size=1),
    st.sampled_from(["flush", "flush", "forget", "forget late", "close", "commit"]),
)


@given(st.lists(STEPS, max_size=12), st.integers(RANGE, LENGTH + 10))
def test_two_ends_say_what_every_sample_does(
    steps: list[tuple[str, int] | list[tuple[int, int, float]] | str], at: int
) -> None:
    head = Kept(SERIES)
    now = 0
    for step in steps:
        match step:
            case ("rises", int(count)):
                for _ in range(count):
                    now += 1
                    head.takes(head.refs, np.full(SERIES, now), rising(head.refs, now), now)
            case list(samples):
                some, times, values = zip(*samples, strict=True)
                now = max(now, *times)
                refs = np.array(some, np.int32)
                head.takes(refs, np.array(times), np.array(values), now)
            case str(what):
                head.does(what, now)
    for moment in (at, now - 1):
        agree(head, max(moment, RANGE))


@pytest.mark.parametrize("word", [0.0, 1e9, math.nan, STALE])
@pytest.mark.parametrize("flushed", [False, True])
def test_another_word_on_the_newest_sample_may_be_less_or_more(
    word: float, *, flushed: bool
) -> None:
    head = Kept(SERIES)
    for now in range(1, RANGE):
        head.takes(head.refs, np.full(SERIES, now), rising(head.refs, now), now)
    if flushed:
        head.flush()
    head.takes(head.refs[:1], np.array([RANGE - 1]), np.array([word]), RANGE)
    agree(head, RANGE)
    head.takes(head.refs, np.full(SERIES, RANGE), rising(head.refs, RANGE), RANGE)
    agree(head, RANGE)


@pytest.mark.parametrize("cuts", [1, 3])
@pytest.mark.parametrize("flushed", [False, True])
def test_of_counters_that_only_rise_no_more_than_a_step_is_read(
    cuts: int, *, flushed: bool
) -> None:
    head, last = Kept(STEP + 9), 4 * WIDTH
    for now in range(1, last):
        for some in np.array_split(head.refs, cuts):
            head.takes(some, np.full(len(some), now), rising(some, now), now)
        if flushed and now % 15 == 0:
            head.flush()
            head.forget_blocks(np.arange(len(head.refs)), now)
    at = last - 3
    start = at - RANGE + 1
    assert (head.bare[head.refs] > start).all() == flushed
    agree(head, at)
    assert np.diff(head.held(start, at, Enough.ENDS).starts).tolist() == [1] * len(head.refs)

    values = rising(head.refs, last)
    values[::7] = 0.0
    head.takes(head.refs, np.full(len(head.refs), last), values, last)
    agree(head, last)
    found = np.diff(head.held(last - RANGE + 1, last, Enough.ENDS).starts)
    assert found.tolist() == [RANGE if n % 7 == 0 else 1 for n in range(len(head.refs))]


def test_of_a_counter_that_had_late_samples_long_ago_two_ends_are_read_again() -> None:
    head = Kept(1)
    for now in (1, 2, 4, 3, *range(5, RANGE + 10)):
        head.takes(head.refs, np.array([now]), np.array([float(now)]), now)
    assert head.late.has.any()
    for at, steps in ((RANGE + 2, RANGE), (RANGE + 5, 1)):
        agree(head, at)
        assert np.diff(head.held(at - RANGE + 1, at, Enough.ENDS).starts).tolist() == [steps]


def test_what_was_replayed_and_stands_in_no_slab_comes_before_what_slabs_have() -> None:
    head, last = Kept(1), 3 * WIDTH
    for now in range(1, WIDTH + 1):
        head.takes(head.refs, np.array([now]), np.array([float(now)]), now)
    head.all_committed()
    for now in range(WIDTH + 1, 2 * WIDTH + 1):
        head.takes(head.refs, np.array([now]), np.array([float(now)]), now)
    head.flush()
    head.takes(head.refs, np.array([last]), np.array([float(last)]), last + 2 * REACH)
    at = RANGE + WIDTH // 2
    assert head.bare[0] > at - RANGE + 1 > head.covered[0]
    agree(head, at)


def test_parts_that_were_read_one_by_one_are_read_as_one() -> None:
    head, last = Kept(4), RANGE - 1
    for now in range(RANGE):
        head.takes(head.refs, np.full(4, now), np.array([now, -now, 1.0, now % 3]), now)
    whole = head.held(0, last, Enough.ENDS)
    parts = [
        head.reader.held(head.refs[n : n + 1], named(4)[n : n + 1], 0, last, enough=Enough.ENDS)
        for n in range(4)
    ]
    together = beside(parts, named(4))
    text = f"increase(c_total[{RANGE}ms])"
    assert shown(text, together, last) == shown(text, whole, last)
    places = np.arange(*together.starts[1:3])
    one = together.only(named(1), np.array([0, len(places)]), places)
    assert shown(text, one, last) == shown(text, whole, last)[1:2]


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
