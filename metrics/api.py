"""Prometheus's query API, for Grafana, promtool and scripts: its paths and its envelope."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from access.scope import Identity, Right
from kit.errors import Invalid
from kit.web import AppClock
from metrics.asked import (
    ASKED,
    ASKED_RANGE,
    POSTED,
    POSTED_RANGE,
    Asked,
    Parameters,
    Span,
    answers,
)
from metrics.envelope import TRUNCATED, answered, success
from metrics.promql.answers import instant_data, range_data, samples_data, text_data
from metrics.promql.durations import AT_ONCE, Frame
from metrics.promql.effort import effort
from metrics.promql.evaluation import evaluate, samples
from metrics.promql.evaluation import instant as at_one_moment
from metrics.promql.memory import Memory
from metrics.promql.plan import Plan
from metrics.promql.signatures import Kind
from metrics.promql.syntax import parse
from metrics.promql.tenancy import scoped
from metrics.promql.terms import Limits, Notes, Terms
from metrics.promql.tree import LOOKBACK_MS, Text
from metrics.queries import AsSent, Reader, gather, off_the_loop
from metrics.resolution import gathered, picked

PREFIX = "/prometheus/api/v1"
_NO_RANGE = {Kind.STRING: "string", Kind.MATRIX: "range vector"}
REMEMBERED = 500_000
"""Labels whose work is kept for the next query over the same series."""


PLANS, SHORT = 1_000, 4_000
"""So many plans are kept for who asks again, of queries of so many characters at most."""


def _planned(text: str, frame: Frame, clients: frozenset[str] | None) -> Plan:
    tree = parse(text, frame)
    return Plan(tree if clients is None else scoped(tree, *clients))


_remembered = lru_cache(PLANS)(_planned)


@dataclass(frozen=True)
class Engine:
    """Answers queries over a store, with the label work of earlier ones at hand."""

    limits: Limits = field(default_factory=Limits)
    memory: Memory = field(default_factory=lambda: Memory(series=REMEMBERED))

    def plan(self, asked: Parameters, who: Identity, span: Span | None = None) -> Plan:
        """Return the plan of the query, inside the clients that `who` may read."""
        who.need(Right.READ)
        text, frame = asked.get("query", ""), span.frame if span else AT_ONCE
        planned = _remembered if len(text) <= SHORT else _planned
        return planned(text, frame, who.scope.clients)

    def terms(self, asked: Parameters) -> Terms:
        """Return how the query is to be computed."""
        lookback = asked.length("lookback_delta", LOOKBACK_MS)
        return Terms(lookback if lookback > 0 else LOOKBACK_MS, self.limits, self.memory)

    async def at_once(self, plan: Plan, at_ms: int, *, asked: Parameters, reader: Reader) -> bytes:
        """Return the answer of one moment, as JSON."""
        limit, terms = asked.limit(), self.terms(asked)
        if isinstance(plan.tree, Text):
            return _success(text_data(plan.tree, at_ms), limit, terms.notes)
        sent = AsSent(reader, self.memory)
        data = await gather(sent, plan, start_ms=at_ms, end_ms=at_ms, terms=terms)

        def work() -> bytes:
            if plan.kind is Kind.MATRIX:
                found = samples_data(samples(plan, data, at_ms=at_ms, terms=terms))
            else:
                vector = at_one_moment(plan, data, at_ms=at_ms, terms=terms)
                found = instant_data(plan, vector, at_ms)
            return _success(found, limit, terms.notes)

        touched = effort(plan, data, start_ms=at_ms, end_ms=at_ms, step_ms=1)
        return await off_the_loop(touched, terms=terms, work=work)

    async def over_time(
        self, plan: Plan, span: Span, *, asked: Parameters, reader: Reader
    ) -> bytes:
        """Return the answer of a range, as JSON."""
        limit, terms = asked.limit(), self.terms(asked)
        if plan.kind in _NO_RANGE:
            raise Invalid(
                'invalid parameter "query": invalid expression type "{kind}" for range query, '
                "must be Scalar or instant Vector",
                field="query",
                kind=_NO_RANGE[plan.kind],
            )
        start, end, step = span.start_ms, span.end_ms, span.step_ms
        sent = AsSent(reader, self.memory)
        rolled = picked(sent, plan, span, asked.resolution(), terms=terms)
        data = await gathered(sent, plan, span, rolled, terms=terms)

        def work() -> bytes:
            found = evaluate(plan, data, start_ms=start, end_ms=end, step_ms=step, terms=terms)
            return _success(range_data(found, start, step), limit, terms.notes)

        touched = effort(plan, data, start_ms=start, end_ms=end, step_ms=step)
        return await off_the_loop(touched, terms=terms, work=work)

    async def instant(
        self, asked: Parameters, who: Identity, *, reader: Reader, now: datetime
    ) -> Response:
        """Answer an instant query."""

        async def answer() -> bytes:
            at_ms = asked.moment("time", otherwise=now)
            return await self.at_once(self.plan(asked, who), at_ms, asked=asked, reader=reader)

        return await answered(asked, answer)

    async def ranged(self, asked: Parameters, who: Identity, *, reader: Reader) -> Response:
        """Answer a range query."""

        async def answer() -> bytes:
            who.need(Right.READ)
            span = asked.span()
            plan = self.plan(asked, who, span)
            return await self.over_time(plan, span, asked=asked, reader=reader)

        return await answered(asked, answer)


def router(
    reader: Callable[..., Any], caller: Callable[..., Any], engine: Engine | None = None
) -> APIRouter:
    """Return the routes; `reader` and `caller` are dependencies: the store, and who asks."""
    routes = APIRouter(prefix=PREFIX, tags=["prometheus"])
    computing = engine or Engine()

    at_once, over_time = answers(["vector", "scalar", "string", "matrix"]), answers(["matrix"])

    @routes.post("/query", response_class=Response, openapi_extra=POSTED, responses=at_once)
    @routes.get("/query", response_class=Response, openapi_extra=ASKED, responses=at_once)
    async def query(
        asked: Asked,
        clock: AppClock,
        who: Annotated[Identity, Depends(caller)],
        store: Annotated[Reader, Depends(reader)],
    ) -> Response:
        """Compute a PromQL expression at one moment."""
        return await computing.instant(asked, who, reader=store, now=clock())

    @routes.post(
        "/query_range", response_class=Response, openapi_extra=POSTED_RANGE, responses=over_time
    )
    @routes.get(
        "/query_range", response_class=Response, openapi_extra=ASKED_RANGE, responses=over_time
    )
    async def query_range(
        asked: Asked,
        who: Annotated[Identity, Depends(caller)],
        store: Annotated[Reader, Depends(reader)],
    ) -> Response:
        """Compute a PromQL expression over a range of time."""
        return await computing.ranged(asked, who, reader=store)

    return routes


def _success(data: dict[str, Any], limit: int, notes: Notes) -> bytes:
    warnings = list(notes.warnings)
    many = data["resultType"] in (Kind.VECTOR, Kind.MATRIX)
    if many and limit and len(data["result"]) > limit:
        data["result"] = data["result"][:limit]
        warnings.append(TRUNCATED)
    return success(data, warnings=warnings, infos=list(notes.infos))
