"""`info()`: labels taken over from metrics that only tell of something."""

import pytest

from kit.errors import Invalid
from metrics.promql.refusals import NotComputable
from metrics.promql.syntax import normal, parse
from tests.support.asking import MINUTE, Line, ask, line, steps

WHERE = {"instance": "a", "job": "1"}
METRIC = line("m", "0 1 2", **WHERE, label="value")


def target(values: str = "1 1 1", name: str = "target_info", **labels: str) -> Line:
    return line(name, values, **WHERE, **labels)


def test_a_series_takes_over_what_is_told_of_its_target() -> None:
    told = target(data="info", label="other")

    assert list(ask("info(m)", METRIC, told)) == [
        'm{data="info", instance="a", job="1", label="value"}'
    ]
    assert list(ask("info(m)", METRIC)) == ['m{instance="a", job="1", label="value"}']


def test_only_the_labels_asked_for_are_taken() -> None:
    told = target(data="info", more="x")

    assert list(ask('info(m, {more=~".+"})', METRIC, told)) == [
        'm{instance="a", job="1", label="value", more="x"}'
    ]
    assert ask('info(m, {nope=~".+"})', METRIC, told) == {}
    assert ask('info(m, {data="else"})', METRIC, told) == {}


def test_other_metrics_may_tell_too() -> None:
    build = target(name="build_info", build="7")

    assert list(ask('info(m, {__name__="build_info"})', METRIC, build)) == [
        'm{build="7", instance="a", job="1", label="value"}'
    ]
    assert list(ask('info(m, {__name__=~".+_info"})', METRIC, build, target(data="info"))) == [
        'm{build="7", data="info", instance="a", job="1", label="value"}'
    ]


def test_what_tells_is_not_told_of_itself() -> None:
    assert list(ask('info({job="1"})', target(data="info"))) == [
        'target_info{data="info", instance="a", job="1"}'
    ]


def test_of_two_that_tell_the_newer_counts_at_each_step() -> None:
    series = METRIC, target("1 _ _", data="old"), target("_ 1 1", data="new")

    assert steps("info(m)", *series, end_ms=2 * MINUTE) == {
        'm{data="old", instance="a", job="1", label="value"}': [0.0, None, None],
        'm{data="new", instance="a", job="1", label="value"}': [None, 1.0, 2.0],
    }


def test_two_that_tell_at_once_are_refused() -> None:
    with pytest.raises(NotComputable, match="found duplicate series for info metric"):
        ask("info(m)", METRIC, target(data="one"), target(data="two"))
    with pytest.raises(NotComputable, match="conflicting label: data"):
        ask(
            'info(m, {__name__=~".+_info"})',
            *(METRIC, target(data="one"), target(name="build_info", data="two")),
        )


def test_the_name_goes_as_without_it() -> None:
    assert list(ask("info(m * 2)", METRIC, target(data="info"))) == [
        '{data="info", instance="a", job="1", label="value"}'
    ]


def test_another_target_tells_nothing() -> None:
    other = line("target_info", "1", instance="b", job="1", data="info")

    assert list(ask("info(m)", METRIC, other)) == ['m{instance="a", job="1", label="value"}']


PLAIN = 'm{instance="a", job="1", label="value"}'
WITH_DATA = 'm{data="info", instance="a", job="1", label="value"}'


def test_a_choice_that_no_label_fits_too_asks_for_nothing() -> None:
    told = target("1 1 stale", data="info")

    assert list(ask('info(m, {data=~".*"})', METRIC, told)) == [WITH_DATA]
    assert list(ask('info(m, {nope=~".*"})', METRIC, told)) == [PLAIN]
    assert list(ask("info(m, {})", METRIC, told)) == [WITH_DATA]
    assert steps('info(m, {data=~".*"})', METRIC, told, end_ms=2 * MINUTE) == {
        WITH_DATA: [0.0, 1.0, None],
        PLAIN: [None, None, 2.0],
    }
    assert steps('info(m, {data=~".+"})', METRIC, told, end_ms=2 * MINUTE) == {
        WITH_DATA: [0.0, 1.0, None]
    }


def test_names_that_are_only_refused_leave_other_metrics_that_tell() -> None:
    tell = target(data="info"), target(name="build_info", build="7"), target(name="up", up="1")

    assert list(ask('info(m, {__name__!="target_info"})', METRIC, *tell)) == [
        'm{build="7", instance="a", job="1", label="value"}'
    ]
    assert list(ask('info(m, {__name__!~".+_info"})', METRIC, *tell)) == [PLAIN]
    assert ask('info(m, {__name__!~".+_info", data=~".+"})', METRIC, *tell) == {}


def test_what_tells_is_told_of_by_others_that_it_is_not_among() -> None:
    tell = target(data="info"), target(name="build_info", build="7")
    text = 'info(build_info, {__name__=~"target_.+", __name__=~".+_info"})'

    assert list(ask(text, *tell)) == ['build_info{build="7", data="info", instance="a", job="1"}']
    assert list(ask('info(target_info, {data=~".+"})', *tell)) == [
        'target_info{data="info", instance="a", job="1"}'
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("info(m @ 60)", "old"),
        ("info(m @ 180)", "new"),
        ("info(m offset 4m)", "old"),
        ("info(m)", "new"),
        ("info(last_over_time(m[2m:1m] @ 60))", "old"),
        ("info(last_over_time((m offset 2m)[5m:1m] @ 180))", "old"),
        ("info(last_over_time(m[5m:1m] offset 4m))", "old"),
        ("last_over_time(info(m)[1m:1m] offset 4m)", "old"),
    ],
)
def test_it_is_told_as_of_the_moment_that_is_looked_at(text: str, wanted: str) -> None:
    metric = line("m", "0+1x5", instance="a", job="1")
    told = target("1 1 stale", v="old"), target("_ _ 1 1 1 1", v="new")

    assert list(ask(text, metric, *told, at_ms=5 * MINUTE)) == [
        f'm{{instance="a", job="1", v="{wanted}"}}'
    ]


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ("info(m,{})", "info(m, {})"),
        ('info(m, { a=~".*" , b="1"})', 'info(m, {a=~".*",b="1"})'),
        ('topk(1, info(sum by (x) (m), {a!=""}))', 'topk(1, info(sum by (x) (m), {a!=""}))'),
    ],
)
def test_a_choice_is_laid_out_as_it_was(text: str, laid_out: str) -> None:
    assert normal(text) == laid_out
    assert parse(laid_out) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("info(m, up)", 'info(m, up{a="1"})', "info(m, m[5m])", 'sum({a=~".*"})'),
        *('topk(1, {a=~".*"})', 'info({a=~".*"})', 'info(topk(1, {a=~".*"}))'),
    ],
)
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="parse error"):
        parse(text)
