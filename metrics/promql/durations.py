"""Arithmetic in durations, `rate(x[5m * 2] offset (1h / 4))`, worked out before the parser reads.

Prometheus has it since 3.4, the parser that we use does not: see decision 19. Only what stands
in brackets of a range, and in parentheses or a function of durations after `offset`, is rewritten:
to the one length that it is. What `step()` and `range()` are, the query has to say. Pure.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from kit.errors import Invalid
from metrics.promql.quotation import PASSED
from metrics.promql.refusals import unsupported

_UNITS = {
    **{"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0},
    **{"d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0},
}
_LENGTH = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+(?![\w.])")
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LITERAL = re.compile(rf"\s*(?:{_LENGTH.pattern}|{_NUMBER.pattern})?\s*")
_PLACES = re.compile(
    rf"""
    (?P<passed>{PASSED})
    |\[(?P<range>[^\[\]"'`]*)\]
    |\boffset(?P<sign>[\s+-]*)(?=\(|(?:step|range|min(?:_of)?|max(?:_of)?)\s*\()
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
# without _of as it was before 3.13
_FUNCTION = re.compile(r"(step|range|min(?:_of)?|max(?:_of)?)(?=\s*\()", re.IGNORECASE)
_JOINED: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"+": lambda left, right: left + right, "-": lambda left, right: left - right},
    {"*": lambda left, right: left * right, "/": lambda left, right: left / right, "%": math.fmod},
)


@dataclass(frozen=True, slots=True)
class Frame:
    """How long a query asks, and how far apart (ms): none at all where it asks of one moment."""

    range_ms: int = 0
    step_ms: int = 0


AT_ONCE = Frame()


def worked_out(text: str, frame: Frame | None = AT_ONCE) -> str:
    """Return the query with every duration that is computed written as the length it is.

    Without a frame nobody knows what `step()` and `range()` are.
    """
    written, done = [], 0
    for found in _PLACES.finditer(text):
        if found.start() < done or found["passed"]:
            continue
        written.append(text[done : found.start()])
        if found["range"] is not None:
            ranged = ":".join(_range(part, frame) for part in found["range"].split(":"))
            written.append(f"[{ranged}]")
            done = found.end()
        else:
            reading = _Reading(text, found.end(), frame)
            seconds = reading.single() * (-1) ** found["sign"].count("-")
            # the parser takes no offset of nothing
            written.append(f"offset {_milliseconds(seconds)}ms" if seconds else "")
            done = reading.at
    return "".join([*written, text[done:]])


def _range(part: str, frame: Frame | None) -> str:
    if _LITERAL.fullmatch(part):
        return part
    reading = _Reading(part, 0, frame)
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

    def __init__(self, text: str, at: int, frame: Frame | None) -> None:
        self.text, self.at, self.frame = text, at, frame

    def whole(self) -> float:
        """Return what all of the text comes to."""
        seconds = self._sum(0)
        if self._next():
            raise _wrong(f"unexpected character {self._next()!r} in duration expression")
        return seconds

    def single(self) -> float:
        """Return what a length, a number, a function or a parenthesis comes to."""
        if self._takes("("):
            seconds = self._sum(0)
            self._closes()
            return seconds
        self._next()
        if found := _FUNCTION.match(self.text, self.at):
            self.at = found.end()
            return self._called(found[0].lower())
        if found := _LENGTH.match(self.text, self.at):
            self.at = found.end()
            return sum(int(n) * _UNITS[unit] for n, unit in _PART.findall(found[0]))
        if found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            return float(found[0])
        raise _wrong("a duration was expected")

    def _called(self, name: str) -> float:
        self._takes("(")
        if name in ("step", "range"):
            self._closes()
            if self.frame is None:
                raise unsupported("step() or range() in a duration, where no query is asked,")
            return (self.frame.step_ms if name == "step" else self.frame.range_ms) / 1000
        one = self._sum(0)
        if not self._takes(","):
            raise _wrong(f"{name} takes two durations")
        other = self._sum(0)
        self._closes()
        return min(one, other) if name.startswith("min") else max(one, other)

    def _closes(self) -> None:
        if not self._takes(")"):
            raise _wrong("unclosed left parenthesis in duration expression")

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
