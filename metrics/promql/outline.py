"""A query as the tree that Prometheus's `parse_query` tells, for editors and explorers. Pure."""

from datetime import timedelta
from typing import Any

import promql_parser as pp

from metrics.columns import NAME
from metrics.promql.extended import note
from metrics.promql.info_choice import CHOICE
from metrics.promql.numbers import number_text
from metrics.promql.refusals import unsupported
from metrics.promql.syntax import OPS, moment, parse, parsed, reach
from metrics.promql.tree import SETS, UNFILLED, Edge

Told = dict[str, Any]
_CARDS = {
    "VectorMatchCardinality.OneToOne": "one-to-one",
    "VectorMatchCardinality.ManyToOne": "many-to-one",
    "VectorMatchCardinality.OneToMany": "one-to-many",
    "VectorMatchCardinality.ManyToMany": "many-to-many",
}


def outline(text: str) -> Told:
    """Return the tree of `text` as JSON has it; refuse what is wrong or not supported."""
    parse(text)  # refuses what the parser alone would let through
    return _told(parsed(text))


def _told(node: pp.Expr) -> Told:
    match node:
        case pp.VectorSelector():
            return {"type": "vectorSelector", **_selector(node)}
        case pp.MatrixSelector():
            inside = _selector(node.vector_selector)
            return {"type": "matrixSelector", **inside, "range": _length(node.range)}
        case pp.SubqueryExpr():
            return {
                "type": "subquery",
                "expr": _told(node.expr),
                "range": _length(node.range),
                "step": _length(node.step),
                **_shifted(node),
            }
        case pp.AggregateExpr():
            return _aggregation(node)
        case pp.BinaryExpr():
            return _binary(node)
        case pp.Call():
            return {
                "type": "call",
                "func": _function(node.func),
                "args": [_told(each) for each in node.args],
            }
        case _:
            return _simple(node)


def _simple(node: pp.Expr) -> Told:
    match node:
        case pp.NumberLiteral():
            return {"type": "numberLiteral", "val": number_text(node.val, exponents=False)}
        case pp.StringLiteral():
            return {"type": "stringLiteral", "val": node.val}
        case pp.ParenExpr():
            return {"type": "parenExpr", "expr": _told(node.expr)}
        case pp.UnaryExpr():
            return {"type": "unaryExpr", "op": "-", "expr": _told(node.expr)}
        case _:
            raise unsupported("this expression")


def _selector(node: pp.VectorSelector) -> Told:
    matchers = [
        (one.name, OPS[str(one.op)].value, one.value)
        for one in node.matchers.matchers
        if one.name != CHOICE and note(one.name) is None
    ]
    beyond = reach(node)
    if node.name is not None:
        matchers.append((NAME, "=", node.name))
    return {
        "name": node.name or "",
        "matchers": [{"name": name, "type": op, "value": value} for name, op, value in matchers],
        **_shifted(node),
        **({beyond.value: True} if beyond else {}),
    }


def _shifted(node: pp.VectorSelector | pp.SubqueryExpr) -> Told:
    at = moment(node.at)
    edge = at.removesuffix("()") if isinstance(at, Edge) else None
    timestamp = None if isinstance(at, Edge) else at
    return {"offset": _length(node.offset), "timestamp": timestamp, "startOrEnd": edge}


def _aggregation(node: pp.AggregateExpr) -> Told:
    asked = node.modifier
    return {
        "type": "aggregation",
        "op": str(node.op),
        "expr": _told(node.expr),
        "param": None if node.param is None else _told(node.param),
        "grouping": list(asked.labels) if asked else [],
        "without": bool(asked and asked.type == pp.AggModifierType.Without),
    }


def _binary(node: pp.BinaryExpr) -> Told:
    asked = node.modifier
    return {
        "type": "binaryExpr",
        "op": str(node.op),
        "lhs": _told(node.lhs),
        "rhs": _told(node.rhs),
        "matching": _matching(node),
        "bool": bool(asked and asked.return_bool),
    }


def _matching(node: pp.BinaryExpr) -> Told | None:
    """Return how two vectors are matched; between other kinds nothing is."""
    if not (_of_series(node.lhs) and _of_series(node.rhs)):
        return None
    asked = node.modifier
    usual = "many-to-many" if str(node.op) in SETS else "one-to-one"
    return {
        "card": _CARDS[str(asked.card)] if asked and asked.matching else usual,
        "labels": list(asked.matching.labels) if asked and asked.matching else [],
        "on": bool(
            asked and asked.matching and asked.matching.type == pp.LabelModifierType.Include
        ),
        "include": list(asked.group_labels or ()) if asked else [],
        **_fills(asked),
    }


def _fills(asked: pp.BinModifier | None) -> Told:
    if asked is None or (asked.fill_values.lhs, asked.fill_values.rhs) == UNFILLED:
        return {}
    return {"fillValues": {"lhs": asked.fill_values.lhs, "rhs": asked.fill_values.rhs}}


def _of_series(node: pp.Expr) -> bool:
    match node:
        case pp.NumberLiteral() | pp.StringLiteral():
            return False
        case pp.ParenExpr() | pp.UnaryExpr():
            return _of_series(node.expr)
        case pp.Call():
            return str(node.func.return_type) == "ValueType.Vector"
        case pp.BinaryExpr():
            return _of_series(node.lhs) or _of_series(node.rhs)
        case _:
            return True


def _function(function: pp.Function) -> Told:
    return {
        "name": function.name,
        "argTypes": [_kind(each) for each in function.arg_types],
        "variadic": function.variadic,
        "returnType": _kind(function.return_type),
    }


def _kind(value: pp.ValueType) -> str:
    return str(value).removeprefix("ValueType.").lower()


def _length(length: timedelta | None) -> int:
    """Return milliseconds, 0 for none."""
    return 0 if length is None else length // timedelta(milliseconds=1)
