"""Functions of values, labels, dates, and between vectors and scalars."""

import math

import pytest

from kit.errors import Invalid
from metrics.promql.refusals import NotComputable, NotYet
from metrics.promql.terms import Terms
from tests.support.asking import INF, MINUTE, NAN, about, ask, line, steps


@pytest.mark.parametrize(
    ("call", "value", "wanted"),
    [
        *(("abs(m)", -2.5, 2.5), ("ceil(m)", -1.5, -1.0), ("floor(m)", -1.5, -2.0)),
        *(("exp(m)", 1.0, math.e), ("sqrt(m)", -1.0, NAN), ("ln(m)", 0.0, -INF)),
        *(("log2(m)", 8.0, 3.0), ("log10(m)", 1000.0, 3.0), ("ln(m)", -1.0, NAN)),
        *(("sgn(m)", -3.0, -1.0), ("sgn(m)", 0.0, 0.0), ("sgn(m)", NAN, NAN)),
        *(("deg(m)", math.pi, 180.0), ("rad(m)", 180.0, math.pi), ("acos(m)", 2.0, NAN)),
        *(("round(m)", 2.5, 3.0), ("round(m)", -2.5, -2.0), ("round(m, 0.1)", 1.26, 1.3)),
        *(("round(m, 5)", 7.5, 10.0), ("round(m, 0)", 7.5, NAN)),
        *(("clamp(m, 0, 1)", 5.0, 1.0), ("clamp(m, 0, 1)", -5.0, 0.0)),
        *(("clamp(m, 0, NaN)", 5.0, NAN), ("clamp(m, 0, 1)", NAN, NAN)),
        *(("clamp_min(m, 3)", 2.0, 3.0), ("clamp_max(m, 3)", 4.0, 3.0)),
    ],
)
def test_a_value_is_computed(call: str, value: float, wanted: float) -> None:
    assert ask(call, line("m", str(value), x="1")) == about({'{x="1"}': wanted})


def test_between_limits_that_cross_nothing_is_left() -> None:
    assert ask("clamp(m, 2, 1)", line("m", "5")) == {}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        *(("year", 2016.0), ("month", 2.0), ("day_of_month", 29.0), ("day_of_week", 1.0)),
        *(("day_of_year", 60.0), ("days_in_month", 29.0), ("hour", 23.0), ("minute", 59.0)),
    ],
)
def test_a_date_is_read_in_utc(call: str, wanted: float) -> None:
    late = 1_456_790_399  # 2016-02-29 23:59:59

    assert ask(f"{call}(m)", line("m", str(late), x="1")) == {'{x="1"}': wanted}
    assert ask(f"{call}()", at_ms=late * 1000 + 999) == {"{}": wanted}


def test_dates_before_1970_and_no_dates() -> None:
    assert ask("year(vector(-1))") == {"{}": 1969.0}
    assert ask("day_of_week(vector(-86400 * 4))") == {"{}": 0.0}
    assert ask("hour(vector(NaN))") == about({"{}": NAN})
    assert ask("year(vector(1e300))") == about({"{}": NAN})


def test_a_timestamp_is_that_of_the_sample_only_of_a_selector() -> None:
    series = line("m", "1 2")

    assert ask("timestamp(m)", series, at_ms=90_000) == {"{}": 60.0}
    assert ask("timestamp((m offset 1m))", series, at_ms=90_000) == {"{}": 0.0}
    assert ask("timestamp(timestamp(m))", series, at_ms=90_000) == {"{}": 90.0}
    assert ask("timestamp(m * 2)", series, at_ms=90_000) == {"{}": 90.0}
    assert steps("timestamp(m @ 60)", series, end_ms=2 * MINUTE) == {"{}": [60.0] * 3}


def test_a_query_knows_where_it_begins_and_ends() -> None:
    asked = "label_replace(vector({}), 'of', '{}', '', '')"
    both = " or ".join(
        asked.format(f"{name}()", name) for name in ("start", "end", "range", "step")
    )

    found = steps(both, end_ms=20_000, step_ms=10_000)

    assert found == {
        '{of="start"}': [0.0] * 3,
        '{of="end"}': [20.0] * 3,
        '{of="range"}': [20.0] * 3,
        '{of="step"}': [10.0] * 3,
    }
    assert ask("start() + end() / 10 + range() + step()", at_ms=10_000) == {"{}": 11.0}


def test_a_subquery_asks_for_the_whole_query() -> None:
    found = steps("sum_over_time(vector(end())[30s:10s])", end_ms=20_000, step_ms=10_000)

    assert found == {"{}": [60.0] * 3}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *(("min_of(3, 5)", 3.0), ("max_of(3, 5)", 5.0), ("min_of(-2, -5)", -5.0)),
        *(("max_of(NaN, 3)", NAN), ("min_of(3, NaN)", NAN), ("max_of(-Inf, 0)", 0.0)),
    ],
)
def test_of_two_scalars_one_is_taken(text: str, wanted: float) -> None:
    assert ask(text) == about({"{}": wanted})


