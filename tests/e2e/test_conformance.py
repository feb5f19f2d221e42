"""Prometheus's own scripts against the running program: remote write in, its query API out."""

import asyncio
from pathlib import Path

import pytest

from tests.support.conformance import SCRIPTS, ran
from tests.support.program import Program

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not SCRIPTS, reason="Prometheus's scripts are not here"),
]
IN_1998 = "883612800"


async def test_every_script_gives_over_http_what_it_says(tmp_path: Path) -> None:
    async with Program(tmp_path / "data", more={"LANGYAN_RETENTION": "0"}) as program:
        api = "/prometheus/api/v1"
        asked = [
            *("--url", program.url, "--write-path", f"{api}/write", "--api-path", api),
            *("--header", f"Authorization: {program.admin['Authorization']}"),
            # each script has a stretch of time of its own: one program does for all
            *("--isolate", "shift", "--base", IN_1998, "--twin"),
        ]
        reports = await asyncio.to_thread(ran, tmp_path / "report.json", asked)

    assert {name: report["failures"] for name, report in reports.items()} == {
        script.name: [] for script in SCRIPTS
    }
    assert sum(report["pass"] for report in reports.values()) > 300
