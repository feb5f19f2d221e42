"""Reads PromQL with promql-parser and translates it into our tree."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import promql_parser as pp

from kit.errors import Invalid
from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.patterns import compiled
from metrics.promql import info_choice
from metrics.promql.durations import AT_ONCE, Frame, worked_out
from metrics.promql.extended import note, noted, without_notes
from metrics.promql.info_choice import telling
from metrics.promql.quotation import PASSED
from metrics.promql.refusals import NotComputable, unsupported
from metrics.promql.signatures import SIGNATURES
from metrics.promql.tree import (
    SETS,
    SUBQUERY_STEP_MS,
    UNFILLED,
    Aggregate,
    Binary,
    Call,
    Edge,
    Expr,
    Grouping,
    Info,
    Many,
    Matching,
    Negated,
    Number,
    Reach,
    Selector,
    Stretch,
    Subquery,
    Text,
)

MOST_TEXT = 50_000
MOST_OPERATORS = 250
MOST_MS = 4 * 10**15
OPS = {  # by name, because the parser's enums cannot be keys
    "MatchOp.Equal": Op.EQUAL,
    "MatchOp.NotEqual": Op.NOT_EQUAL,
    "MatchOp.Re": Op.MATCHES,
    "MatchOp.NotRe": Op.DIFFERS,
}
_QUOTED = re.compile(PASSED, re.DOTALL)
_BREAK = re.compile(
    r"""(?P<quoted>"(?:\\.|[^"\\])*")|(?P<opened>\()\n\s*|\n\s*(?P<closed>\))|\n\s*""", re.DOTALL
)
_OPERATOR = re.compile(r"[-+*/%^=<>!(\[@]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_BYTE = re.compile(r"\\(?:x[89a-fA-F]|[23][0-7]).+")
KNOWING = {
    Reach.ANCHORED: frozenset(("changes", "delta", "increase", "rate", "resets")),
    Reach.SMOOTHED: frozenset(("delta", "increase", "rate")),
}
"""The functions that know what to do with a range that is more than its samples."""
_BEFORE_1970 = re.compile(r"@\s*-")


def parse(text: str, frame: Frame = AT_ONCE) -> Expr:
    """Return the tree of `text`; refuse what is wrong or not supported.

    `frame` says what `step()` and `range()` in durations are.
    """
    found = parsed(text, frame)
    try:
        return _tree(found)
    except (OverflowError, ValueError):  # the parser's lengths of time end before its numbers do
        raise _beyond() from None


def formatted(text: str) -> str:
    """Return `text` as a person would lay it out, or refuse what is wrong."""
    return info_choice.without_notes(without_notes(parsed(text).prettify()))


def normal(text: str) -> str:
    """Return `text` on one line, as Prometheus tells a rule's; refuse what is wrong."""
    return _BREAK.sub(_joined, formatted(text)).strip()


def _joined(found: re.Match[str]) -> str:
    if found["quoted"]:
        return found[0]
    return found["opened"] or found["closed"] or " "


def parsed(text: str, frame: Frame | None = None) -> pp.Expr:
    """Return the parser's own tree; refuse what it cannot read."""
    bare = _QUOTED.sub('""', text)
    _refuse_what_the_parser_cannot_bear(text, bare)
    try:
        return pp.parse(info_choice.noted(noted(worked_out(text, frame))))
    except ValueError as error:
        raise Invalid("parse error: {error}", field="query", error=error) from None


def _beyond() -> Invalid:
    return Invalid("parse error: an offset or a moment is out of range", field="query")


def _refuse_what_the_parser_cannot_bear(text: str, bare: str) -> None:
    # a chain of some thousand operators overflows the parser's stack and ends the process
    if len(text) > MOST_TEXT or len(_OPERATOR.findall(bare)) > MOST_OPERATORS:
        raise Invalid(
            "the query is too long: "
            "at most {most} characters with {operators} operators and brackets",
            field="query",
            most=MOST_TEXT,
            operators=MOST_OPERATORS,
        )
    if any(_BYTE.fullmatch(each) for quoted in _QUOTED.findall(text) for each in _escapes(quoted)):
        # it takes the byte for a character
        raise Invalid("parse error: write a character beyond ASCII as itself", field="query")
    if _BEFORE_1970.search(bare):  # the parser panics on these
        raise unsupported("a moment before 1970 after @")


def _escapes(quoted: str) -> list[str]:
    return _ESCAPE.findall(quoted) if quoted[0] in "\"'" else []


Within = tuple[Stretch, ...]
"""The subqueries that a node stands in, the outermost first."""


def _tree(node: pp.Expr, within: Within = ()) -> Expr:
    return _TRANSLATIONS[type(node)](node, within)


def _matchers(node: pp.VectorSelector) -> tuple[Matcher, ...]:
    if node.matchers.or_matchers:
        raise unsupported("`or` between matchers")
    found = [
        Matcher(m.name, OPS[str(m.op)], m.value)
        for m in node.matchers.matchers
        if m.name != info_choice.CHOICE and note(m.name) is None
    ]
    if node.name is not None:
        found.insert(0, Matcher(NAME, Op.EQUAL, node.name))
    for matcher in found:
        if matcher.op in (Op.MATCHES, Op.DIFFERS):
            compiled(matcher.value)
    return tuple(found)


def reach(node: pp.VectorSelector) -> Reach | None:
    """Return how far a selector looks beyond what it is asked for."""
    return next(filter(None, (note(m.name) for m in node.matchers.matchers)), None)


def _selector(node: pp.VectorSelector, within: Within) -> Selector:
    found = Selector(_matchers(node), _milliseconds(node.offset), moment(node.at), within=within)
    # anchored to the newest sample it is anyway
    return replace(found, reach=Reach.SMOOTHED) if reach(node) is Reach.SMOOTHED else found


def _range(node: pp.MatrixSelector, within: Within) -> Selector:
    selector = _selector(node.vector_selector, within)
    beyond = reach(node.vector_selector)
    return replace(selector, range_ms=_milliseconds(node.range), reach=beyond)


def _subquery(node: pp.SubqueryExpr, within: Within) -> Subquery:
    stretch = Stretch(
        _milliseconds(node.range),
        _milliseconds(node.step) or SUBQUERY_STEP_MS,
        _milliseconds(node.offset),
        moment(node.at),
    )
    return Subquery(_tree(node.expr, (*within, stretch)), stretch)


def _call(node: pp.Call, within: Within) -> Expr:
    name = node.func.name
    if name not in SIGNATURES:
        raise unsupported(f"the function {name}")
    if name == "info":
        return _info(node, within)
    args = tuple(_tree(each, within) for each in node.args)
    for each in args:
        if isinstance(each, Selector) and each.range_ms and each.reach:
            _refuse_no_growth(name, each.reach)
    return Call(name, args)


def _refuse_no_growth(name: str, beyond: Reach) -> None:
    if name not in KNOWING[beyond]:
        raise NotComputable(
            "{word} modifier can only be used with: {functions} - not with {name}",
            word=beyond,
            functions=", ".join(sorted(KNOWING[beyond])),
            name=name,
        )


def _info(node: pp.Call, within: Within) -> Info:
    part, *asked = node.args
    matchers: tuple[Matcher, ...] = ()
    if asked:
        if not isinstance(asked[0], pp.VectorSelector) or asked[0].name is not None:
            raise Invalid("parse error: expected label selectors only", field="query")
        matchers = _matchers(asked[0])
    told = _tree(part, within)
    return Info(told, telling(told, matchers, within), matchers)


def _within(milliseconds: int) -> int:
    """Refuse what lies beyond all calendars: no column could hold it."""
    if abs(milliseconds) > MOST_MS:
        raise _beyond()
    return milliseconds


def _milliseconds(length: timedelta | None) -> int:
    if length is None:
        return 0
    whole = abs(length) // timedelta(milliseconds=1)
    return _within(whole if length >= timedelta() else -whole)


def moment(at: pp.AtModifier | None) -> int | Edge | None:
    """Return what stands behind an @: ms, or an edge of the query; None for nothing."""
    if at is None:
        return None
    if at.type == pp.AtModifierType.Start:
        return Edge.START
    if at.type == pp.AtModifierType.End:
        return Edge.END
    # its text, because its value fails beyond the years of a datetime
    seconds, _, thousandths = str(at).removeprefix("@ ").partition(".")
    return _within(int(seconds) * 1000 + int(thousandths or 0))


def _aggregate(node: pp.AggregateExpr, within: Within) -> Aggregate:
    asked = node.modifier
    grouping = Grouping()
    if asked:
        without = asked.type == pp.AggModifierType.Without
        grouping = Grouping(frozenset(asked.labels), without)
    param = None if node.param is None else _tree(node.param, within)
    return Aggregate(str(node.op), _tree(node.expr, within), grouping, param)


def _binary(node: pp.BinaryExpr, within: Within) -> Binary:
    asked = node.modifier
    matching = _matching(asked) if asked else Matching()
    if matching.fill != UNFILLED and str(node.op) in SETS:
        raise Invalid(
            "parse error: {error}",
            field="query",
            error="filling in missing series not allowed for set operators",
        )
    as_bool = bool(asked and asked.return_bool)
    sides = _tree(node.lhs, within), _tree(node.rhs, within)
    return Binary(str(node.op), *sides, as_bool, matching)


def _many(card: pp.VectorMatchCardinality) -> Many:
    if card == pp.VectorMatchCardinality.ManyToOne:
        return Many.LEFT
    return Many.RIGHT if card == pp.VectorMatchCardinality.OneToMany else Many.NEITHER


def _matching(asked: pp.BinModifier) -> Matching:
    labels = frozenset(asked.matching.labels if asked.matching else ())
    on = bool(asked.matching and asked.matching.type == pp.LabelModifierType.Include)
    fill = asked.fill_values.lhs, asked.fill_values.rhs
    return Matching(labels, on, _many(asked.card), tuple(asked.group_labels or ()), fill)


_TRANSLATIONS: dict[type[pp.Expr], Callable[[Any, Within], Expr]] = {
    pp.ParenExpr: lambda node, within: _tree(node.expr, within),
    pp.NumberLiteral: lambda node, _: Number(node.val),
    pp.StringLiteral: lambda node, _: Text(node.val),
    pp.VectorSelector: _selector,
    pp.MatrixSelector: _range,
    pp.SubqueryExpr: _subquery,
    pp.UnaryExpr: lambda node, within: Negated(_tree(node.expr, within)),
    pp.AggregateExpr: _aggregate,
    pp.BinaryExpr: _binary,
    pp.Call: _call,
}
