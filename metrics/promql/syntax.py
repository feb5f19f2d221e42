"""Reads PromQL with promql-parser and translates it into our tree."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import promql_parser as pp

from kit.errors import Invalid
from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.patterns import compiled
from metrics.promql.refusals import unsupported
from metrics.promql.tree import (
    Aggregate,
    Binary,
    Edge,
    Expr,
    Grouping,
    Many,
    Matching,
    Negated,
    Number,
    Selector,
    Text,
)

MOST_TEXT = 50_000
MOST_OPERATORS = 250
MOST_MS = 4 * 10**15
AGGREGATIONS = frozenset(("sum", "min", "max", "avg", "count"))
_OPS = {  # by name, because the parser's enums cannot be keys
    "MatchOp.Equal": Op.EQUAL,
    "MatchOp.NotEqual": Op.NOT_EQUAL,
    "MatchOp.Re": Op.MATCHES,
    "MatchOp.NotRe": Op.DIFFERS,
}
_QUOTED = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""", re.DOTALL)
_OPERATOR = re.compile(r"[-+*/%^=<>!(\[@]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_BEFORE_1970 = re.compile(r"@\s*-")


def parse(text: str) -> Expr:
    """Return the tree of `text`; refuse what is wrong or not supported."""
    bare = _QUOTED.sub('""', text)
    _refuse_what_the_parser_cannot_bear(text, bare)
    try:
        parsed = pp.parse(text)
    except ValueError as error:
        raise Invalid("parse error: {error}", field="query", error=error) from None
    try:
        return _tree(parsed)
    except (OverflowError, ValueError):  # the parser's lengths of time end before its numbers do
        raise _beyond() from None


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
    if _BEFORE_1970.search(bare):  # the parser panics on these
        raise unsupported("a moment before 1970 after @")


def _tree(node: pp.Expr) -> Expr:
    return _TRANSLATIONS[type(node)](node)


def _unsupported(node: pp.Expr) -> Expr:
    name = f"the function {node.func.name}" if isinstance(node, pp.Call) else _UNKNOWN[type(node)]
    raise unsupported(name)


def _selector(node: pp.VectorSelector) -> Selector:
    if node.matchers.or_matchers:
        raise unsupported("`or` between matchers")
    found = [Matcher(m.name, _OPS[str(m.op)], m.value) for m in node.matchers.matchers]
    if node.name is not None:
        found.insert(0, Matcher(NAME, Op.EQUAL, node.name))
    for matcher in found:
        if matcher.op in (Op.MATCHES, Op.DIFFERS):
            compiled(matcher.value)
    return Selector(tuple(found), _milliseconds(node.offset), _moment(node.at))


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


def _moment(at: pp.AtModifier | None) -> int | Edge | None:
    if at is None:
        return None
    if at.type == pp.AtModifierType.Start:
        return Edge.START
    if at.type == pp.AtModifierType.End:
        return Edge.END
    # its text, because its value fails beyond the years of a datetime
    seconds, _, thousandths = str(at).removeprefix("@ ").partition(".")
    return _within(int(seconds) * 1000 + int(thousandths or 0))


def _aggregate(node: pp.AggregateExpr) -> Aggregate:
    op = str(node.op)
    if op not in AGGREGATIONS:
        raise unsupported(f"the aggregation {op}")
    asked = node.modifier
    grouping = Grouping()
    if asked:
        without = asked.type == pp.AggModifierType.Without
        grouping = Grouping(frozenset(asked.labels), without)
    return Aggregate(op, _tree(node.expr), grouping)


def _binary(node: pp.BinaryExpr) -> Binary:
    asked = node.modifier
    matching = _matching(asked) if asked else Matching()
    as_bool = bool(asked and asked.return_bool)
    return Binary(str(node.op), _tree(node.lhs), _tree(node.rhs), as_bool, matching)


def _many(card: pp.VectorMatchCardinality) -> Many:
    if card == pp.VectorMatchCardinality.ManyToOne:
        return Many.LEFT
    return Many.RIGHT if card == pp.VectorMatchCardinality.OneToMany else Many.NEITHER


def _matching(asked: pp.BinModifier) -> Matching:
    if asked.fill_values.lhs is not None or asked.fill_values.rhs is not None:
        raise unsupported("a fill modifier")
    labels = frozenset(asked.matching.labels if asked.matching else ())
    on = bool(asked.matching and asked.matching.type == pp.LabelModifierType.Include)
    return Matching(labels, on, _many(asked.card), tuple(asked.group_labels or ()))


_UNKNOWN: dict[type[pp.Expr], str] = {
    pp.SubqueryExpr: "a subquery",
    pp.MatrixSelector: "a range vector",
}
_TRANSLATIONS: dict[type[pp.Expr], Callable[[Any], Expr]] = {
    pp.ParenExpr: lambda node: _tree(node.expr),
    pp.NumberLiteral: lambda node: Number(node.val),
    pp.StringLiteral: lambda node: Text(node.val),
    pp.VectorSelector: _selector,
    pp.UnaryExpr: lambda node: Negated(_tree(node.expr)),
    pp.AggregateExpr: _aggregate,
    pp.BinaryExpr: _binary,
    pp.Call: _unsupported,
    pp.SubqueryExpr: _unsupported,
    pp.MatrixSelector: _unsupported,
}
