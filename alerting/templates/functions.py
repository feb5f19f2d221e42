"""The functions of templates: Go's own, and those that Prometheus documents. Pure."""

import html
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import re2

from alerting.templates.context import Sample
from alerting.templates.printing import formatted, number, printed, shown, truth
from alerting.templates.refusals import NotExpanded
from kit import durations
from metrics.promql.numbers import short_text

QUERIES = frozenset(("query", "externalURL", "pathPrefix", "now"))
"""What is asked of the context."""

_LARGE = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_GO_GROUP = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def _four(value: float) -> str:
    """Return four significant digits, as Go's %.4g."""
    text = f"{value:.4g}"
    return re.sub(r"e([+-])(\d)$", r"e\g<1>0\2", text)


def _reduced(value: float, by: int, prefixes: Sequence[str]) -> str:
    place = 0
    while abs(value) >= by and place < len(prefixes) - 1:
        value, place = value / by, place + 1
    return _four(value) + prefixes[place]


def _enlarged(value: float) -> str:
    place = 0
    while abs(value) < 1 and place < len(_SMALL) - 1:
        value, place = value * 1000, place + 1
    return _four(value) + _SMALL[place]


def _humanize(given: Any) -> str:
    value = number(given)
    if not math.isfinite(value):
        return short_text(value)
    if value == 0:
        return _four(value)
    return _reduced(value, 1000, _LARGE) if abs(value) >= 1 else _enlarged(value)


def _humanize_binary(given: Any) -> str:
    value = number(given)
    if not math.isfinite(value):
        return short_text(value)
    return _four(value) if abs(value) <= 1 else _reduced(value, 1024, _BINARY)


def _humanize_duration(given: Any) -> str:
    value = number(given)
    if not math.isfinite(value):
        return short_text(value)
    if value == 0:
        return "0s"
    return _whole_duration(value) if abs(value) >= 1 else f"{_enlarged(value)}s"


def _whole_duration(value: float) -> str:
    sign, whole = ("-", -value) if value < 0 else ("", value)
    seconds, minutes = int(whole) % 60, int(whole) // 60 % 60
    hours, days = int(whole) // 3600 % 24, int(whole) // 86400
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_four(whole)}s"


def _humanize_percentage(given: Any) -> str:
    return f"{_four(number(given) * 100)}%"


def _time(given: Any) -> datetime:
    value = number(given)
    if not math.isfinite(value):
        raise NotExpanded(f"{short_text(value)} is no moment")
    return datetime.fromtimestamp(value, UTC)


def _humanize_timestamp(given: Any) -> str:
    value = number(given)
    return shown(_time(value)) if math.isfinite(value) else short_text(value)


def _to_duration(given: Any) -> str:
    return f"{number(given):g}s"


def _parse_duration(text: str) -> float:
    return durations.parse(text).total_seconds()


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise NotExpanded(f"{pattern!r} is not a regular expression") from None


def _match(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None


def _replace(pattern: str, replacement: str, text: str) -> str:
    def filled(found: Any) -> str:
        return _GO_GROUP.sub(lambda place: _group(found, place[1] or place[2]), replacement)

    replaced: str = _compiled(pattern).sub(filled, text)
    return replaced


def _group(found: Any, name: str | None) -> str:
    """Return what a group of a match holds; one that there is not holds nothing."""
    if name is None:
        return "$"
    try:
        return found.group(int(name) if name.isdigit() else name) or ""
    except (IndexError, re2.error):
        return ""


def _strip_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def _strip_domain(text: str) -> str:
    host, port = _strip_port(text), text[len(_strip_port(text)) :] if ":" in text else ""
    if re.fullmatch(r"[\d.]+|[0-9a-fA-F:]+", host):
        return text
    return host.partition(".")[0] + port


def _first(found: Sequence[Sample]) -> Sample:
    if not found:
        raise NotExpanded("first() called on vector with no elements")
    return found[0]


def _label(name: str, sample: Sample) -> str:
    return sample.labels.get(name, "")


def _sort_by_label(name: str, found: Sequence[Sample]) -> list[Sample]:
    return sorted(found, key=lambda one: one.labels.get(name, ""))


def _link(tab: int) -> Callable[[str], str]:
    return lambda expr: f"/graph?g0.expr={quote_plus(expr)}&g0.tab={tab}"


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key, "") if isinstance(value, Mapping) else value[key]
    return value


def _slice(value: Any, *ends: int) -> Any:
    return value[slice(*ends)] if len(ends) > 1 else value[ends[0] if ends else 0 :]


def _alike(one: Any, other: Any) -> None:
    kinds = [bool, int, float, str]
    kind = [next((k for k in kinds if isinstance(each, k)), None) for each in (one, other)]
    if None in kind or (kind[0] is not kind[1]):
        raise NotExpanded("incompatible types for comparison")


def _equal(one: Any, *others: Any) -> bool:
    for other in others:
        _alike(one, other)
    return any(one == other for other in others)


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(one: Any, other: Any) -> bool:
        _alike(one, other)
        return test(one, other)

    return compare


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "not": lambda value: not truth(value),
    "len": len,
    "index": _index,
    "slice": _slice,
    "print": printed,
    "printf": formatted,
    "println": lambda *values: " ".join(map(shown, values)) + "\n",
    "html": lambda *values: html.escape(printed(*values)).replace("&#x27;", "&#39;"),
    "js": lambda *values: json.dumps(printed(*values))[1:-1],
    "urlquery": lambda *values: quote_plus(printed(*values)),
    "eq": _equal,
    "ne": lambda one, other: not _equal(one, other),
    "lt": _compared(lambda one, other: one < other),
    "le": _compared(lambda one, other: one <= other),
    "gt": _compared(lambda one, other: one > other),
    "ge": _compared(lambda one, other: one >= other),
    "first": _first,
    "label": _label,
    "value": lambda sample: sample.value,
    "strvalue": lambda sample: sample.labels.get("__value__", ""),
    "sortByLabel": _sort_by_label,
    "args": lambda *values: {f"arg{number}": value for number, value in enumerate(values)},
    "safeHtml": str,
    "match": _match,
    "reReplaceAll": _replace,
    "title": lambda text: re.sub(r"(?:^|(?<=[^\w']))\w", lambda m: m[0].upper(), text),
    "toUpper": str.upper,
    "toLower": str.lower,
    "stripPort": _strip_port,
    "stripDomain": _strip_domain,
    "humanize": _humanize,
    "humanize1024": _humanize_binary,
    "humanizeDuration": _humanize_duration,
    "humanizePercentage": _humanize_percentage,
    "humanizeTimestamp": _humanize_timestamp,
    "toTime": _time,
    "toDuration": _to_duration,
    "parseDuration": _parse_duration,
    "graphLink": _link(0),
    "tableLink": _link(1),
    "urlQueryEscape": quote_plus,
    "urlPathEscape": lambda text: quote(text, safe=""),
}
