"""The tree of an expression: small frozen nodes, compared by value. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from metrics.matchers import Matcher

LOOKBACK_MS = 300_000
"""How old the newest sample of a series may be, and still stand for it."""


class Kind(StrEnum):
    """What an expression gives."""

    SCALAR = "scalar"
    VECTOR = "vector"
    STRING = "string"


class Edge(StrEnum):
    """A moment named in the text by its place in the query, not by a number."""

    START = "start()"
    END = "end()"


@dataclass(frozen=True, slots=True)
class Number:
    """A number literal, or a duration written as one."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """The newest sample of each series that all matchers fit, seen from each step."""

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: int | Edge | None = None

    def seen_from(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """Return the first and the last moment from which this selector looks back."""
        match self.at:
            case None:
                first, last = start_ms, end_ms
            case Edge.START:
                first = last = start_ms
            case Edge.END:
                first = last = end_ms
            case moment:
                first = last = moment
        return first - self.offset_ms, last - self.offset_ms

    def window(self, start_ms: int, end_ms: int, lookback_ms: int = LOOKBACK_MS) -> tuple[int, int]:
        """Return the first and the last ms, both included, of which samples are needed."""
        first, last = self.seen_from(start_ms, end_ms)
        return first - lookback_ms + 1, last


@dataclass(frozen=True, slots=True)
class Negated:
    """Unary minus."""

    part: "Expr"


@dataclass(frozen=True, slots=True)
class Grouping:
    """`by` these labels, or `without` them; no labels and not `without` is one group of all."""

    labels: frozenset[str] = frozenset()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Many series of a group made one."""

    op: str
    part: "Expr"
    grouping: Grouping


class Many(StrEnum):
    """Which side of a vector matching may have several series for one of the other."""

    NEITHER = "one-to-one"
    LEFT = "group_left"
    RIGHT = "group_right"


@dataclass(frozen=True, slots=True)
class Matching:
    """Which series of two vectors belong together: same labels `on` these, or all but these."""

    labels: frozenset[str] = frozenset()
    on: bool = False
    many: Many = Many.NEITHER
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions joined by an operator; `matching` counts only between two vectors."""

    op: str
    left: "Expr"
    right: "Expr"
    as_bool: bool = False
    matching: Matching = Matching()


Expr = Number | Text | Selector | Negated | Aggregate | Binary


def parts(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly inside `expr`, left to right."""
    match expr:
        case Negated(part) | Aggregate(part=part):
            return (part,)
        case Binary(left=left, right=right):
            return left, right
        case _:
            return ()


def selectors(expr: Expr) -> Iterator[Selector]:
    """Yield every selector of the tree, left to right, repeated as often as it stands there."""
    if isinstance(expr, Selector):
        yield expr
    for part in parts(expr):
        yield from selectors(part)


def kind(expr: Expr) -> Kind:
    """Return what `expr` gives."""
    match expr:
        case Text():
            return Kind.STRING
        case Number():
            return Kind.SCALAR
        case Negated(part):
            return kind(part)
        case Binary(left=left, right=right):
            both = {kind(left), kind(right)}
            return Kind.SCALAR if both == {Kind.SCALAR} else Kind.VECTOR
        case _:
            return Kind.VECTOR


def rebuilt(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the tree with `change` made to every node, the innermost first."""
    match expr:
        case Negated(part) | Aggregate(part=part):
            expr = replace(expr, part=rebuilt(part, change))
        case Binary(left=left, right=right):
            expr = replace(expr, left=rebuilt(left, change), right=rebuilt(right, change))
    return change(expr)
