"""YAML as plain values that know their lines; what could hurt or surprise is refused.

Words are those of YAML 1.2's core schema, so that `no` and `12:30` stay text. There are no
aliases (they could unfold without end), no tags, no second document, no key twice.

Files of others (`foreign`) are read as their programs do: every scalar stays the text that it is,
and aliases stand for what they name, as long as all of it stays small.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from kit.plain import DEEPEST, Place

LONGEST = 1_000_000
NUMBER_MOST = 2**53
UNFOLDED_MOST = 200_000
"""Nodes that the aliases of a foreign file may stand for."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {word: True for word in ("true", "True", "TRUE")}
_WORDS |= {word: False for word in ("false", "False", "FALSE")}


class NotRead(Exception):
    """The file cannot be read beyond this line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


@dataclass
class Tree:
    """The values of a file, the line of each, and what is wrong already."""

    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    wrong: list[tuple[Place, int, str]] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(raw: bytes, *, foreign: bool = False) -> Tree:
    """Return the tree that `raw` writes, or refuse it as `NotRead`."""
    if len(raw) > LONGEST:
        raise NotRead(1, f"the file is longer than {LONGEST:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise NotRead(line, "the file is not UTF-8") from None
    try:
        return (_Foreign if foreign else _Builder)(text).tree()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = ", ".join(part for part in (error.context, error.problem) if part)
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1
        raise NotRead(line, f"this is not YAML: {why}") from None
    except yaml.YAMLError as error:
        line = text[: getattr(error, "position", 0)].count("\n") + 1
        raise NotRead(line, "there is a character that YAML does not allow") from None


class _Builder:
    """Builds values from the parser's events; its depth is bounded, whatever comes."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        self._tree = Tree()

    def tree(self) -> Tree:
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise NotRead(_line(event), "one file is one document; remove the `---`")
                self._tree.value = self._value(next(self._events), ())
        return self._tree

    def _value(self, event: Any, place: Place) -> Any:
        line = _line(event)
        self._tree.lines.setdefault(place, line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise NotRead(line, "anchors and aliases (& and *) are not read; write it out")
        if getattr(event, "tag", None):
            raise NotRead(line, f"tags are not read: {event.tag}")
        if len(place) > DEEPEST:
            raise NotRead(line, f"this is nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        return self._scalar(event, place)

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise NotRead(_line(event), "a key is plain text")
            key = self._text(event, place)
            here = (*place, key)
            if key in found:
                first = self._tree.lines[here]
                self._wrong(here, event, f"{key} stands here twice; first in line {first}")
            self._tree.lines[here] = _line(event)
            found[key] = self._value(next(self._events), here)
        return found

    def _sequence(self, place: Place) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*place, len(found))))
        return found

    def _scalar(self, event: Any, place: Place) -> Any:
        text = self._text(event, place)
        if not event.implicit[0]:  # in quotes or in a block: text, whatever it looks like
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return self._number(int(text), event, place)
        if _FLOAT.fullmatch(text):
            return self._number(float(text), event, place)
        return text

    def _number(self, number: float, event: Any, place: Place) -> float:
        if abs(number) > NUMBER_MOST and (isinstance(number, int) or not math.isfinite(number)):
            self._wrong(place, event, "this number is too large")
            return 0
        return number

    def _text(self, event: Any, place: Place) -> str:
        text = str(event.value)
        if any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) < 0xE000 for c in text):
            self._wrong(place, event, "there is a control character in this text")
            return "?"
        return text

    def _wrong(self, place: Place, event: Any, message: str) -> None:
        self._tree.wrong.append((place, _line(event), message))


class _Foreign(_Builder):
    """Builds the values of somebody else's file."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._named: dict[str, tuple[Any, Place]] = {}
        self._unfolded = 0

    def _value(self, event: Any, place: Place) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        name, event.anchor = event.anchor, None
        found = super()._value(event, place)
        if name:
            self._named[name] = found, place
        return found

    def _alias(self, event: Any, place: Place) -> Any:
        self._tree.lines.setdefault(place, _line(event))
        if event.anchor not in self._named:
            raise NotRead(_line(event), f"nothing is called {event.anchor} above")
        found, _ = self._named[event.anchor]
        self._unfolded += _nodes(found)
        if self._unfolded > UNFOLDED_MOST:
            raise NotRead(_line(event), "the aliases stand for too much")
        return found

    def _mapping(self, place: Place) -> dict[str, Any]:
        found = super()._mapping(place)
        merged = found.pop("<<", None)
        for each in merged if isinstance(merged, list) else [merged]:
            if isinstance(each, dict):
                found = {**each, **found}
        return found

    def _scalar(self, event: Any, place: Place) -> Any:
        text = self._text(event, place)
        plain = event.implicit[0] and text in _WORDS and _WORDS[text] is None
        return None if plain else text


def _nodes(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_nodes, inside))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
