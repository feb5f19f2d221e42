"""The tree of an expression: small frozen nodes, compared by value. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

from metrics.matchers import Matcher
from metrics.promql.signatures import SIGNATURES, Kind

LOOKBACK_MS = 300_000
"""How old the newest sample of a series may be, and still stand for it."""

SUBQUERY_STEP_MS = 60_000
"""How far apart a subquery looks that does not say."""

SETS = frozenset(("and", "or", "unless"))
"""Operators that choose among series, and compute nothing."""


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


Moment = int | Edge | None
"""What stands after @: ms since 1970, an edge of the query, or nothing."""

Span = tuple[int, int]
"""The first and the last moment of something, in ms, both included."""


def seen_from(at: Moment, offset_ms: int, moments: Span, query: Span) -> Span:
    """Return from where one looks back who is asked at `moments` of a query over `query`."""
    match at:
        case None:
            first, last = moments
        case Edge.START:
            first = last = query[0]
        case Edge.END:
            first = last = query[1]
        case moment:
            first = last = moment
    return first - offset_ms, last - offset_ms


@dataclass(frozen=True, slots=True)
class Stretch:
    """The moments at which a subquery asks its part: multiples of its step in a range."""

    range_ms: int
    step_ms: int = SUBQUERY_STEP_MS
    offset_ms: int = 0
    at: Moment = None

    def asks(self, moments: Span, query: Span) -> Span:
        """Return the first multiple of the step in the earliest range, and where the last ends."""
        first, last = seen_from(self.at, self.offset_ms, moments, query)
        return ((first - self.range_ms) // self.step_ms + 1) * self.step_ms, last


class Reach(StrEnum):
    """How far a selector looks beyond what it is asked for, by the lookback each time."""

    ANCHORED = "anchored"
    """Further back: a range begins with what was there when it began."""
    SMOOTHED = "smoothed"
    """Further back and ahead: what is not there at its edges lies between its neighbours."""


@dataclass(frozen=True, slots=True)
class Selector:
    """The newest sample of each series that all matchers fit, or all samples of a range.

    `within` are the subqueries it stands in, the outermost first.
    """

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: Moment = None
    range_ms: int = 0
    within: tuple[Stretch, ...] = ()
    reach: Reach | None = None

    def window(self, start_ms: int, end_ms: int, lookback_ms: int = LOOKBACK_MS) -> Span:
        """Return the first and the last ms, both included, of which samples are needed."""
        query = moments = start_ms, end_ms
        for stretch in self.within:
            moments = stretch.asks(moments, query)
        first, last = seen_from(self.at, self.offset_ms, moments, query)
        if self.reach is None:
            return first - (self.range_ms or lookback_ms) + 1, last
        ahead = lookback_ms if self.reach is Reach.SMOOTHED else 0
        return first - self.range_ms - lookback_ms + 1, last + ahead


@dataclass(frozen=True, slots=True)
class Subquery:
    """What an expression gives at each moment of a stretch, as samples of a range."""

    part: "Expr"
    stretch: Stretch


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
    param: "Expr | None" = None


class Many(StrEnum):
    """Which side of a vector matching may have several series for one of the other."""

    NEITHER = "one-to-one"
    LEFT = "group_left"
    RIGHT = "group_right"


UNFILLED = (None, None)
"""No value stands for a missing series, on either side."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Which series of two vectors belong together: same labels `on` these, or all but these.

    `fill` is what stands for a series that is missing on the left, and on the right.
    """

    labels: frozenset[str] = frozenset()
    on: bool = False
    many: Many = Many.NEITHER
    include: tuple[str, ...] = ()
    fill: tuple[float | None, float | None] = UNFILLED


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions joined by an operator; `matching` counts only between two vectors."""

    op: str
    left: "Expr"
    right: "Expr"
    as_bool: bool = False
    matching: Matching = Matching()


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is given."""

    name: str
    args: tuple["Expr", ...] = ()


@dataclass(frozen=True, slots=True)
class Info:
    """Series with labels taken over from metrics that only tell of something (`info()`).

    `asked` are the matchers of the query; `by` is what both sides have in common.
    """

    part: "Expr"
    found: Selector
    asked: tuple[Matcher, ...] = ()
    by: frozenset[str] = frozenset(("instance", "job"))


Expr = Number | Text | Selector | Negated | Aggregate | Binary | Call | Subquery | Info


def parts(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly inside `expr`, left to right."""
    match expr:
        case Aggregate(part=part, param=None) | Negated(part) | Subquery(part):
            return (part,)
        case Aggregate(part=part, param=param) if param is not None:
            return param, part
        case Binary(left=left, right=right):
            return left, right
        case Call(args=args):
            return args
        case Info(part, found):
            return part, found
        case _:
            return ()


def nodes(expr: Expr) -> Iterator[Expr]:
    """Yield the expression and all inside it, outermost first, left to right."""
    yield expr
    for part in parts(expr):
        yield from nodes(part)


def selectors(expr: Expr) -> Iterator[Selector]:
    """Yield every selector of the tree, left to right, repeated as often as it stands there."""
    return (node for node in nodes(expr) if isinstance(node, Selector))


def asks_of_the_query(expr: Expr) -> bool:
    """Tell whether it looks at where the query itself begins or ends, or how far apart it asks."""
    return any(_asks_of_the_query(node) for node in nodes(expr))


def _asks_of_the_query(node: Expr) -> bool:
    match node:
        case Call(name):
            return name in ("start", "end", "step", "range")
        case Selector(at=at) | Subquery(stretch=Stretch(at=at)):
            return isinstance(at, Edge)
        case _:
            return False


def kind(expr: Expr) -> Kind:
    """Return what `expr` gives."""
    match expr:
        case Text():
            return Kind.STRING
        case Number():
            return Kind.SCALAR
        case Call(name):
            return SIGNATURES[name].gives
        case Negated(part):
            return kind(part)
        case Subquery():
            return Kind.MATRIX
        case Selector(range_ms=range_ms):
            return Kind.MATRIX if range_ms else Kind.VECTOR
        case Binary(left=left, right=right):
            both = {kind(left), kind(right)}
            return Kind.SCALAR if both == {Kind.SCALAR} else Kind.VECTOR
        case _:
            return Kind.VECTOR


def rebuilt(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the tree with `change` made to every node, the innermost first."""
    match expr:
        case Negated(part) | Subquery(part):
            expr = replace(expr, part=rebuilt(part, change))
        case Aggregate(part=part, param=param):
            asked = param and rebuilt(param, change)
            expr = replace(expr, part=rebuilt(part, change), param=asked)
        case Binary(left=left, right=right):
            expr = replace(expr, left=rebuilt(left, change), right=rebuilt(right, change))
        case Call(args=args):
            expr = replace(expr, args=tuple(rebuilt(each, change) for each in args))
        case Info(part, found):
            # a selector stays one, whatever changes about it
            told = cast(Selector, rebuilt(found, change))
            expr = replace(expr, part=rebuilt(part, change), found=told)
    return change(expr)
