"""Values as Go writes and judges them. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from alerting.templates.context import Sample
from alerting.templates.refusals import NotExpanded
from metrics.promql.numbers import short_text

_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")


def shown(value: Any) -> str:
    """Return a value as Go prints it by itself (%v)."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return short_text(value)
        case Sample():
            return f"{{{_map(value.labels)} {shown(value.value)}}}"
        case datetime():
            return moment(value)
        case Mapping():
            return _map(value)
        case list() | tuple():
            return "[" + " ".join(map(shown, value)) + "]"
        case _:
            return str(value)


def moment(value: datetime) -> str:
    """Return a moment as Go prints it."""
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    rest = f"{value.microsecond:06d}".rstrip("0")
    return f"{text}{'.' + rest if rest else ''} +0000 UTC"


def _map(value: Mapping[str, Any]) -> str:
    return "map[" + " ".join(f"{k}:{shown(v)}" for k, v in sorted(value.items())) + "]"


def truth(value: Any) -> bool:
    """Tell whether a value counts as true: not zero, not empty."""
    return value is not None and (isinstance(value, Sample) or bool(value))


def printed(*values: Any) -> str:
    """Return values one behind the other, parted where two are no strings (Sprint)."""
    text, before = "", True
    for number, value in enumerate(values):
        string = isinstance(value, str)
        text += (" " if number and not string and not before else "") + shown(value)
        before = string
    return text


def formatted(form: str, *values: Any) -> str:
    """Return values in a form (Sprintf)."""
    left = list(values)

    def one(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not left:
            return f"%!{verb}(MISSING)"
        text = _verb(verb, left.pop(0), flags, precision)
        if not width:
            return text
        fill = "0" if "0" in flags and "-" not in flags else " "
        return text.ljust(int(width)) if "-" in flags else _filled(text, int(width), fill)

    written = _VERB.sub(one, form)
    extra = ", ".join(f"{_kind(each)}={shown(each)}" for each in left)
    return written + (f"%!(EXTRA {extra})" if extra else "")


def _filled(text: str, width: int, fill: str) -> str:
    return text.zfill(width) if fill == "0" else text.rjust(width)


def _kind(value: Any) -> str:
    names: Sequence[tuple[type, str]] = (
        *((bool, "bool"), (int, "int"), (float, "float64"), (str, "string")),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "value")


def _verb(verb: str, value: Any, flags: str, precision: str | None) -> str:
    match verb:
        case "v":
            return shown(value)
        case "s" if isinstance(value, str):
            return value if precision is None else value[: int(precision)]
        case "q" if isinstance(value, str):
            return '"' + value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'
        case "t" if isinstance(value, bool):
            return shown(value)
        case "d" if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:+d}" if "+" in flags else str(value)
        case "x" | "X" | "o" | "b" if isinstance(value, int) and not isinstance(value, bool):
            return format(value, verb)
        case "f" | "F" | "e" | "E" | "g" | "G" if isinstance(value, float):
            return _float(verb, value, flags, precision)
    return f"%!{verb}({_kind(value)}={shown(value)})"


def _float(verb: str, value: float, flags: str, precision: str | None) -> str:
    if not math.isfinite(value):
        return short_text(value)
    if verb in "gG" and precision is None:
        return short_text(value)
    sign = "+" if "+" in flags else ""
    return format(value, f"{sign}.{precision or 6 if precision != '0' else 0}{verb}")


def number(value: Any) -> float:
    """Return the number that a value is or writes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value.replace("_", "x"))
        except ValueError:
            raise NotExpanded(f"strconv.ParseFloat: parsing {value!r}: invalid syntax") from None
    raise NotExpanded(f"can't convert {_kind(value)} to float")
