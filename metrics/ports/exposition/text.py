"""The text format 0.0.4 and OpenMetrics 1.0 (prometheus/docs: exposition_formats, OpenMetrics).

One line that cannot be read refuses all: half a scrape would be mistaken for a whole one. Pure.
"""

import re
from collections.abc import Iterator, MutableMapping
from math import isfinite

from kit.errors import Invalid
from metrics.ports.exposition.found import MOST, Exposition, Found, Head

SHOWN = 120
LONGEST = 1 << 18
"""Characters of a line: an expression that reads more of one keeps every thread waiting."""
TYPES = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})
OPEN_TYPES = frozenset(
    {"counter", "gauge", "histogram", "summary", "unknown", "info", "stateset", "gaugehistogram"}
)
END = "# EOF"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_HEAD = r"(?:[a-zA-Z_:][a-zA-Z0-9_:]*+)?+[ \t]*+(?:\{(?:[^\"{}]|" + _QUOTED + r")*+\})?+"
_SAMPLE = re.compile(
    rf"[ \t]*+({_HEAD})[ \t]*+([0-9a-zA-Z.+-]++)(?:[ \t]++([^ \t#]++))?+[ \t]*+(#.*+)?+"
)
_VALUE = re.compile(r"[0-9a-zA-Z.+-]++")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*+")
_PAIR = re.compile(
    rf"[ \t]*+([a-zA-Z_][a-zA-Z0-9_]*+|{_QUOTED})[ \t]*+(?:=[ \t]*+({_QUOTED}))?+[ \t]*+(?:,|$)"
)
_ESCAPED = re.compile(r"\\(.)")
_ABOUT = re.compile(
    rf"#[ \t]*+(HELP|TYPE|UNIT)[ \t]++({_NAME.pattern}|{_QUOTED})(?:[ \t]++(.*+))?+"
)
_UNESCAPED = {"n": "\n", '"': '"', "\\": "\\"}

Heads = MutableMapping[str, Head]
"""Heads by the text they were written in: exporters say the same again and again."""


def parsed(
    text: str, *, open_metrics: bool = False, heads: Heads | None = None, most: int = MOST
) -> Exposition:
    """Return what a text says, of at most `most` samples; `heads` is read and filled."""
    found = Exposition()
    known: Heads = {} if heads is None else heads
    lines = _lines(text, open_metrics=open_metrics)
    for number, line in enumerate(lines, 1):
        try:
            if len(line) > LONGEST:
                raise Invalid(f"longer than {LONGEST} characters: {line[:SHOWN]!r}")
            if not line.startswith("#"):
                if line.strip(" \t"):
                    found.room(most)
                    found.samples.append(_sample(line, known, open_metrics=open_metrics))
            else:
                _about(line, found, OPEN_TYPES if open_metrics else TYPES)
        except Invalid as why:
            raise Invalid(f"line {number}: {why.detail}") from None
    return found


def _lines(text: str, *, open_metrics: bool) -> Iterator[str]:
    lines = text.split("\n")
    if open_metrics:
        while lines and not lines[-1]:
            lines.pop()
        if not lines or lines.pop() != END:
            raise Invalid(f"the text does not end with {END}")
        if END in lines:
            raise Invalid(f"something follows {END}")
    return iter(lines)


def _about(line: str, found: Exposition, types: frozenset[str]) -> None:
    about = _ABOUT.fullmatch(line)
    if about is None:
        return
    name = _unquoted(about[2]) if about[2].startswith('"') else about[2]
    if about[1] != "TYPE":
        told = found.helps if about[1] == "HELP" else found.units
        told[name] = _unescaped(about[3] or "")
        return
    kind = (about[3] or "").strip(" \t")
    if kind not in types:
        raise Invalid(f"unknown type {kind[:SHOWN]!r}")
    if name in found.kinds:
        raise Invalid(f"a second TYPE of {name[:SHOWN]!r}")
    found.kinds[name] = kind


def _sample(line: str, heads: Heads, *, open_metrics: bool) -> Found:
    before, _, last = line.rpartition(" ")
    head = heads.get(before)
    if head is not None:
        return Found(head, value_of(last), None)
    parts = _SAMPLE.fullmatch(line)
    if parts is None or (parts[4] and not open_metrics):
        raise Invalid(f"no sample: {line[:SHOWN]!r}")
    written, value, at, _ = parts.groups()
    written = written.strip(" \t")
    head = heads.get(written)
    if head is None:
        head = heads[written] = _head(written)
    when = None if at is None else _time(at, open_metrics=open_metrics)
    return Found(head, value_of(value), when)


def value_of(text: str) -> float:
    """Return a value as Go reads it."""
    try:
        if not _VALUE.fullmatch(text):
            raise ValueError(text)
        return float(text)
    except ValueError:
        raise Invalid(f"no value: {text[:SHOWN]!r}") from None


def _time(text: str, *, open_metrics: bool) -> int:
    try:
        if not open_metrics:
            return _within(int(text))
        seconds = float(text)
        if not isfinite(seconds):
            raise ValueError(text)
        return _within(round(seconds * 1000))
    except ValueError:
        raise Invalid(f"no time: {text[:SHOWN]!r}") from None


def _within(at: int) -> int:
    if abs(at) >= 2**62:
        raise ValueError(at)
    return at


def _head(written: str) -> Head:
    start = _NAME.match(written)
    name = start[0] if start else ""
    rest = written[len(name) :].lstrip(" \t")
    labels: list[tuple[str, str]] = []
    inside, at = rest[1:-1] if rest else "", 0
    while at < len(inside.rstrip(" \t")):
        pair = _PAIR.match(inside, at)
        if pair is None:
            raise Invalid(f"no label: {inside[at : at + SHOWN]!r}")
        at = pair.end()
        key = _unquoted(pair[1]) if pair[1].startswith('"') else pair[1]
        if pair[2] is not None:
            labels.append((key, _unquoted(pair[2])))
        elif not name and not labels and pair[1].startswith('"'):
            name = key  # {"a name of any letters", label="value"}
        else:
            raise Invalid(f"a label without a value: {key[:SHOWN]!r}")
    if not name:
        raise Invalid("a sample without a name")
    if len({key for key, _ in labels}) != len(labels):
        raise Invalid(f"a label of {name[:SHOWN]!r} stands there twice")
    return Head(name, tuple(labels))


def _unquoted(text: str) -> str:
    return _unescaped(text[1:-1])


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[0]), text)
