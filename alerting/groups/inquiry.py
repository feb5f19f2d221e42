"""What `query` in a template gives: PromQL at the moment of the evaluation, inside one client."""

from collections.abc import Callable

from alerting.groups.batches import Memory, shown
from alerting.templates import Found, NotExpanded, Sample
from kit.errors import Refusal
from metrics.promql.evaluation import instant
from metrics.promql.plan import Plan
from metrics.promql.syntax import parse
from metrics.promql.tenancy import scoped
from metrics.promql.terms import Limits, Terms

LIMITS = Limits(series=10_000, samples=1_000_000)


def inquiry(memory: Memory, client: str | None, at: int) -> Callable[[str], Found]:
    """Return a function that answers queries of templates; without a client over everything."""

    def query(text: str) -> Found:
        try:
            tree = parse(text)
            plan = Plan(tree if client is None else scoped(tree, client))
            found = instant(plan, shown(plan, memory, at), at_ms=at, terms=Terms(limits=LIMITS))
        except Refusal as why:
            raise NotExpanded(f"query: {why.detail}") from None
        pairs = zip(found.labels, found.values.tolist(), strict=True)
        return [Sample(dict(labels), value) for labels, value in pairs]

    return query
