"""What `info()` looks at: which metrics tell of others, and when. Pure.

Its second argument is no vector but a choice of labels, `{data=~".*"}`: that an empty label fits
all of it is no mistake there. The parser takes it for one, so the choice is noted before it reads.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.promql.quotation import PASSED
from metrics.promql.tree import Expr, Selector, Stretch, selectors

CHOICE = "\ue000info"
_TARGET_INFO = Matcher(NAME, Op.EQUAL, "target_info")
_ANY_INFO = Matcher(NAME, Op.MATCHES, ".+_info")
_TOKEN = re.compile(
    rf"""
    {PASSED}
    |(?P<opened>(?P<call>[A-Za-z_][\w:]*\s*)?\()
    |(?P<closed>\))
    |(?P<comma>,\s*(?P<brace>\{{\s*(?P<empty>\}}?))?)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_NOTED = re.compile(rf'"{CHOICE}"!="",?\s*')


def noted(text: str) -> str:
    """Return the query with the choices of `info()` noted as such."""
    if "info" not in text.lower():
        return text
    calls: list[str] = []

    def seen(found: re.Match[str]) -> str:
        if found["opened"]:
            calls.append((found["call"] or "").strip().lower())
        elif found["closed"] and calls:
            calls.pop()
        elif found["brace"] and calls[-1:] == ["info"]:
            note = f'{{"{CHOICE}"!=""'
            return f", {note}}}" if found["empty"] else f", {note},"
        return found[0]

    return _TOKEN.sub(seen, text)


def without_notes(laid_out: str) -> str:
    """Return what the parser has laid out without the notes."""
    return _NOTED.sub("", laid_out)


def telling(part: Expr, asked: Sequence[Matcher], within: tuple[Stretch, ...]) -> Selector:
    """Return the selector of what tells of `part`: of `target_info`, unless names are asked for.

    It is looked at when the first selector of `part` is: `info(x @ 0)` tells how things were then.
    """
    named = [matcher for matcher in asked if matcher.name == NAME]
    if not named:
        asked = (_TARGET_INFO, *asked)
    elif all(matcher.op in (Op.NOT_EQUAL, Op.DIFFERS) for matcher in named):
        asked = (_ANY_INFO, *asked)
    found = Selector(tuple(asked), within=within)
    first = next(selectors(part), None)
    if first is None:
        return found
    at, offset_ms = first.at, first.offset_ms
    for stretch in reversed(first.within[len(within) :]):
        if at is None:
            at, offset_ms = stretch.at, offset_ms + stretch.offset_ms
    return replace(found, at=at, offset_ms=offset_ms)
