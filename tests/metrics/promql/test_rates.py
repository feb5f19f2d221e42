"""How series grow, as Prometheus extrapolates it."""

import pytest

from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Terms
from tests.support.asking import INF, MINUTE, NAN, about, ask, line, steps

GROWING = line("m_total", "0+10x10", x="1")


@pytest.mark.parametrize(
    ("text", "at_ms", "wanted"),
    [
        # the range does not hold its beginning: four samples of five minutes
        ("rate(m_total[5m])", 10 * MINUTE, 10 / 60),
        ("increase(m_total[5m])", 10 * MINUTE, 50.0),
        ("delta(m_total[5m])", 10 * MINUTE, 50.0),
        # 30 s after the last sample: to the edge, as it is near
        ("increase(m_total[3m])", 10 * MINUTE + 30_000, 30.0),
        # two minutes after it: half a distance
        ("increase(m_total[5m])", 12 * MINUTE, 20.0 * (120 + 60 + 30) / 120),
        # not to before the counter was zero
        ("increase(m_total[10m])", 3 * MINUTE, 30.0),
        ("delta(m_total[10m])", 3 * MINUTE, 30.0 * (180 + 30) / 180),
        ("rate(m_total[1m])", 10 * MINUTE, None),
        ("irate(m_total[5m])", 10 * MINUTE, 10 / 60),
        ("idelta(m_total[5m])", 10 * MINUTE, 10.0),
        ("irate(m_total[1m])", 10 * MINUTE, None),
        ("increase(m_total[5m] @ 600)", 0, 50.0),
        ("increase(m_total[5m] offset 2m)", 12 * MINUTE, 50.0),
    ],
)
def test_growth_is_stretched_to_near_edges(text: str, at_ms: int, wanted: float | None) -> None:
    found = ask(text, GROWING, at_ms=at_ms)

    assert found == ({} if wanted is None else about({'{x="1"}': wanted}))


def test_a_counter_that_begins_again_counts_on() -> None:
    reset = line("m_total", "0 10 20 5 15 3", x="1")

    assert ask("increase(m_total[6m1s])", reset, at_ms=5 * MINUTE) == about({'{x="1"}': 38.0})
    assert ask("delta(m_total[6m])", reset, at_ms=5 * MINUTE) == about({'{x="1"}': 3.6})
    assert ask("resets(m_total[10m])", reset, at_ms=5 * MINUTE) == {'{x="1"}': 2.0}
    assert ask("changes(m_total[10m])", reset, at_ms=5 * MINUTE) == {'{x="1"}': 5.0}
    assert ask("irate(m_total[10m])", reset, at_ms=5 * MINUTE) == {'{x="1"}': 3 / 60}
    assert ask("idelta(m_total[10m])", reset, at_ms=5 * MINUTE) == {'{x="1"}': -12.0}


def test_a_reset_between_two_series_is_none() -> None:
    series = [line("m_total", "90 91", x="1"), line("m_total", "1 2", x="2")]

    found = ask("resets(m_total[10m])", *series, at_ms=MINUTE)

    assert found == {'{x="1"}': 0.0, '{x="2"}': 0.0}


def test_each_step_sees_a_range_of_its_own() -> None:
    found = steps("increase(m_total[2m])", GROWING, end_ms=13 * MINUTE)

    assert found['{x="1"}'][:4] == [None, 10.0, 20.0, 20.0]
    assert found['{x="1"}'][11:] == [None, None, None]


def test_nan_changes_into_nan_is_no_change() -> None:
    series = line("m", "NaN NaN 1 1 NaN")

    assert ask("changes(m[10m])", series, at_ms=4 * MINUTE) == {"{}": 2.0}
    assert ask("changes(m[10m])", line("m", "1"), at_ms=0) == {"{}": 0.0}


@pytest.mark.parametrize(
    ("values", "slope", "ahead"),
    [
        ("0+60x10", 1.0, 660.0 + 0.0),
        ("5 5 5 5", 0.0, 5.0),
        ("Inf Inf Inf", NAN, NAN),
        ("1 NaN 2", NAN, NAN),
        ("7", None, None),
    ],
)
def test_a_line_is_laid_through_the_samples(
    values: str, slope: float | None, ahead: float | None
) -> None:
    series, at = line("m", values), 10 * MINUTE

    assert ask("deriv(m[20m])", series, at_ms=at) == about({} if slope is None else {"{}": slope})
    assert ask("predict_linear(m[20m], 60)", series, at_ms=at) == about(
        {} if ahead is None else {"{}": ahead}
    )


def test_a_slope_far_from_1970_keeps_its_digits() -> None:
    name, points = line("m", "0+1x100")
    far = (name, [(at + 1_493_712_816_939, value + 1e12) for at, value in points])

    found = ask("deriv(m[100m])", far, at_ms=1_493_712_816_939 + 100 * MINUTE)

    assert found == {"{}": pytest.approx(1 / 60, rel=1e-6)}


def test_a_prediction_counts_from_the_step_whatever_the_range() -> None:
    series = line("m", "0+60x10")

    found = steps("predict_linear(m[20m] @ 600, 0)", series, end_ms=2 * MINUTE)

    assert found == {"{}": pytest.approx([0.0, 60.0, 120.0])}


def test_smoothing_follows_level_and_trend() -> None:
    series = line("m", "1 2 4 7")
    levels, trend = [1.0], 1.0
    for value in (2.0, 4.0, 7.0):
        if len(levels) > 1:
            trend = 0.2 * (levels[-1] - levels[-2]) + 0.8 * trend
        levels.append(0.3 * value + 0.7 * (levels[-1] + trend))

    found = ask("double_exponential_smoothing(m[10m], 0.3, 0.2)", series, at_ms=3 * MINUTE)

    assert found == about({"{}": levels[-1]})


@pytest.mark.parametrize(("factors", "why"), [("0, 0.1", "smoothing"), ("0.1, 1", "trend")])
def test_a_smoothing_factor_lies_between_0_and_1(factors: str, why: str) -> None:
    with pytest.raises(NotComputable, match=f"invalid {why} factor"):
        ask(f"double_exponential_smoothing(m[10m], {factors})", line("m", "1 2"), at_ms=MINUTE)


def test_the_rate_of_a_gauge_is_told_of() -> None:
    terms = Terms()
    series = [line("disk", "1 2"), line("m_total", "1 2"), line("m_bucket", "1 2")]

    ask('sum(rate({__name__=~".+"}[5m]))', *series, at_ms=MINUTE, terms=terms)

    assert list(terms.notes.infos) == [
        "PromQL info: metric might not be a counter, name does not end in "
        '_total/_sum/_count/_bucket: "disk"'
    ]
    for silent in ("rate(disk[1s])", "delta(disk[5m])", "irate(disk[5m])"):
        quiet = Terms()
        ask(silent, *series, at_ms=MINUTE, terms=quiet)
        assert not quiet.notes.infos


def test_infinity_grows_into_nothing_known() -> None:
    found = ask("increase(m_total[5m])", line("m_total", "1 Inf"), at_ms=MINUTE)

    assert found == about({"{}": INF})


def test_a_series_without_a_live_sample_gives_nothing() -> None:
    for call in ("rate", "irate", "delta", "deriv", "changes", "sum_over_time", "last_over_time"):
        assert ask(f"{call}(m_total[5m])", line("m_total", "stale stale"), at_ms=MINUTE) == {}
        assert ask(f"{call}(m_total[5m])", at_ms=MINUTE) == {}
