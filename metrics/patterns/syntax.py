"""Reads Go's regular expression syntax (RE2) into a tree; the source is golang.org/s/re2syntax."""

import re
from dataclasses import dataclass, replace

from kit.errors import Invalid
from metrics.patterns.escapes import escape, named_class
from metrics.patterns.nodes import ANY, LAST, Chain, Choice, Letters, Node, Repeat, Where

MOST_REPEATS = 1000
MOST_DEPTH = 100
_COUNT = re.compile(r"\{(\d+)(,(\d*))?\}")
_NAME = re.compile(r"P?<[A-Za-z0-9_]+>")
_FLAGS = re.compile(r"([imsU]*)(?:-([imsU]+))?([:)])")
_NO_NEWLINE = Letters(((10, 10),), negated=True)


@dataclass(frozen=True, slots=True)
class _Flags:
    folded: bool = False
    lines: bool = False
    dot_all: bool = True  # Prometheus sets it since version 3


class Reader:
    """Reads one expression; `at` is how far it came."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def read(self) -> Node:
        """Return the tree of the whole text, or refuse."""
        node = self._choice(_Flags())
        if self.at < len(self.text):
            raise self.wrong("unexpected )")
        return node

    def wrong(self, why: str) -> Invalid:
        """Return the refusal that says what is wrong with the expression."""
        return Invalid(f"error parsing regexp {self.text!r}: {why}")

    def _sees(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _choice(self, flags: _Flags) -> Node:
        choices: list[Node] = []
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self._sees("|"):
                choices.append(Chain(tuple(parts)))
                parts = []
            elif self.text.startswith("(", self.at):
                part, flags = self._group(flags)
                parts.append(self._repeated(part))
            else:
                parts.append(self._repeated(self._one(flags)))
        choices.append(Chain(tuple(parts)))
        return choices[0] if len(choices) == 1 else Choice(tuple(choices))

    def _group(self, flags: _Flags) -> tuple[Node, _Flags]:
        self.at += 1
        inner = flags
        if self._sees("?"):
            name = _NAME.match(self.text, self.at)
            asked = None if name else _FLAGS.match(self.text, self.at)
            found = name or asked
            if not found:
                raise self.wrong("invalid or unsupported Perl syntax after (?")
            self.at = found.end()
            if asked:
                inner = _with(flags, asked[1], asked[2] or "")
                if asked[3] == ")":
                    return Chain(), inner
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.wrong("expression nests too deeply")
        node = self._choice(inner)
        self.depth -= 1
        if not self._sees(")"):
            raise self.wrong("missing closing )")
        return node, flags

    def _one(self, flags: _Flags) -> Node:
        letter = self.text[self.at]
        self.at += 1
        match letter:
            case ".":
                return ANY if flags.dot_all else _NO_NEWLINE
            case "^":
                return Where.LINE_START if flags.lines else Where.TEXT_START
            case "$":
                return Where.LINE_END if flags.lines else Where.TEXT_END
            case "[":
                return self._letters(flags)
            case "\\":
                return self._escaped(flags)
            case "*" | "+" | "?":
                raise self.wrong(f"missing argument to repetition operator {letter}")
        if letter == "{" and _COUNT.match(self.text, self.at - 1):
            raise self.wrong("missing argument to repetition operator {}")
        return _literal(letter, flags)

    def _escaped(self, flags: _Flags) -> Node:
        if self._sees("Q"):
            quoted, _, _ = self.text[self.at :].partition("\\E")
            self.at = min(self.at + len(quoted) + 2, len(self.text))
            return Chain(tuple(_literal(letter, flags) for letter in quoted))
        if self._sees("E"):
            return Chain()
        found, self.at = escape(self.text, self.at)
        if found is None:
            raise self.wrong("invalid escape sequence")
        return replace(found, folded=flags.folded) if isinstance(found, Letters) else found

    def _letters(self, flags: _Flags) -> Letters:
        negated = self._sees("^")
        ranges: list[tuple[int, int]] = []
        categories: list[tuple[str, bool]] = []
        first = True
        while first or not self.text.startswith("]", self.at):
            first = False
            if self.at >= len(self.text):
                raise self.wrong("missing closing ]")
            found = self._member()
            if found.categories or found.negated or len(found.ranges) != 1:
                ranges.extend(_positive(found))
                categories.extend(found.categories)
            else:
                ranges.append(self._range(found.ranges[0]))
        self.at += 1
        return Letters(tuple(ranges), tuple(categories), negated, flags.folded)

    def _member(self) -> Letters:
        if self.text.startswith("[:", self.at):
            found, self.at = named_class(self.text, self.at)
            if found is None:
                raise self.wrong("invalid character class range")
            return found
        letter = self.text[self.at]
        self.at += 1
        if letter != "\\":
            return Letters(((ord(letter), ord(letter)),))
        escaped, self.at = escape(self.text, self.at)
        if not isinstance(escaped, Letters):
            raise self.wrong("invalid escape sequence")
        return escaped

    def _range(self, first: tuple[int, int]) -> tuple[int, int]:
        dash = self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at)
        if first[0] != first[1] or not dash or self.at + 1 >= len(self.text):
            return first
        self.at += 1
        last = self._member()
        single = len(last.ranges) == 1 and last.ranges[0][0] == last.ranges[0][1]
        if not single or last.negated or last.ranges[0][0] < first[0]:
            raise self.wrong("invalid character class range")
        return first[0], last.ranges[0][0]

    def _repeated(self, part: Node) -> Node:
        times = self._times()
        if times is None:
            return part
        self._sees("?")  # lazy or not is the same for a whole match
        if self._times() is not None:
            raise self.wrong("invalid nested repetition operator")
        return Repeat(part, *times)

    def _times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._sees(sign):
                return times
        found = _COUNT.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise self.wrong("invalid repeat count")
        return least, most


def _literal(letter: str, flags: _Flags) -> Letters:
    return Letters(((ord(letter), ord(letter)),), folded=flags.folded)


def _with(flags: _Flags, on: str, off: str) -> _Flags:
    names = {"i": "folded", "m": "lines", "s": "dot_all"}
    changes = {names[f]: True for f in on if f in names}
    changes |= {names[f]: False for f in off if f in names}
    return replace(flags, **changes)


def _positive(letters: Letters) -> tuple[tuple[int, int], ...]:
    if not letters.negated:
        return letters.ranges
    found, low = [], 0
    for start, end in sorted(letters.ranges):
        if low < start:
            found.append((low, start - 1))
        low = max(low, end + 1)
    return (*found, (low, LAST)) if low <= LAST else tuple(found)
