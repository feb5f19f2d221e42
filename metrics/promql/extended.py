"""`anchored` and `smoothed` behind a selector: noted in its braces before the parser reads.

Prometheus has them since 3.7, the parser that we use does not. A word is one of the two only behind
a selector and what may follow it (a range, `offset`, `@`): elsewhere it is a name like any other.
The note is a matcher of a label that nobody has, and every empty label fits. Pure.
"""

import re

from kit.errors import Invalid
from metrics.promql.quotation import TEXT
from metrics.promql.tree import Reach

MARK = "\ue000"
_KEYWORDS = (
    *("and", "or", "unless", "atan2", "by", "without", "on", "ignoring", "bool", "offset"),
    *("group_left", "group_right", "fill", "fill_left", "fill_right"),
)
_AFTER = r"""
    \[[^\]"'`]*\]
    |offset\s*[-+]?\s*[0-9.][0-9a-z.]*
    |@\s*(?:[-+]?\s*[0-9.][0-9a-z.]*(?:(?<=e)[-+][0-9]+)?|(?:start|end)\s*\(\s*\))
"""
_SELECTOR = re.compile(
    rf"""
    (?P<passed>\#[^\n]*)
    |(?:
        (?<![\w:.])(?!(?:{"|".join(_KEYWORDS)})\b)(?P<name>[a-z_:][\w:]*)(?![\w:]|\s*\()
        (?:\s*(?P<braces>\{{(?:[^{{}}"'`]|{TEXT})*\}}))?
        |(?P<bare>\{{(?:[^{{}}"'`]|{TEXT})*\}})
    )
    (?P<after>(?:\s*(?:{_AFTER}|\b(?:anchored|smoothed)\b))*)
    |{TEXT}
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL | re.ASCII,
)
_WORD = re.compile(r"\[[^\]]*\]|\b(?P<word>anchored|smoothed)\b", re.IGNORECASE)
_OF_SUBQUERY = re.compile(r"\s*\[[^\]]*:.*(?:anchored|smoothed)", re.IGNORECASE | re.DOTALL)
_NOTED = re.compile(
    rf"""(?P<before>[^\s{{(]?)\{{"{MARK}(?P<word>\w+)"="",?\s*(?P<rest>(?:[^{{}}"]|{TEXT})*)\}}
    (?P<range>\[[^\]]*\])?""",
    re.VERBOSE | re.DOTALL,
)


def noted(text: str) -> str:
    """Return the query with each of the words noted inside the selector that it stands behind."""
    return _SELECTOR.sub(_with_note, text)


def _with_note(found: re.Match[str]) -> str:
    after = found["after"] or ""
    words = {each["word"].lower() for each in _WORD.finditer(after) if each["word"]}
    if not words:
        return found[0]
    if len(words) > 1:
        raise _wrong("anchored and smoothed modifiers cannot be used together")
    (word,) = words
    if _OF_SUBQUERY.match(after):
        raise _wrong(f"{word} modifier is not supported for subqueries")
    braces = (found["braces"] or found["bare"] or "{}")[1:-1].strip()
    inside = f'"{MARK}{word}"=""' + (f",{braces}" if braces else "")
    kept = _WORD.sub(lambda each: "" if each["word"] else each[0], after)
    return f"{found['name'] or ''}{{{inside}}}{kept}"


def _wrong(why: str) -> Invalid:
    return Invalid("parse error: {error}", field="query", error=why)


def note(label: str) -> Reach | None:
    """Return what a label of a matcher notes, None for one that is a label."""
    return Reach(label[1:]) if label[:1] == MARK and label[1:] in set(Reach) else None


def without_notes(laid_out: str) -> str:
    """Return what the parser has laid out with the words behind their selectors again."""
    return _NOTED.sub(_with_word, laid_out)


def _with_word(found: re.Match[str]) -> str:
    braces = f"{{{found['rest']}}}" if found["rest"] or not found["before"] else ""
    return f"{found['before']}{braces}{found['range'] or ''} {found['word']}"
