"""What a query gives at the edges: time, floats, names, matches, limits."""

import math
from threading import Event

import numpy as np
import pytest

from metrics.columns import STALE, Columns, columns_of, labels_of
from metrics.promql.evaluation import evaluate, instant
from metrics.promql.frames import Matrix
from metrics.promql.memory import Memory
from metrics.promql.plan import compile
from metrics.promql.refusals import NotComputable, Stopped
from metrics.promql.terms import Limits, Terms
from tests.support.shelf import Points, Shelf

MINUTE = 60_000
DISK = {"__name__": "disk", "host": "a"}


def ranged(
    text: str,
    shelf: Shelf,
    *,
    start_ms: int = 0,
    end_ms: int = 10 * MINUTE,
    step_ms: int = MINUTE,
    terms: Terms | None = None,
) -> Matrix:
    plan = compile(text)
    data = [shelf.columns(s.matchers, *s.window(start_ms, end_ms)) for s in plan.selectors]
    return evaluate(plan, data, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, terms=terms)


def row(
    text: str, points: Points, *, start_ms: int = 0, end_ms: int, step_ms: int = MINUTE
) -> list[float | None]:
    shelf = Shelf([(DISK, points)])
    found = ranged(text, shelf, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms)
    shown = zip(found.values[0].tolist(), found.present[0].tolist(), strict=True)
    return [value if present else None for value, present in shown]


def value(text: str, *series: tuple[dict[str, str], float]) -> object:
    plan, shelf = compile(text), Shelf([(labels, [(0, number)]) for labels, number in series])
    data = [shelf.columns(s.matchers, *s.window(0, 0)) for s in plan.selectors]
    found = instant(plan, data, at_ms=0)
    return dict(zip(found.labels, found.values.tolist(), strict=True))


def number(text: str) -> float:
    found = instant(compile(text), [], at_ms=0)
    return float(found.values[0])


def test_a_sample_stands_for_five_minutes_without_the_last_moment() -> None:
    assert row("disk", [(0, 7.0)], end_ms=5 * MINUTE) == [7.0] * 5 + [None]
    assert row("disk", [(0, 7.0)], start_ms=299_999, end_ms=300_000, step_ms=1) == [7.0, None]


def test_a_sample_is_seen_from_its_own_millisecond_on() -> None:
    assert row("disk", [(5, 7.0)], start_ms=4, end_ms=5, step_ms=1) == [None, 7.0]


def test_a_stale_marker_ends_the_series_until_the_next_sample() -> None:
    points = [(0, 1.0), (MINUTE, STALE), (3 * MINUTE, 2.0)]

    assert row("disk", points, end_ms=3 * MINUTE) == [1.0, None, None, 2.0]


def test_a_nan_is_a_sample_like_any_other() -> None:
    shown = row("disk", [(0, math.nan)], end_ms=0)

    assert shown[0] is not None
    assert math.isnan(shown[0])


def test_of_samples_between_two_steps_the_newest_counts() -> None:
    points = [(n * 1_000, float(n)) for n in range(121)]

    assert row("disk", points, end_ms=2 * MINUTE) == [0.0, 60.0, 120.0]


def test_an_end_between_two_steps_is_where_end_looks_from() -> None:
    points = [(n * 1_000, float(n)) for n in range(121)]

    assert row("disk @ end()", points, end_ms=90_000) == [90.0, 90.0]
    assert row("disk @ start() offset -5s", points, end_ms=90_000) == [5.0, 5.0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-7 % 3", -1.0),
        ("7 % -3", 1.0),
        ("1 / 0", math.inf),
        ("-1 / 0", -math.inf),
        ("0 ^ 0", 1.0),
        ("2 ^ -1", 0.5),
        ("1 ^ NaN", 1.0),
        ("Inf - Inf", math.nan),
        ("5 % 0", math.nan),
        ("5 % Inf", 5.0),
        ("(-8) ^ 0.5", math.nan),
        ("1 atan2 0", math.pi / 2),
        ("1 == bool 1", 1.0),
        ("NaN == bool NaN", 0.0),
        ("NaN != bool NaN", 1.0),
        ("- -2", 2.0),
    ],
)
def test_numbers_are_computed_as_go_does(text: str, wanted: float) -> None:
    assert number(text) == pytest.approx(wanted, nan_ok=True)


def test_arithmetic_drops_the_name_and_a_filter_keeps_it() -> None:
    disk = (DISK, 8.0)

    assert value("disk + 1", disk) == {(("host", "a"),): 9.0}
    assert value("disk > 5", disk) == {labels_of(DISK): 8.0}
    assert value("5 < disk", disk) == {labels_of(DISK): 8.0}
    assert value("disk > bool 5", disk) == {(("host", "a"),): 1.0}
    assert value("disk > 9", disk) == {}


def test_two_series_that_become_one_are_refused() -> None:
    two = [({"__name__": name, "host": "a"}, 1.0) for name in ("disk", "memory")]

    with pytest.raises(NotComputable, match="same labelset"):
        value('-{host="a"}', *two)


