"""Whether a query can be answered from whole steps, and what it has to know of them. Pure."""

from collections.abc import Iterator, Mapping

from kit.errors import Said
from metrics.columns import Enough
from metrics.promql.functions.rolled import NEEDS
from metrics.promql.plan import Plan
from metrics.promql.signatures import Kind
from metrics.promql.tree import Call, Edge, Expr, Selector, kind, nodes
from metrics.rolled import Part

Asked = tuple[int, int, int]
"""First and last moment and step of a range query, in ms."""
_ENDS = frozenset((Part.FIRSTS, Part.LASTS, Part.COUNTS, Part.LOST))


def needs(plan: Plan) -> Mapping[Selector, frozenset[Part]]:
    """Return what each selector has to know of its steps; only the newest word if nothing."""
    found = dict.fromkeys(plan.selectors, frozenset[Part]())
    for name, selector in _ranges(plan.tree):
        found[selector] |= NEEDS[name]
    return found


def enough(plan: Plan) -> Mapping[Selector, Enough]:
    """Return what has to be known of each selector's samples when the plan is of one moment."""
    found: dict[Selector, Enough] = {}
    for name, selector in _ranges(plan.tree):
        told_by_ends = name in NEEDS and NEEDS[name] <= _ENDS
        before = found.get(selector, Enough.ENDS)
        found[selector] = before if told_by_ends else Enough.EVERY
    for selector in plan.selectors:
        if selector.within or selector.reach:
            found[selector] = Enough.EVERY
        elif not selector.range_ms:
            found[selector] = Enough.NEWEST
    return {each: found.get(each, Enough.EVERY) for each in plan.selectors}


def hindrance(plan: Plan, asked: Asked, step_ms: int) -> Said | None:
    """Return why a query cannot be answered from steps of so many ms; None if it can."""
    for name, _ in _ranges(plan.tree):
        if name not in NEEDS:
            return Said("{name}() needs to see every sample", name=name)
    for selector in plan.selectors:
        if selector.reach:
            return Said("a range that is {reach} needs to see every sample", reach=selector.reach)
        if (what := _uneven(selector, asked, step_ms)) is not None:
            return what
    return None


def _ranges(tree: Expr) -> Iterator[tuple[str, Selector]]:
    """Yield every function of a range of samples and its range."""
    for node in nodes(tree):
        if isinstance(node, Call):
            for each in node.args:
                if isinstance(each, Selector) and kind(each) is Kind.MATRIX:
                    yield node.name, each


def _uneven(selector: Selector, asked: Asked, step_ms: int) -> Said | None:
    """Return what of a selector is not a whole number of steps."""
    start, end, every = asked
    moments = {"start": start, "step": every if end - start >= every else 0}
    if selector.within:
        moments = {"the step of a subquery": selector.within[-1].step_ms}
    match selector.at:
        case Edge.START:
            moments = {"start": start}
        case Edge.END:
            moments = {"end": end}
        case int(at):
            moments = {"the moment after @": at}
    lengths = {"a range": selector.range_ms, "an offset": selector.offset_ms}
    for name, length in (moments | lengths).items():
        if length % step_ms:
            return Said("{what} is not a whole number of these steps", what=name)
    return None
