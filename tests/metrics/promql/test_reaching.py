"""`anchored` and `smoothed`: selectors that look beyond what they ask for."""

import pytest

from kit.errors import Invalid
from metrics.columns import columns_of
from metrics.promql.evaluation import samples
from metrics.promql.plan import compile
from metrics.promql.refusals import NotComputable, NotYet
from metrics.promql.syntax import normal, parse
from metrics.promql.terms import Terms
from metrics.promql.tree import Binary, Call, Reach, Selector, selectors
from tests.support.asking import MINUTE, NAN, about, ask, line, steps

SECOND = 1_000
GROWING = line("m_total", "1+1x4 9+1x4", 15 * SECOND, x="1")


@pytest.mark.parametrize(
    ("at_s", "anchored", "smoothed"),
    [
        (5, 0.0, 1 / 3),
        (20, 1.0, 4 / 3),
        (50, 3.0, 10 / 3),
        (65, 4.0, 5.0),
        (80, 7.0, 7.0),
        (125, 7.0, 6.0),
        # the last sample lies at the beginning of the range: nothing came in it
        (195, None, None),
        (-1, None, None),
    ],
)
def test_growth_is_not_stretched_beyond_what_is_known(
    at_s: int, anchored: float | None, smoothed: float | None
) -> None:
    for word, wanted in (("anchored", anchored), ("smoothed", smoothed)):
        found = ask(f"increase(m_total[1m] {word})", GROWING, at_ms=at_s * SECOND)
        per_second = ask(f"rate(m_total[1m] {word})", GROWING, at_ms=at_s * SECOND)

        assert found == ({} if wanted is None else about({'{x="1"}': wanted}))
        assert per_second == ({} if wanted is None else about({'{x="1"}': wanted / 60}))


def test_the_anchor_is_no_older_than_the_lookback() -> None:
    series = line("m", "5 _ _ _ _ _ 7 8")

    assert ask("delta(m[1m] anchored)", series, at_ms=6 * MINUTE) == {"{}": 0.0}
    assert ask("delta(m[1m1ms] anchored)", series, at_ms=6 * MINUTE) == {"{}": 2.0}
    long = Terms(lookback_ms=6 * MINUTE)
    assert ask("delta(m[1m] anchored)", series, at_ms=6 * MINUTE, terms=long) == {"{}": 0.0}


def test_a_counter_that_begins_again_counts_on() -> None:
    fell = line("m_total", "9 8 5 4")

    assert ask("increase(m_total[2m] anchored)", fell, at_ms=3 * MINUTE) == {"{}": 9.0}
    assert ask("increase(m_total[2m] smoothed)", fell, at_ms=135 * SECOND) == {"{}": 12.0}
    assert ask("delta(m_total[2m] anchored)", fell, at_ms=3 * MINUTE) == {"{}": -4.0}
    # between two samples of which the second began at zero
    began = line("m_total", "100 10", 15 * SECOND)
    assert ask("increase(m_total[10s] smoothed)", began, at_ms=12 * SECOND) == about({"{}": 20 / 3})


def test_no_hint_is_given_of_names_as_in_prometheus() -> None:
    terms = Terms()
    ask("rate(m[1m] anchored)", line("m", "1 2"), at_ms=MINUTE, terms=terms)
    assert not terms.notes.infos


def test_changes_and_resets_count_from_the_anchor_on() -> None:
    series = [line("m", "2 _ 1 _ _ _ _ _ 0", x="1"), line("m", "99-1x10", x="2")]

    assert ask("changes(m[1m])", *series, at_ms=2 * MINUTE) == {'{x="1"}': 0, '{x="2"}': 0}
    for call in ("changes", "resets"):
        text = f"{call}(m[1m] anchored)"
        assert ask(text, *series, at_ms=2 * MINUTE) == {'{x="1"}': 1.0, '{x="2"}': 1.0}
        assert ask(text, *series, at_ms=3 * MINUTE) == {'{x="2"}': 1.0}


