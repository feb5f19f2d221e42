"""Schemathesis against the running program: what OpenAPI promises, asked with data good and bad."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "8"))
"""Cases of chance for each operation, besides those that follow from the description itself."""
LONG = EXAMPLES > 50
WITHIN = 3600.0
UNCHECKED = (
    "positive_data_acceptance",  # no schema can say which zones there are, or which key is new
    "missing_required_header",
    "allow_header_conformance",  # /thresholds/preview may be the threshold of that name, too
)


AUTH = "ignored_auth"
"""Leaves the header Authorization away, which says nothing about who comes with a cookie."""


@dataclass(frozen=True)
class Fuzzed:
    """What became of a run; `told` has each failure with a request that shows it again."""

    well: bool
    told: str


async def fuzz(
    url: str, headers: Mapping[str, str], *, folder: Path, without: Sequence[str] = ()
) -> Fuzzed:
    """Ask every operation of the program at `url`, with these headers, but those `without`."""
    words = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/v1/openapi.json"),
        *(
            "--phases",
            "examples,coverage,fuzzing,stateful" if LONG else "examples,coverage,fuzzing",
        ),
        *("--max-examples", str(EXAMPLES), "--checks", "all"),
        *("--exclude-checks", ",".join(_unchecked(headers)), "--generation-database", "none"),
        *("--continue-on-failure", "--no-color", "--warnings", "off"),
    ]
    for name, value in headers.items():
        words += ["--header", f"{name}: {value}"]
    for name in without:
        words += ["--exclude-name", name]
    ended = await asyncio.to_thread(
        subprocess.run,
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    return Fuzzed(ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2000:])


def _unchecked(headers: Mapping[str, str]) -> Sequence[str]:
    return UNCHECKED if "Authorization" in headers else (*UNCHECKED, AUTH)