def test_vectors_become_scalars_and_scalars_vectors() -> None:
    one, other = line("m", "3", x="1"), line("m", "4", x="2")

    assert ask("vector(1) + scalar(m)", one) == {"{}": 4.0}
    assert ask("vector(scalar(m))", one, other) == about({"{}": NAN})
    assert ask("vector(scalar(m))") == about({"{}": NAN})
    assert steps("m * time()", one, end_ms=MINUTE) == {'{x="1"}': [0.0, 180.0]}
    assert steps("scalar(m) + pi()", one, end_ms=0) == {"{}": [3 + math.pi]}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ('label_replace(m, "b", "$1", "a", "(.*)-.*")', 'm{a="x-y", b="x"}'),
        ('label_replace(m, "b", "${2}$1$$", "a", "(.)-(.)")', 'm{a="x-y", b="yx$"}'),
        ('label_replace(m, "b", "${last}", "a", "(?P<first>.)-(?P<last>.)")', 'm{a="x-y", b="y"}'),
        ('label_replace(m, "b", "$1z", "a", "(.).*")', 'm{a="x-y"}'),
        ('label_replace(m, "b", "all", "a", ".")', 'm{a="x-y"}'),
        ('label_replace(m, "a", "", "a", ".*")', "m"),
        ('label_replace(m, "b", "none", "nope", "")', 'm{a="x-y", b="none"}'),
        ('label_replace(m, "__name__", "$1", "a", "(.*)")', '{__name__="x-y", a="x-y"}'),
        ('label_join(m, "b", "/", "a", "__name__", "nope")', 'm{a="x-y", b="x-y/m/"}'),
        ('label_join(m, "a", "/")', "m"),
    ],
)
def test_a_label_is_made_of_others(call: str, wanted: str) -> None:
    found = list(ask(call, line("m", "1", a="x-y")))

    assert found == [wanted] or (wanted.startswith("{__name__") and found == ['x-y{a="x-y"}'])


def test_labels_that_make_two_series_one_are_refused() -> None:
    two = line("m", "1", a="1"), line("m", "2", a="2")

    with pytest.raises(NotComputable, match="same labelset"):
        ask('label_replace(m, "a", "", "a", ".*")', *two)
    for call, why in (
        ('label_replace(m, "b", "", "a", "(")', r"invalid regular expression in label_replace"),
        ('label_replace(m, "", "", "a", "")', r"destination label name in label_replace\(\)"),
        ('label_join(m, "", "", "a")', r"destination label name in label_join\(\)"),
        ('label_join(m, "b", "", "")', r"source label name in label_join\(\)"),
    ):
        with pytest.raises(NotComputable, match=why):
            ask(call, *two)


def test_series_are_put_in_order() -> None:
    series = [
        line("m", value, host=host)
        for host, value in (("h10", "2"), ("h9", "NaN"), ("h1", "5"), ("x", "-1"))
    ]

    def order(call: str) -> list[str]:
        return [name.removeprefix('m{host="').removesuffix('"}') for name in ask(call, *series)]

    assert order("sort(m)") == ["x", "h10", "h1", "h9"]
    assert order("sort_desc(m)") == ["h1", "h10", "x", "h9"]
    assert order('sort_by_label(m, "host")') == ["h1", "h9", "h10", "x"]
    assert order('sort_by_label_desc(m, "host")') == ["x", "h10", "h9", "h1"]
    assert order('sort_by_label(m, "nope")') == ["h1", "h10", "h9", "x"]


def test_a_range_is_ordered_by_labels_whatever_is_asked() -> None:
    series = [line("m", "2 1", x="1"), line("m", "1 2", x="2")]
    terms = Terms()

    assert list(steps("sort(m)", *series, end_ms=MINUTE, terms=terms)) == ['m{x="1"}', 'm{x="2"}']
    assert list(terms.notes.warnings) == [
        "PromQL warning: sort is ineffective for range queries since results are always "
        "ordered by labels"
    ]


def test_what_is_not_stored_is_not_answered_with_nothing() -> None:
    for name in ("avg", "count", "sum", "stddev", "stdvar"):
        with pytest.raises(NotYet, match="native histogram"):
            ask(f"histogram_{name}(m)", line("m", "1"))


@pytest.mark.parametrize("text", ["rate(m)", "abs(m[5m])", "scalar(1)", "clamp(m)", "time(1)"])
def test_arguments_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="parse error"):
        ask(text)


def test_type_and_unit_go_with_the_name() -> None:
    series = line("m", "1", __type__="gauge", __unit__="bytes", x="1")

    assert list(ask("m > 0", series)) == ['m{__type__="gauge", __unit__="bytes", x="1"}']
    for call in ("-m", "m * 2", "abs(m)", "m + on (x) m", "m - m"):
        assert list(ask(call, series)) == ['{x="1"}']


def test_a_name_goes_when_the_query_ends() -> None:
    series = [line(name, "0+60x10", x="1") for name in ("m_total", "n_total")]
    at = 10 * MINUTE

    def asked(text: str) -> list[str]:
        return list(ask(text, *series, at_ms=at))

    both = '{__name__=~"m_total|n_total"}'
    assert asked("m_total") == asked("m_total > 1") == ['m_total{x="1"}']
    assert asked("m_total > bool 1") == asked("-m_total") == asked("m_total * 2") == ['{x="1"}']
    assert asked("rate(m_total[5m])") == asked("rate(m_total[5m]) > 0") == ['{x="1"}']
    assert asked("last_over_time(m_total[5m])") == ['m_total{x="1"}']
    assert asked("m_total <= n_total") == ['m_total{x="1"}']
    assert asked("sum by (__name__) (m_total)") == ["m_total"]
    assert asked("sum by (__name__) (rate(m_total[5m]))") == ["{}"]
    assert asked(f"sum(rate({both}[5m]))") == ["{}"]
    assert asked(f'label_replace(rate({both}[5m]), "of", "$1", "__name__", "(.)_.*")') == [
        '{of="m", x="1"}',
        '{of="n", x="1"}',
    ]
    assert asked(f'label_replace(rate({both}[5m]), "__name__", "rate_$1", "__name__", "(.+)")') == [
        'rate_m_total{x="1"}',
        'rate_n_total{x="1"}',
    ]
    for crowded in (f"rate({both}[5m])", f"sum by (__name__, x) (-{both})", f"abs({both})"):
        with pytest.raises(NotComputable, match="same labelset"):
            asked(crowded)
