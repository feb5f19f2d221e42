"""Prometheus's query API where an engine answers: inside what the caller may read, passed on.

A query is read, restricted in its tree, and printed again; what cannot be read is not passed on.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from access.scope import HOUSE, Identity, Right
from kit.errors import Invalid
from kit.web import AppClock
from metrics.api import PREFIX
from metrics.asked import (
    ASKED,
    ASKED_RANGE,
    POSTED,
    POSTED_RANGE,
    Asked,
    Parameters,
    answers,
)
from metrics.engine.client import BIG, Answer
from metrics.engine.store import EngineStore
from metrics.envelope import answered
from metrics.labels import CLIENT
from metrics.promql.durations import AT_ONCE, Frame
from metrics.promql.printing import printed
from metrics.promql.refusals import NotComputable
from metrics.promql.syntax import parse
from metrics.promql.tenancy import scoped

PASSED_ON = ("timeout", "limit", "lookback_delta")
OURS = orjson.dumps({CLIENT: HOUSE})[1:-1]


def router(store: Callable[..., Any], caller: Callable[..., Any]) -> APIRouter:
    """Return the routes; `store` and `caller` are dependencies."""
    routes = APIRouter(prefix=PREFIX, tags=["prometheus"])
    who_asks = Annotated[Identity, Depends(caller)]
    engine_store = Annotated[EngineStore, Depends(store)]
    at_once, over_time = answers(["vector", "scalar", "string", "matrix"]), answers(["matrix"])

    @routes.post("/query", response_class=Response, openapi_extra=POSTED, responses=at_once)
    @routes.get("/query", response_class=Response, openapi_extra=ASKED, responses=at_once)
    async def query(
        asked: Asked, clock: AppClock, who: who_asks, samples: engine_store
    ) -> Response:
        """Have a PromQL expression computed at one moment."""

        def moment() -> tuple[dict[str, str], Frame]:
            return {"time": _seconds(asked.moment("time", otherwise=clock()))}, AT_ONCE

        return await _passed_on(samples, "query", asked, who, moment)

    @routes.post(
        "/query_range", response_class=Response, openapi_extra=POSTED_RANGE, responses=over_time
    )
    @routes.get(
        "/query_range", response_class=Response, openapi_extra=ASKED_RANGE, responses=over_time
    )
    async def query_range(asked: Asked, who: who_asks, samples: engine_store) -> Response:
        """Have a PromQL expression computed over a range of time."""

        def moments() -> tuple[dict[str, str], Frame]:
            span = asked.span()
            bounds = (span.start_ms, span.end_ms, span.step_ms)
            names = ("start", "end", "step")
            return dict(zip(names, map(_seconds, bounds), strict=True)), span.frame

        return await _passed_on(samples, "query_range", asked, who, moments)

    return routes


async def _passed_on(
    store: EngineStore,
    path: str,
    asked: Parameters,
    who: Identity,
    when: Callable[[], tuple[dict[str, str], Frame]],
) -> Response:
    async def answer() -> bytes:
        who.need(Right.READ)
        moments, frame = when()
        tree = parse(asked.get("query", ""), frame)
        if who.scope.clients is not None:
            tree = scoped(tree, *who.scope.clients)
        kept = {name: asked[name] for name in PASSED_ON if name in asked}
        # VictoriaMetrics would else look a little into the past, and move start and end
        fresh = {"nocache": "1"}
        found = await store.engine.ask(path, {"query": printed(tree), **moments, **kept, **fresh})
        return await _as_sent(found)

    return await answered(asked, answer)


async def _as_sent(found: Answer) -> bytes:
    """Return the answer with series of the house as they were sent, without a client."""
    if found.status != HTTPStatus.OK:
        why = str(orjson.loads(found.body).get("error"))
        if found.status == HTTPStatus.BAD_REQUEST:
            raise Invalid("{why}", why=why)
        raise NotComputable("{why}", why=why)
    if OURS not in found.body:
        return found.body
    if len(found.body) > BIG:
        return await asyncio.to_thread(_without_house, found.body)
    return _without_house(found.body)


def _without_house(body: bytes) -> bytes:
    said = orjson.loads(body)
    for series in said["data"]["result"]:
        if series["metric"].get(CLIENT) == HOUSE:
            del series["metric"][CLIENT]
    return orjson.dumps(said)


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"