def test_a_smoothed_vector_lies_between_its_neighbours() -> None:
    series = line("m", "1 2 _ 8 stale", 10 * SECOND)

    found = steps("m smoothed", series, end_ms=45 * SECOND, step_ms=5 * SECOND)

    # an end that was marked is no neighbour, and nothing is known of what comes after it
    assert found == {"m": [1.0, 1.5, 2.0, 3.5, 5.0, 6.5, 8.0, 8.0, 8.0, 8.0]}
    assert ask("m smoothed", series, at_ms=-5 * SECOND) == {}
    assert ask("m smoothed", series, at_ms=330 * SECOND) == {}
    assert ask("m offset 5s smoothed", series, at_ms=10 * SECOND) == {"m": 1.5}
    assert ask("m @ 15 smoothed + 1", series) == {"{}": 4.5}
    assert ask("m smoothed", line("m", "NaN 1", 10 * SECOND), at_ms=5_000) == about({"m": NAN})


def test_a_time_is_that_of_the_sample_and_not_smoothed() -> None:
    series = line("m", "1 2", 10 * SECOND)

    assert ask("timestamp(m smoothed)", series, at_ms=15 * SECOND) == {"{}": 10.0}


@pytest.mark.parametrize(
    ("text", "functions", "name"),
    [
        ("deriv(m[1m] smoothed)", "delta, increase, rate", "deriv"),
        ("resets(m[1m] smoothed)", "delta, increase, rate", "resets"),
        ("deriv(m[1m] anchored)", "changes, delta, increase, rate, resets", "deriv"),
        ("predict_linear(m[1m] anchored, 4)", "changes, delta, .*", "predict_linear"),
        ("quantile_over_time(0.5, m[1m] anchored)", "changes, delta, .*", "quantile_over_time"),
    ],
)
def test_only_who_knows_such_ranges_is_given_them(text: str, functions: str, name: str) -> None:
    word = "smoothed" if "smoothed" in text else "anchored"
    why = f"{word} modifier can only be used with: {functions} - not with {name}"
    with pytest.raises(NotComputable, match=why):
        parse(text)


def test_such_a_range_is_no_answer_of_its_own() -> None:
    plan = compile("m[1m] anchored")
    with pytest.raises(NotYet, match="anchored"):
        samples(plan, [columns_of(())], at_ms=0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("m smoothed", [Reach.SMOOTHED]),
        ("m SMOOTHED", [Reach.SMOOTHED]),
        ('{a="b{}"}smoothed', [Reach.SMOOTHED]),
        ('m{a=~"x|y",b!="1"} @ start() offset -1m smoothed', [Reach.SMOOTHED]),
        ("m @ 1e3 smoothed offset 5m", [Reach.SMOOTHED]),
        ("m anchored", [None]),
        ("a / b smoothed", [None, Reach.SMOOTHED]),
        ("a smoothed / b", [Reach.SMOOTHED, None]),
        ("max_over_time(m smoothed[5m:1m])", [Reach.SMOOTHED]),
        # labels and parts of names, not modifiers
        ("a{smoothed='1'} # b smoothed", [None]),
        ("a{b=' smoothed'}", [None]),
        ("anchored_total + a:smoothed", [None, None]),
    ],
)
def test_the_words_count_behind_a_selector_alone(text: str, wanted: list[Reach | None]) -> None:
    found = list(selectors(parse(text)))

    assert [each.reach for each in found] == wanted
    assert all(m.name.isascii() for each in found for m in each.matchers)


def test_a_range_keeps_its_words() -> None:
    (found,) = selectors(parse("rate(m[2m] anchored offset 1m)"))

    assert found == Selector(found.matchers, 60_000, range_ms=120_000, reach=Reach.ANCHORED)
    assert isinstance(parse("rate(m[1m] smoothed) + 1"), Binary)
    assert isinstance(parse("rate((m[1m] smoothed))"), Call)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("m anchored smoothed", "cannot be used together"),
        ("max_over_time(m[5m:1m] anchored)", "not supported for subqueries"),
        ("sum(m) smoothed", ""),
        ("1 smoothed", ""),
        # here they are names, which the parser does not take them for
        *(("a and smoothed", ""), ("a + on (x) smoothed", ""), ("a > bool anchored", "")),
        *(("a * on (x) group_left smoothed", ""), ("a + fill (0) smoothed", "")),
        ('{a=~".*"} smoothed', "at least one non-empty matcher"),
    ],
)
def test_words_that_have_no_place_are_a_parse_error(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=f"parse error: .*{why}"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("rate(m[1m] anchored)", 'rate(m{a="b"}[5m] smoothed offset 1m) > 1'),
        *("m smoothed", 'sum by (a) ({a="b"} smoothed)'),
    ],
)
def test_what_is_laid_out_has_its_words_again(text: str) -> None:
    assert normal(text) == text
    assert parse(normal(text)) == parse(text)
