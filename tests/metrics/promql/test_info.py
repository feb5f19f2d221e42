"""`info()`: labels taken over from metrics that only tell of something."""

import pytest

from metrics.promql.refusals import NotComputable
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
