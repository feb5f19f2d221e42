"""A tree as text that any Prometheus reads: what is passed on to an engine is printed, never cut.

Everything that could bind to a neighbour stands in brackets. Pure.
"""

import re

from metrics.matchers import Matcher
from metrics.promql.numbers import number_text
from metrics.promql.refusals import unsupported
from metrics.promql.signatures import Kind
from metrics.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Edge,
    Expr,
    Grouping,
    Info,
    Many,
    Matching,
    Moment,
    Negated,
    Number,
    Selector,
    Subquery,
    Text,
    kind,
)

_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def printed(expr: Expr) -> str:
    """Return the query as text; `parse` makes the same tree of it."""
    match expr:
        case Number(value):
            return _number(value)
        case Text(text):
            return _quoted(text)
        case Selector():
            return _selector(expr)
        case _:
            return _composed(expr)


def _composed(expr: Negated | Aggregate | Binary | Call | Subquery | Info) -> str:
    match expr:
        case Negated(part):
            return f"(-{printed(part)})"
        case Aggregate():
            return _aggregate(expr)
        case Binary():
            return _binary(expr)
        case Call(name, args):
            return f"{name}({', '.join(map(printed, args))})"
        case Subquery(part, stretch):
            asked = f"[{stretch.range_ms}ms:{stretch.step_ms}ms]"
            return f"({printed(part)}){asked}{_shifted(stretch.offset_ms, stretch.at)}"
        case Info():
            raise unsupported("info() where queries are answered by another engine")


def _number(value: float) -> str:
    text = number_text(value)
    return f"({text})" if text.startswith("-") else text


def _quoted(text: str) -> str:
    shown = text.replace("\\", r"\\").replace('"', r"\"")
    return '"' + shown.replace("\n", r"\n").replace("\r", r"\r") + '"'


def _selector(selector: Selector) -> str:
    asked = ",".join(map(_matcher, selector.matchers))
    if selector.reach:
        raise unsupported(f"{selector.reach}, where queries are answered by another engine,")
    stretch = f"[{selector.range_ms}ms]" if selector.range_ms else ""
    return f"{{{asked}}}{stretch}{_shifted(selector.offset_ms, selector.at)}"


def _matcher(matcher: Matcher) -> str:
    return f"{_label(matcher.name)}{matcher.op}{_quoted(matcher.value)}"


def _label(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else _quoted(name)


def _labels(names: frozenset[str] | tuple[str, ...]) -> str:
    return f"({', '.join(map(_label, sorted(names)))})"


def _shifted(offset_ms: int, at: Moment) -> str:
    offset = f" offset {offset_ms}ms" if offset_ms else ""
    match at:
        case None:
            return offset
        case Edge():
            return f" @ {at}{offset}"
        case moment:
            return f" @ {moment // 1000}.{moment % 1000:03d}{offset}"


def _aggregate(node: Aggregate) -> str:
    param = f"{printed(node.param)}, " if node.param is not None else ""
    grouping = ""
    if node.grouping != Grouping():
        word = "without" if node.grouping.without else "by"
        grouping = f" {word} {_labels(node.grouping.labels)} "
    return f"{node.op}{grouping}({param}{printed(node.part)})"


def _binary(node: Binary) -> str:
    as_bool = " bool" if node.as_bool else ""
    matching = _matching(node.matching) if _of_vectors(node) else ""
    return f"({printed(node.left)} {node.op}{as_bool}{matching} {printed(node.right)})"


def _of_vectors(node: Binary) -> bool:
    return kind(node.left) is Kind.VECTOR and kind(node.right) is Kind.VECTOR


def _matching(matching: Matching) -> str:
    if matching == Matching():
        return ""
    found = f" {'on' if matching.on else 'ignoring'} {_labels(matching.labels)}"
    if matching.many is not Many.NEITHER:
        found += f" {matching.many} {_labels(matching.include)}"
    filled = zip(("fill_left", "fill_right"), matching.fill, strict=True)
    return found + "".join(f" {w}({number_text(v)})" for w, v in filled if v is not None)
