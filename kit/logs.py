"""Structured logs: one line for each event, readable or JSON."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

QUIET = ("httpx", "httpcore", "apscheduler", "uvicorn", "asyncio", "alembic")


def start(form: str = "text", level: int = logging.INFO) -> None:
    """Send everything to standard error as `text` or `json` lines."""
    lines = logging.StreamHandler(sys.stderr)
    if form == "json":
        lines.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{name}{message}",
                style="{",
                rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
            )
        )
    else:
        lines.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
