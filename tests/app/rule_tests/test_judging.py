"""promtool's files of rule tests: the good pass, the bad fail with a reason."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.rule_tests import judge, notation

RULES = """
groups:
- name: g
  rules:
  - record: depth:max
    expr: max by (queue) (depth)
  - alert: Long
    expr: depth:max > 10
    for: 2m
    keep_firing_for: 2m
    labels: {severity: warning, at: '{{ $externalLabels.site }}'}
    annotations: {summary: '{{ $value | humanize }} in {{ $labels.queue }}'}
"""
TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  external_labels: {site: east}
  input_series:
  - series: depth{queue="a",host="x"}
    values: 20x2 20 1 1 _ 1 stale
  alert_rule_test:
  - {eval_time: 1m, alertname: Long}
  - &fires
    eval_time: 3m
    alertname: Long
    exp_alerts:
    - exp_labels: {queue: a, severity: warning, at: east}
      exp_annotations: {summary: 20 in a}
  - <<: *fires
    eval_time: 5m
  - {eval_time: 6m, alertname: Long}
  promql_expr_test:
  - expr: depth:max
    eval_time: 3m
    exp_samples: [{labels: 'depth:max{queue="a"}', value: 20}]
  - {expr: 'ALERTS{alertstate="firing"}', eval_time: 1m}
  - expr: ALERTS
    eval_time: 3m
    exp_samples:
    - labels: 'ALERTS{alertname="Long",alertstate="firing",at="east",queue="a",severity="warning"}'
      value: 1
  - expr: ALERTS_FOR_STATE
    eval_time: 3m
    exp_samples:
    - labels: 'ALERTS_FOR_STATE{alertname="Long",at="east",queue="a",severity="warning"}'
      value: 0
  - {expr: 'depth', eval_time: 8m}
"""


def judged(folder: Path, tests: str, rules: str = RULES) -> list[str]:
    (folder / "rules.yml").write_text(rules)
    (folder / "tests.yml").write_text(tests)
    return list(judge(folder / "tests.yml").failures)


def test_a_life_of_an_alert_passes(tmp_path: Path) -> None:
    assert judged(tmp_path, TESTS) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("summary: 20 in a", "summary: 21 in a", "alertname: Long, time: 3m"),
        ("value: 20}", "value: 20.0000001}", "expr: 'depth:max', time: 3m"),
        ("{eval_time: 6m, alertname: Long}", "{eval_time: 6m}", "alertname: this field is missing"),
        ("20x2 20", "20y2 20", "'20y2' is no value"),
        ("rules.yml]", "other.yml]", "there is no such file"),
        ("- interval: 1m", "- intervall: 1m", "there is no such field"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert said in "\n".join(judged(tmp_path, TESTS.replace(before, after, 1)))


def test_a_rule_that_fails_fails_the_test(tmp_path: Path) -> None:
    limited = RULES.replace("name: g\n", "name: g\n  limit: 1\n").replace(
        "(queue)", "(queue, host)"
    )
    more = TESTS.replace(
        '  - series: depth{queue="a",host="x"}',
        """  - series: depth{host="y"}
    values: 1x9
  - series: depth{queue="a",host="x"}""",
    )

    assert "exceeded limit of 1 with 2 series" in "\n".join(judged(tmp_path, more, limited))


def test_two_alerts_with_the_same_labels_are_an_error(tmp_path: Path) -> None:
    rules = RULES.replace("depth:max > 10", "depth > 10").replace(
        "severity: warning", "severity: warning, host: ''"
    )
    more = TESTS.replace(
        '  - series: depth{queue="a",host="x"}',
        """  - series: depth{queue="a",host="y"}
    values: 30x9
  - series: depth{queue="a",host="x"}""",
    )

    assert "with the same labelset after applying alert labels" in "\n".join(
        judged(tmp_path, more, rules)
    )


def test_values_are_read_as_promtool_does() -> None:
    assert notation.values("1+2x2 _ 5-1x1 _x2 0x0 -1") == [1, 3, 5, None, 5, 4, None, None, 0, -1]
    assert notation.values("7x2") == [7, 7, 7]
    with pytest.raises(notation.NotRead, match="native histograms"):
        notation.values("{{schema:0}}")


def test_the_command_says_what_became_of_each_file(tmp_path: Path) -> None:
    judged(tmp_path, TESTS)
    good = CliRunner().invoke(main, ["check", "--tests", str(tmp_path / "tests.yml")])
    assert (good.exit_code, good.output) == (0, f"{tmp_path}/tests.yml: SUCCESS\n")

    judged(tmp_path, TESTS.replace("value: 20}", "value: 21}"))
    bad = CliRunner().invoke(main, ["check", "--tests", str(tmp_path / "tests.yml")])
    assert bad.exit_code == 1
    assert "exp: depth:max{queue" in bad.output
