"""Lengths of time as people write them in Prometheus: 15s, 5m, 1h30m, 2d."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from kit.errors import Said

UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}
UNITS |= {"s": 1000, "ms": 1}
_SHAPE = re.compile("".join(rf"(?:(\d+){unit})?" for unit in UNITS))


def parse(text: str) -> timedelta:
    """Return the length that `text` names; units go from the greatest to the least."""
    found = _SHAPE.fullmatch(text)
    if not text or (text != "0" and not found):
        raise ValueError(Said("{text!r} is not a duration; write 90s, 15m, 1h30m or 2d", text=text))
    counts = zip(found.groups() if found else (), UNITS.values(), strict=False)
    try:
        return timedelta(milliseconds=sum(int(n) * size for n, size in counts if n))
    except OverflowError:
        raise ValueError(Said("{text!r} is longer than can be counted", text=text)) from None


def text(length: timedelta) -> str:
    """Return `length` as it would be written by hand: 1h30m."""
    left, parts = round(length / timedelta(milliseconds=1)), []
    for unit, size in UNITS.items():
        if unit in "yw":
            continue
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _read(value: Any) -> Any:
    return parse(value) if isinstance(value, str) else value


Duration = Annotated[
    timedelta, BeforeValidator(_read), PlainSerializer(text, return_type=str, when_used="always")
]
"""A pydantic field that reads and writes a length as text."""
