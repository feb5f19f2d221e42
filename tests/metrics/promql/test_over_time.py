"""One value of all the samples of a range."""

import pytest

from metrics.promql.terms import Terms
from tests.support.asking import INF, MINUTE, NAN, about, ask, line, steps

M = line("m", "4 1 8 NaN 2", x="1")
AT = 4 * MINUTE


@pytest.mark.parametrize(
    ("call", "values", "wanted"),
    [
        ("sum_over_time(m[10m])", "4 1 8 2", 15.0),
        ("sum_over_time(m[2m])", "4 1 8 _ 2", 2.0),
        ("avg_over_time(m[10m])", "4 1 8 3", 4.0),
        ("count_over_time(m[10m])", "4 NaN stale 8", 3.0),
        ("min_over_time(m[10m])", "4 NaN 1 8", 1.0),
        ("max_over_time(m[10m])", "NaN 4 8 NaN", 8.0),
        ("max_over_time(m[10m])", "NaN NaN", NAN),
        ("last_over_time(m[10m])", "4 8 stale", 8.0),
        ("first_over_time(m[10m])", "_ 4 8", 4.0),
        ("present_over_time(m[10m])", "NaN", 1.0),
        ("stdvar_over_time(m[10m])", "2 4 4 4 5 5 7 9", 4.0),
        ("stddev_over_time(m[10m])", "2 4 4 4 5 5 7 9", 2.0),
        ("stddev_over_time(m[10m])", "1 Inf", NAN),
        ("mad_over_time(m[10m])", "4 6 2 1 999 1 2", 1.0),
        ("quantile_over_time(0.5, m[10m])", "4 1 8", 4.0),
        ("quantile_over_time(0.25, m[10m])", "0 1", 0.25),
        ("quantile_over_time(0, m[10m])", "NaN 1", NAN),
        ("quantile_over_time(1, m[10m])", "NaN 1", 1.0),
        ("quantile_over_time(2, m[10m])", "1 2", INF),
        ("quantile_over_time(-1, m[10m])", "1 2", -INF),
        ("quantile_over_time(NaN, m[10m])", "1 2", NAN),
        ("ts_of_first_over_time(m[10m])", "_ 4 8", 60.0),
        ("ts_of_last_over_time(m[10m])", "4 8 stale", 60.0),
        ("ts_of_max_over_time(m[10m])", "4 8 1 8 2", 180.0),
        ("ts_of_min_over_time(m[10m])", "NaN 1 8 1 2", 180.0),
        ("ts_of_max_over_time(m[10m])", "NaN NaN", 60.0),
        # nothing is lost where large numbers cancel out
        ("sum_over_time(m[10m])", "1 1e100 1 -1e100", 2.0),
        ("avg_over_time(m[10m])", "1 1e100 1 -1e100", 0.5),
        ("sum_over_time(m[10m])", "1e308 1e308 1", INF),
        ("avg_over_time(m[10m])", "1.7e308 1.7e308 1.7e308", 1.7e308),
        ("avg_over_time(m[10m])", "-1.7e308 1.7e308 -1.7e308 1.7e308", 0.0),
        ("avg_over_time(m[10m])", "1 Inf", INF),
        ("avg_over_time(m[10m])", "-Inf Inf", NAN),
        ("sum_over_time(m[10m])", "-Inf 5", -INF),
        ("stdvar_over_time(m[10m])", "1000000000001 1000000000002 1000000000003", 2 / 3),
    ],
)
def test_a_range_becomes_one_value(call: str, values: str, wanted: float) -> None:
    series = line("m", values)

    found = ask(call, series, at_ms=8 * MINUTE if "m[10m]" in call else AT)

    assert found == about({"m" if call.startswith(("last", "first")) else "{}": wanted})


def test_windows_that_overlap_do_not_disturb_each_other() -> None:
    series = [line("m", "1 2 3 4 5", x="1"), line("m", "_ 9 _ NaN 7", x="2")]

    found = steps("sum_over_time(m[2m])", *series, end_ms=6 * MINUTE)
    nan = pytest.approx(NAN, nan_ok=True)

    assert found == {
        '{x="1"}': [1.0, 3.0, 5.0, 7.0, 9.0, 5.0, None],
        '{x="2"}': [None, 9.0, 9.0, nan, nan, 7.0, None],
    }


def test_a_quantile_may_differ_at_each_step() -> None:
    series = [line("m", "0+1x10"), line("q", "0 0.5 1")]

    found = steps("quantile_over_time(scalar(q), m[1h] @ 600)", *series, end_ms=2 * MINUTE)

    assert found == {"{}": [0.0, 5.0, 10.0]}


def test_a_quantile_out_of_bounds_is_warned_of_once() -> None:
    terms = Terms()

    ask("quantile_over_time(-0.5, m[5m])", line("m", "1", x="1"), line("m", "1"), terms=terms)

    assert list(terms.notes.warnings) == [
        "PromQL warning: quantile value should be between 0 and 1, got -0.5"
    ]


def test_a_subquery_asks_at_multiples_of_its_step() -> None:
    series = line("m", "0+1x1000", 10_000)

    assert ask("sum_over_time(m[30s:10s])", series, at_ms=1_000_000) == {"{}": 98.0 + 99 + 100}
    assert ask("sum_over_time(m[30s:10s])", series, at_ms=1_009_000) == {"{}": 98.0 + 99 + 100}
    assert ask("count_over_time(m[5m:])", series, at_ms=1_000_000) == {"{}": 5.0}
    assert ask("max_over_time(m[5m:1m] offset 1m)", series, at_ms=600_000) == {"{}": 54.0}
    assert ask("count_over_time(m[5s:1m])", series, at_ms=630_000) == {}


def test_a_subquery_has_its_own_time_but_the_edges_of_the_query() -> None:
    found = steps("sum_over_time(vector(time())[2m:1m])", end_ms=2 * MINUTE)
    edges = steps("max_over_time((m @ end())[2m:1m])", line("m", "1 2 3"), end_ms=2 * MINUTE)

    assert found == {"{}": [-60.0, 60.0, 180.0]}
    assert edges == {"{}": [3.0, 3.0, 3.0]}


def test_absence_is_told_with_the_labels_that_were_asked_for() -> None:
    assert ask('absent(up{job="a", x=~"b", y="c", y="d"})') == {'{job="a"}': 1.0}
    assert ask("absent(sum(up))") == {"{}": 1.0}
    assert ask("absent(up)", line("up", "1")) == {}
    assert ask('absent_over_time(up{job="a"}[5m])') == {'{job="a"}': 1.0}
    assert ask("absent_over_time(rate(up[5m])[5m:])") == {"{}": 1.0}
    assert steps("absent_over_time(up[2m])", line("up", "_ _ 1"), end_ms=5 * MINUTE) == {
        "{}": [1.0, 1.0, None, None, 1.0, 1.0]
    }
