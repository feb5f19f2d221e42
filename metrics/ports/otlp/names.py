"""OTLP names as Prometheus writes them (prometheus/otlptranslator, with suffixes). Pure."""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from math import inf

UNITS = {
    **{"d": "days", "h": "hours", "min": "minutes", "s": "seconds"},
    **{"ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"},
    **{"By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes"},
    **{"TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes"},
    **{"TBy": "terabytes", "m": "meters", "V": "volts", "A": "amperes", "J": "joules"},
    **{"W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent"},
}
PER = {
    **{"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"},
    **{"mo": "month", "y": "year"},
}
RATIO = "1"
_WORDS = re.compile(r"[a-zA-Z0-9:]+")
_BAD = re.compile(r"[^a-zA-Z0-9_]")


@lru_cache(maxsize=10_000)
def metric_name(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """Return the name of a metric with the suffixes of its unit and kind."""
    words = _WORDS.findall(name)
    main, _, per = (part.strip() for part in unit.partition("/"))
    if main and "{" not in main:
        words += _new(words, UNITS.get(main, main))
    if per and "{" not in per:
        more = _new(words, PER.get(per, per))
        words += ["per", *more] if more else []
    if counter:
        words = [*(word for word in words if word != "total"), "total"]
    if gauge and unit == RATIO:
        words = [*(word for word in words if word != "ratio"), "ratio"]
    made = "_".join(words)
    return f"_{made}" if made[:1].isdigit() else made


def _new(words: list[str], unit: str) -> list[str]:
    """Return the words of a unit, none if the name has them already."""
    found = _WORDS.findall(unit)
    return [] if not found or "_".join(found) in words else ["_".join(found)]


@lru_cache(maxsize=10_000)
def label_name(key: str) -> str:
    """Return the name of a label for the key of an attribute."""
    made = _BAD.sub("_", key)
    if made[:1].isdigit():
        return f"key_{made}"
    if made.startswith("_") and not made.startswith("__"):
        return f"key{made}"
    return made


def labels_of(attributes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return attributes as labels; values of keys that become one name are joined by `;`."""
    found: dict[str, str] = {}
    for key, value in sorted(attributes):
        name = label_name(key)
        if not name:
            continue
        found[name] = f"{found[name]};{value}" if name in found else value
    return found


@lru_cache(maxsize=10_000)
def number(value: float) -> str:
    """Return a bound or a quantile as Prometheus writes it: never with an exponent."""
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    if value != value:
        return "NaN"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
