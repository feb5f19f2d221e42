"""A rule's limits in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerting.lifecycle import AT_ONCE, Ladder, Level, Test
from kit.i18n import t
from kit.wording import duration, quantity


@dataclass(frozen=True)
class LevelView:
    """One line of a ladder: P1 to P4, `recover` or `absent`, and what it says."""

    name: str
    words: str


def ladder(of: Ladder, unit: str, locale: str) -> list[LevelView]:
    """Return the lines of a ladder, the gravest first."""
    return list(_lines(of, unit, locale))


def _lines(of: Ladder, unit: str, locale: str) -> Iterator[LevelView]:
    for priority, level in sorted(of.levels.items()):
        yield LevelView(priority.value, said(level, unit, locale))
    if of.recover is not None:
        yield LevelView("recover", said(of.recover, unit, locale))
    if of.absent is not None:
        held = duration(of.absent.hold, locale)
        name = t(f"priority.{of.absent.priority}", locale)
        yield LevelView("absent", t("level.absent", locale, held=held, priority=name))


def said(level: Level, unit: str, locale: str) -> str:
    """Return a test and its wait in words."""
    limit = quantity(level.limit, unit, locale) if level.test is not Test.PRESENT else ""
    words = t(f"level.{level.test}", locale, limit=limit) if limit else t("level.present", locale)
    if level.hold == AT_ONCE:
        return words
    return t("level.held", locale, test=words, held=duration(level.hold, locale))
