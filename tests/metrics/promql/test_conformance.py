"""Prometheus's own scripts, where they are to be had, against the parser and the evaluator."""

import re
from typing import Any

import pytest

from tests.support.conformance import ROOT, SCRIPTS, ran

IN_PROCESS = ("--python", "tests.conformance.engine:evaluate", "--twin")
pytestmark = pytest.mark.skipif(not SCRIPTS, reason="Prometheus's scripts are not here")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return ran(tmp_path_factory.mktemp("scripts") / "report.json", IN_PROCESS)


@pytest.mark.parametrize("script", [script.name for script in SCRIPTS])
def test_a_script_of_prometheus_gives_what_it_says(
    script: str, reports: dict[str, dict[str, Any]]
) -> None:
    found = reports[script]

    assert found["failures"] == []
    assert found["pass"] > 0
    assert all("native" in why or "NHCB" in why for why in found["skip_reasons"])


def test_the_page_says_how_many_cases_pass_and_are_skipped(
    reports: dict[str, dict[str, Any]],
) -> None:
    page = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+\.test)` \| (\d+) \| (\d+) \| (\d+) \|", page, re.M)

    for name, cases, passed, skipped in told:
        if name in reports:
            report = reports[name]
            counts = (report["evals"], report["pass"], report["skip"])
            assert counts == (int(cases), int(passed), int(skipped)), name
    assert reports.keys() <= {name for name, *_ in told}
