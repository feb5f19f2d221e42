"""What a check found: well, doubtful or wrong, in words, with one sentence that says what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kit.i18n import t


class Level(StrEnum):
    """How bad it is; `fail` is what makes the doctor end with 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


MARKS = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `words` is a key of the catalogue under `doctor`."""

    level: Level
    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    check: str = ""

    def said(self, locale: str) -> str:
        """Return what was found."""
        return t(f"doctor.{self.words}", locale, **self.facts)

    def advice(self, locale: str) -> str:
        """Return what to do about it, nothing if all is well."""
        return "" if self.level is Level.OK else t(f"doctor.{self.words}_do", locale, **self.facts)

    def told(self, locale: str) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "check": self.check,
            "level": self.level.value,
            "found": self.said(locale),
            "advice": self.advice(locale),
            "facts": dict(self.facts),
        }


def ok(words: str, **facts: object) -> Finding:
    """All is well."""
    return Finding(Level.OK, words, facts)


def warn(words: str, **facts: object) -> Finding:
    """It works, and somebody should look."""
    return Finding(Level.WARN, words, facts)


def fail(words: str, **facts: object) -> Finding:
    """Something does not work, or will not when it is needed."""
    return Finding(Level.FAIL, words, facts)


def names(of: Iterable[str], most: int = 8) -> str:
    """Return some names as one text."""
    listed = sorted(of)
    return ", ".join(listed[:most]) + (" …" if len(listed) > most else "")
