"""Prometheus's own scripts, where they are to be had, against the parser and the evaluator."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARED = next(
    (
        place
        for above in Path(__file__).resolve().parents
        if (place := above / "shared" / "conformance").is_dir()
    ),
    None,
)
SCRIPTS = sorted((SHARED / "promqltest").glob("*.test")) if SHARED else []


@pytest.fixture(scope="module")
def reports(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> dict[str, dict[str, Any]]:
    assert SHARED
    report = tmp_path_factory.mktemp("scripts") / "report.json"
    asked = ["--python", "tests.conformance.engine:evaluate", "--twin", "--json", str(report)]
    root = pytestconfig.rootpath
    subprocess.run(
        [sys.executable, SHARED / "promqltest_runner.py", *asked, *SCRIPTS],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    return {each["file"]: each for each in json.loads(report.read_text())["files"]}


@pytest.mark.skipif(not SCRIPTS, reason="Prometheus's scripts are not here")
@pytest.mark.parametrize("script", [script.name for script in SCRIPTS])
def test_a_script_of_prometheus_gives_what_it_says(
    script: str, reports: dict[str, dict[str, Any]]
) -> None:
    found = reports[script]

    assert found["failures"] == []
    assert found["pass"] > 0
    assert all("native" in why or "NHCB" in why for why in found["skip_reasons"])
