"""Classic histograms."""

import pytest

from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Terms
from tests.support.asking import INF, MINUTE, NAN, Line, about, ask, line, steps


def buckets(counts: str, bounds: str = "1 2 4 +Inf", name: str = "h_bucket") -> list[Line]:
    pairs = zip(bounds.split(), counts.split(), strict=True)
    return [line(name, count, le=bound, x="1") for bound, count in pairs]


@pytest.mark.parametrize(
    ("counts", "bounds", "asked", "wanted"),
    [
        ("1 3 4 4", "1 2 4 +Inf", "0.5", 1.5),
        ("1 3 4 4", "1 2 4 +Inf", "0", 0.0),
        ("1 3 4 4", "1 2 4 +Inf", "1", 4.0),
        ("1 3 4 4", "1 2 4 +Inf", "0.1", 0.4),
        # the highest bucket has no end: its beginning is all that is known
        ("1 3 4 9", "1 2 4 +Inf", "0.9", 4.0),
        # below zero a bucket has no beginning either
        ("2 3 4 4", "-1 2 4 +Inf", "0.1", -1.0),
        ("0 3 4 4", "-1 2 4 +Inf", "0.5", 1.0),
        ("0 0 0 0", "1 2 4 +Inf", "0.5", NAN),
        ("1 3 4", "1 2 4", "0.5", NAN),
        ("4", "+Inf", "0.5", NAN),
        ("1 3 4 4", "1 2 4 +Inf", "-0.1", -INF),
        ("1 3 4 4", "1 2 4 +Inf", "1.1", INF),
        ("1 3 4 4", "1 2 4 +Inf", "NaN", NAN),
        # the same bound written twice is one bucket
        ("1 2 1 4 4", "1 2 2.0 4 +Inf", "0.5", 1.5),
        # a count that falls is lifted
        ("1 3 2 4", "1 2 4 +Inf", "0.5", 1.5),
        ("1 3 4 4", "1e0 2 4 +inf", "0.5", 1.5),
    ],
)
def test_a_quantile_lies_within_its_bucket(
    counts: str, bounds: str, asked: str, wanted: float
) -> None:
    found = ask(f"histogram_quantile({asked}, h_bucket)", *buckets(counts, bounds))

    assert found == about({'{x="1"}': wanted})


@pytest.mark.parametrize(
    ("lower", "upper", "wanted"),
    [
        *(("0", "2", 0.75), ("1", "2", 0.5), ("0.5", "1", 0.125), ("-Inf", "+Inf", 1.0)),
        *(("4", "+Inf", 0.0), ("2", "1", 0.0), ("NaN", "1", NAN), ("3", "+Inf", 0.125)),
        ("-5", "0", 0.0),
    ],
)
def test_a_fraction_is_spread_evenly_in_its_buckets(lower: str, upper: str, wanted: float) -> None:
    found = ask(f"histogram_fraction({lower}, {upper}, h_bucket)", *buckets("1 3 4 4"))

    assert found == about({'{x="1"}': wanted})


def test_a_fraction_below_a_bucket_without_beginning_counts_all_of_it() -> None:
    series = buckets("2 3 4", "-1 2 +Inf")

    assert ask("histogram_fraction(-Inf, -3, h_bucket)", *series) == about({'{x="1"}': 0.5})
    assert ask("histogram_fraction(-3, 2, h_bucket)", *series) == about({'{x="1"}': 0.25})
    assert ask("histogram_fraction(0, 1, h_bucket)", *buckets("1 2", "1 2")) == about(
        {'{x="1"}': NAN}
    )


def test_a_bucket_that_is_missing_at_a_step_is_left_out_there() -> None:
    rows = zip(["1", "2", "4", "+Inf"], ("1 1", "3 stale", "4 4", "4 4"), strict=True)
    series = [line("h_bucket", values, le=bound) for bound, values in rows]

    found = steps("histogram_quantile(0.5, h_bucket)", *series, end_ms=MINUTE)

    assert found == {"{}": [1.5, 2.0]}


def test_each_step_may_ask_for_another_quantile_of_several_histograms() -> None:
    many = [*buckets("1 3 4 4"), *buckets("2 4", "10 +Inf", name="o_bucket")]
    asked = line("q", "0 1")

    found = steps(
        'histogram_quantile(scalar(q), label_replace({le!=""}, "of", "$1", "__name__", "(.).*"))',
        *many,
        asked,
        end_ms=MINUTE,
    )

    assert found == {'{of="h", x="1"}': [0.0, 4.0], '{of="o", x="1"}': [0.0, 10.0]}


def test_what_is_wrong_with_a_histogram_is_told() -> None:
    terms = Terms()
    odd = [line("odd", "1"), line("odd", "1", le="high"), line("odd", "1", le="+Inf")]

    ask("histogram_quantile(7, odd)", *odd, terms=terms)
    ask("histogram_quantile(0.5, h_bucket)", *buckets("1 3 2 4"), terms=terms)

    of_le = 'PromQL warning: bucket label "le" is missing or has a malformed value of '
    assert list(terms.notes.warnings) == [
        "PromQL warning: quantile value should be between 0 and 1, got 7",
        f'{of_le}"" for metric name "odd"',
        f'{of_le}"high" for metric name "odd"',
    ]
    assert list(terms.notes.infos) == [
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) "
        'for metric name "h_bucket"'
    ]


def test_rounding_is_no_decrease() -> None:
    terms = Terms()

    found = ask("histogram_quantile(0.5, h_bucket)", *buckets("1 3.0000000000001 3 4"), terms=terms)

    assert found == {'{x="1"}': pytest.approx(1.5)}
    assert not terms.notes.infos


def test_of_nothing_there_is_no_quantile() -> None:
    assert ask("histogram_quantile(0.5, h_bucket)") == {}
    assert ask("histogram_fraction(0, 1, h_bucket)") == {}


def test_several_quantiles_are_told_apart_by_a_label() -> None:
    found = ask('histogram_quantiles(h_bucket, "q", 0, 0.5, 1, -1)', *buckets("1 3 4 4"))

    assert found == {
        '{q="0.0", x="1"}': 0.0,
        '{q="0.5", x="1"}': 1.5,
        '{q="1.0", x="1"}': 4.0,
        '{q="-1.0", x="1"}': -INF,
    }


def test_each_step_may_ask_for_other_quantiles() -> None:
    series = [*buckets("1+0x2 3+0x2 4+0x2 4+0x2"), line("asked", "0.5 NaN 0.5")]

    found = steps('histogram_quantiles(h_bucket, "q", scalar(asked))', *series, end_ms=2 * MINUTE)

    assert found.keys() == {'{q="0.5", x="1"}', '{q="NaN", x="1"}'}
    assert found['{q="0.5", x="1"}'] == [1.5, None, 1.5]


def test_quantiles_that_a_label_does_not_tell_apart_are_refused() -> None:
    series = [*buckets("1 3 4 4"), *(line("h_bucket", "1", le=le, x="2") for le in ("1", "+Inf"))]

    with pytest.raises(NotComputable, match="same labelset"):
        ask('histogram_quantiles(h_bucket, "x", 0.5)', *series)
    with pytest.raises(NotComputable, match="same labelset"):
        ask('histogram_quantiles(h_bucket, "q", 0.5, 0.5)', *series)


def test_of_several_quantiles_each_that_is_none_is_warned_of() -> None:
    terms = Terms()

    assert ask('histogram_quantiles(nothing, "q", 2, NaN)', terms=terms) == {}
    assert [text[-3:] for text in terms.notes.warnings] == ["t 2", "NaN"]
