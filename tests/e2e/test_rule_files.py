"""One file of rule tests under `promtool test rules` and under `langyan check --tests`."""

import subprocess
import sys
from pathlib import Path

import pytest

from kit.settings import ROOT
from tests.support.peers import needed

pytestmark = pytest.mark.e2e

RULES = """
groups:
- name: g
  rules:
  - record: depth:max
    expr: max by (queue) (depth)
  - alert: Long
    expr: depth:max > 10
    for: 2m
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
    values: 20x4 1 _ stale
  alert_rule_test:
  - {eval_time: 1m, alertname: Long}
  - eval_time: 3m
    alertname: Long
    exp_alerts:
    - exp_labels: {queue: a, severity: warning, at: east}
      exp_annotations: {summary: 20 in a}
  - {eval_time: 5m, alertname: Long}
  promql_expr_test:
  - expr: depth:max
    eval_time: 3m
    exp_samples: [{labels: 'depth:max{queue="a"}', value: 20}]
"""


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [("", "", True), ("20 in a", "21 in a", False), ("value: 20}", "value: 3}", False)],
    ids=["as it is", "another annotation", "another value"],
)
def test_promtool_and_we_pass_the_same_files(
    tmp_path: Path, before: str, after: str, good: bool
) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    tests = tmp_path / "tests.yml"
    tests.write_text(TESTS.replace(before, after) if before else TESTS)
    theirs = [needed("promtool"), "test", "rules", str(tests)]
    ours = [sys.executable, "-m", "app", "check", "--tests", str(tests)]
    for words in (theirs, ours):
        ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (ran.returncode == 0) == good, (words, ran.stdout, ran.stderr)
