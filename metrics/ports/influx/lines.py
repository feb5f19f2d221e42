"""One line of the line protocol: measurement and tags, fields, a time. Pure."""

import re
from collections.abc import Iterator
from math import isinf
from typing import NamedTuple

from kit.errors import Invalid

LINE_MOST = 1024 * 1024
"""Bytes of a line that is looked at."""
SHOWN = 100
TRUE = frozenset({b"t", b"T", b"true", b"True", b"TRUE"})
FALSE = frozenset({b"f", b"F", b"false", b"False", b"FALSE"})
SIGNED, UNSIGNED = range(-(2**63), 2**63), range(2**64)
_ESCAPED = rb"\\."
_LINE = re.compile(
    rb"((?:[^\\ ]|" + _ESCAPED + rb")++) +"
    rb"((?:[^\\ \"]|" + _ESCAPED + rb'|"(?:[^"\\]|' + _ESCAPED + rb')*+")++)'
    rb"(?: +(-?[0-9]++))? *"
)
_PART = re.compile(rb"((?:[^\\,]|" + _ESCAPED + rb")++)(?:,|$)")
_PAIR = re.compile(rb"((?:[^\\=]|" + _ESCAPED + rb")++)=((?:[^\\=]|" + _ESCAPED + rb")*+)")
_FIELD = re.compile(
    rb'((?:[^\\=,"]|' + _ESCAPED + rb')++)=("(?:[^"\\]|' + _ESCAPED + rb')*+"|[^",=]++)(?:,|$)'
)
_UNESCAPED = re.compile(rb"\\([, =])")
_WHOLE = re.compile(rb"[+-]?[0-9]++")
_FLOAT = re.compile(rb"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_NO_NAME = re.compile(r"[^\w:]")
_NO_LABEL = re.compile(r"\W")


class Line(NamedTuple):
    """A line taken apart; `head` is measurement and tags as they were written."""

    head: bytes
    fields: list[tuple[bytes, float]]
    time: int | None


def parsed(line: bytes) -> Line:
    """Return a line taken apart; fields that are text are left out."""
    if len(line) > LINE_MOST:
        raise Invalid(f"a line of more than {LINE_MOST} bytes")
    if b"\\" in line or b'"' in line:
        found = _LINE.fullmatch(line)
        if found is None:
            raise Invalid(f"unable to parse {_shown(line)}")
        head, fields, time = found.groups()
        return Line(head, list(_escaped(fields)), _time(time) if time else None)
    parts = line.split()
    if not 2 <= len(parts) <= 3:
        raise Invalid(f"unable to parse {_shown(line)}: missing fields")
    return Line(parts[0], list(_plain(parts[1])), _time(parts[2]) if len(parts) == 3 else None)


def _time(text: bytes) -> int:
    if not _WHOLE.fullmatch(text) or len(text) > 20:
        raise Invalid(f"bad timestamp {_shown(text)}")
    return int(text)


def _plain(fields: bytes) -> Iterator[tuple[bytes, float]]:
    for one in fields.split(b","):
        name, equals, value = one.partition(b"=")
        if not name or not equals:
            raise Invalid(f"missing field value in {_shown(one)}")
        yield name, value_of(value)


def _escaped(fields: bytes) -> Iterator[tuple[bytes, float]]:
    at = 0
    while at < len(fields):
        found = _FIELD.match(fields, at)
        if found is None or (found.end() == len(fields) and fields.endswith(b",")):
            raise Invalid(f"missing field value in {_shown(fields[at:])}")
        at = found.end()
        if not found[2].startswith(b'"'):
            yield found[1], value_of(found[2])


def value_of(text: bytes) -> float:
    """Return the value of a field that is no text: numbers, and 1 or 0 for booleans."""
    kind = text[-1:]
    if kind in (b"i", b"u"):
        number = text[:-1]
        if _WHOLE.fullmatch(number) and len(number) <= 20:
            whole = int(number)
            if whole in (SIGNED if kind == b"i" else UNSIGNED):
                return float(whole)
    elif text in TRUE:
        return 1.0
    elif text in FALSE:
        return 0.0
    elif _FLOAT.fullmatch(text):
        value = float(text)
        if not isinf(value):
            return value
    raise Invalid(f"bad field value {_shown(text)}")


def named(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return measurement and tags as text, the names of tags as labels have them."""
    parts = _PART.findall(head)
    if b",".join(parts) != head:
        raise Invalid(f"unable to parse {_shown(head)}")
    tags = []
    for part in parts[1:]:
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise Invalid(f"missing tag value in {_shown(part)}")
        name, value = text_of(pair[1]), text_of(pair[2])
        tags.append((_NO_LABEL.sub("_", name), value))
    return text_of(parts[0]), tags


def metric_name(measurement: str, field: bytes) -> str:
    """Return the name of the series of one field."""
    return _NO_NAME.sub("_", f"{measurement}_{text_of(field)}")


def text_of(raw: bytes) -> str:
    """Return what was written with escapes."""
    try:
        return _UNESCAPED.sub(rb"\1", raw).decode()
    except UnicodeDecodeError:
        raise Invalid("not valid UTF-8") from None


def _shown(raw: bytes) -> str:
    return repr(raw[:SHOWN].decode("utf-8", "replace"))