def test_series_that_follow_each_other_become_one() -> None:
    shelf = Shelf(
        [
            ({"__name__": "disk", "host": "a"}, [(0, 1.0), (MINUTE, STALE)]),
            ({"__name__": "memory", "host": "a"}, [(2 * MINUTE, 2.0)]),
        ]
    )

    found = ranged('{host="a"} * 1', shelf, end_ms=2 * MINUTE)

    assert found.labels == [(("host", "a"),)]
    assert found.present.tolist() == [[True, False, True]]
    assert found.values[0, [0, 2]].tolist() == [1.0, 2.0]


def test_an_unclear_match_names_the_series() -> None:
    series = [({"__name__": "m", "x": x, "y": "1"}, 1.0) for x in "ab"]

    with pytest.raises(
        NotComputable, match=r'match group {y="1"} on the right .*{__name__="m", x="a", y="1"}, '
    ):
        value("m + on (y) m", *series)
    with pytest.raises(NotComputable, match="must be explicit"):
        value("m + on (y) sum by (y) (m)", *series)


def test_what_the_one_side_lacks_is_not_included() -> None:
    disk, role = ({**DISK, "role": "old"}, 2.0), ({"__name__": "role", "host": "a"}, 3.0)

    assert value("disk * on (host) group_left (role) role", disk, role) == {(("host", "a"),): 6.0}


@pytest.mark.parametrize(
    ("op", "wanted"), [("min", 1.0), ("max", 3.0), ("count", 3.0), ("sum", math.nan)]
)
def test_a_nan_among_numbers(op: str, wanted: float) -> None:
    series = [({"__name__": "m", "x": str(n)}, n) for n in (1.0, math.nan, 3.0)]

    found = value(f"{op}(m)", *series)

    assert isinstance(found, dict)
    assert found[()] == pytest.approx(wanted, nan_ok=True)


def test_a_sum_loses_nothing_where_large_numbers_cancel_out() -> None:
    numbers = [1.0, 1e100, 1.0, -1e100, 5.0, 1e16, 3.0, -1e16]
    series = [({"__name__": "m", "x": str(n)}, each) for n, each in enumerate(numbers)]

    assert value("sum(m)", *series) == {(): 10.0}
    assert value("avg(m)", *series) == {(): 1.25}


def test_the_mean_of_the_largest_numbers_is_no_infinity() -> None:
    series = [({"__name__": "m", "x": x}, 1.7e308) for x in "abc"]

    assert value("avg(m)", *series) == {(): pytest.approx(1.7e308)}
    assert value("sum(m)", *series) == {(): math.inf}
    assert value("avg(m)", *series, ({"__name__": "m"}, -math.inf)) == {(): -math.inf}


def test_labels_are_worked_out_once_for_a_list_of_series() -> None:
    memory, columns = Memory(), columns_of([(labels_of(DISK), [(0, 1.0)])])
    terms = Terms(memory=memory)

    lists = [
        evaluate(compile(text), [columns], start_ms=0, end_ms=0, step_ms=1, terms=terms).labels
        for text in ("sum by (host) (disk) > 0", "0 < sum by (host) (disk)")
    ]

    assert lists[0] is lists[1]


def test_an_instant_hands_back_the_very_list_where_all_series_show() -> None:
    columns = columns_of([(labels_of(DISK), [(0, 1.0)])])

    assert instant(compile("disk"), [columns], at_ms=0).labels is columns.labels


def test_what_is_too_large_is_refused_before_it_is_computed() -> None:
    shelf = Shelf([(DISK, [(0, 1.0), (MINUTE, 2.0)]), ({**DISK, "host": "b"}, [(0, 1.0)])])

    for limits, why in (
        (Limits(series=1), "2 series"),
        (Limits(samples=2), "3 samples"),
        (Limits(samples=20), "22 values"),
    ):
        with pytest.raises(NotComputable, match=why):
            ranged("disk", shelf, terms=Terms(limits=limits))


def test_a_subquery_of_too_many_steps_is_refused_before_they_are_made() -> None:
    for text in ("max_over_time(vector(1)[9y:1ms])", "count_over_time(m[9y:1ms] offset 1y)"):
        with pytest.raises(NotComputable, match="values at once"):
            ranged(text, Shelf([]))


def test_pairs_that_would_be_too_many_are_refused() -> None:
    shelf = Shelf([({"__name__": "m", "x": str(n)}, [(0, 1.0)]) for n in range(8)])

    few = Terms(limits=Limits(samples=90))

    with pytest.raises(NotComputable, match="too many series"):
        ranged("m * on () group_left (x) (m > 99 or sum(m))", shelf, terms=few)


def test_a_stopped_computation_ends() -> None:
    stopped = Event()
    stopped.set()

    with pytest.raises(Stopped):
        ranged("disk", Shelf([]), terms=Terms(stopped=stopped))


def test_nothing_in_is_nothing_out() -> None:
    nothing: Columns = columns_of([])
    for text in ("m", "-m", "m + m", "m and m", "m or m", "sum(m)", "m * on () group_left () m"):
        plan = compile(text)
        found = evaluate(plan, [nothing] * len(plan.selectors), start_ms=0, end_ms=5, step_ms=1)
        assert (len(found.labels), found.values.shape) == (0, (0, 6))


def test_warnings_of_numpy_stay_inside() -> None:
    with np.errstate(all="raise"):
        assert math.isnan(number("0 / 0"))
