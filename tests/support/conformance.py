"""Prometheus's own scripts and the runner for them, where they lie beside the checkout."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARED = next(
    (place for above in ROOT.parents if (place := above / "shared" / "conformance").is_dir()),
    None,
)
SCRIPTS = sorted((SHARED / "promqltest").glob("*.test")) if SHARED else []
MOST_SECONDS = 280


def ran(report: Path, asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Run every script against what is asked for; return what came of each, by its name."""
    assert SHARED
    subprocess.run(
        [sys.executable, SHARED / "promqltest_runner.py", *asked, "--json", report, *SCRIPTS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=MOST_SECONDS,
    )
    return {each["file"]: each for each in json.loads(report.read_text())["files"]}
