"""Moments as outsiders write them: RFC 3339 text with a zone, nothing else."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


def _written(value: Any) -> Any:
    """Refuse a count of seconds: whether it began in 1970, and in which unit, nobody has said."""
    number = isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit()
    if number or isinstance(value, int | float):
        raise ValueError("write the time as 2026-11-08T19:32:05+08:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""A pydantic field that reads a moment from text."""
