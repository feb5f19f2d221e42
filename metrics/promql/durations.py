"""Arithmetic in durations, `rate(x[5m * 2] offset (1h / 4))`, worked out before the parser reads.

Prometheus has it since 3.4, the parser that we use does not: see decision 19. Only what stands
in brackets of a range, and in parentheses after `offset`, is rewritten: to the one length that
it is. Pure.
"""

import math
import re
from collections.abc import Callable

from kit.errors import Invalid

_UNITS = {
    **{"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0},
    **{"d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0},
}
_LENGTH = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+(?![\w.])")
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LITERAL = re.compile(rf"\s*(?:{_LENGTH.pattern}|{_NUMBER.pattern})?\s*")
_PLACES = re.compile(
    r"""
    (?P<passed>\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    |\[(?P<range>[^\[\]"'`]*)\]
    |\boffset(?P<sign>[\s+-]*)(?=\()
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_JOINED: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"+": lambda left, right: left + right, "-": lambda left, right: left - right},
    {"*": lambda left, right: left * right, "/": lambda left, right: left / right, "%": math.fmod},
)


def worked_out(text: str) -> str:
    """Return the query with every duration that is computed written as the length it is."""
    written, done = [], 0
    for found in _PLACES.finditer(text):
        if found.start() < done or found["passed"]:
            continue
        written.append(text[done : found.start()])
        if found["range"] is not None:
            ranged = ":".join(_range(part) for part in found["range"].split(":"))
            written.append(f"[{ranged}]")
            done = found.end()
        else:
            reading = _Reading(text, found.end())
            seconds = reading.single() * (-1) ** found["sign"].count("-")
            # the parser takes no offset of nothing
            written.append(f"offset {_milliseconds(seconds)}ms" if seconds else "")
            done = reading.at
    return "".join([*written, text[done:]])


def _range(part: str) -> str:
    if _LITERAL.fullmatch(part):
        return part
    reading = _Reading(part, 0)
    seconds = reading.whole()
    if not seconds > 0:
        raise _wrong("duration must be greater than 0")
    return f"{_milliseconds(seconds)}ms"


def _milliseconds(seconds: float) -> int:
    if not math.isfinite(seconds):
        raise _wrong("duration out of range")
    return int(seconds * 1000)


def _wrong(why: str) -> Invalid:
    return Invalid("parse error: {error}", field="query", error=why)


class _Reading:
    """One expression on its way from left to right; `at` is where it goes on."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at

    def whole(self) -> float:
        """Return what all of the text comes to."""
        seconds = self._sum(0)
        if self._next():
            raise _wrong(f"unexpected character {self._next()!r} in duration expression")
        return seconds

    def single(self) -> float:
        """Return what a length, a number or a parenthesis comes to."""
        if self._takes("("):
            seconds = self._sum(0)
            if not self._takes(")"):
                raise _wrong("unclosed left parenthesis in duration expression")
            return seconds
        self._next()
        if found := _LENGTH.match(self.text, self.at):
            self.at = found.end()
            return sum(int(n) * _UNITS[unit] for n, unit in _PART.findall(found[0]))
        if found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            return float(found[0])
        raise _wrong("a duration was expected")

    def _sum(self, level: int) -> float:
        if level == len(_JOINED):
            return self._signed()
        left = self._sum(level + 1)
        while (op := self._next()) in _JOINED[level]:
            self.at += 1
            right = self._sum(level + 1)
            if op in "/%" and not right:
                raise _wrong("division by zero" if op == "/" else "modulo by zero")
            left = _JOINED[level][op](left, right)
        return left

    def _signed(self) -> float:
        if self._takes("-"):
            return -self._signed()
        if self._takes("+"):
            return self._signed()
        base = self.single()
        if not self._takes("^"):
            return base
        try:
            return math.pow(base, self._signed())
        except (OverflowError, ValueError):
            raise _wrong("duration out of range") from None

    def _next(self) -> str:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _takes(self, wanted: str) -> bool:
        if self._next() != wanted:
            return False
        self.at += 1
        return True
