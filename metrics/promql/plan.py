"""A query ready to be computed again and again: its tree, and what it reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from metrics.columns import NAME
from metrics.promql.durations import AT_ONCE, Frame
from metrics.promql.signatures import Kind
from metrics.promql.syntax import parse
from metrics.promql.tree import Expr, Selector, kind, selectors


@dataclass(frozen=True)
class Plan:
    """`selectors` says what to fetch; `evaluate` takes the columns in the same order."""

    tree: Expr
    kind: Kind = field(init=False)
    selectors: tuple[Selector, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", kind(self.tree))
        object.__setattr__(self, "selectors", tuple(dict.fromkeys(selectors(self.tree))))


def compile(text: str, frame: Frame = AT_ONCE) -> Plan:
    """Return the plan of the query that `text` writes, or refuse."""
    return Plan(parse(text, frame))


def names(tree: Expr) -> Iterator[frozenset[str] | None]:
    """Yield for each selector the metric names that it can read, None if they are not few."""
    for selector in selectors(tree):
        found: frozenset[str] | None = None
        for matcher in selector.matchers:
            if matcher.name == NAME and matcher.only is not None:
                found = matcher.only if found is None else found & matcher.only
        yield found


def plain(tree: Expr) -> Selector | None:
    """Return the selector if it is all there is, and reads what is newest."""
    bare = isinstance(tree, Selector) and tree == Selector(tree.matchers)
    return tree if bare and isinstance(tree, Selector) else None
