"""Prometheus's envelope: how its API says that something went well, and how that it did not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from kit.errors import Invalid
from metrics.asked import JSON, Parameters
from metrics.promql.refusals import NotComputable

LONGEST_MS = 120_000
TRUNCATED = "results truncated due to limit"


def success(data: Any, *, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> bytes:
    """Return an answer, with what is odd about it."""
    told = {name: said for name, said in (("warnings", warnings), ("infos", infos)) if said}
    return orjson.dumps({"status": "success", "data": data, **told})


def cut(found: Sequence[Any], limit: int) -> bytes:
    """Return a list as an answer, at most `limit` of it; 0 is all."""
    if limit and len(found) > limit:
        return success(found[:limit], warnings=(TRUNCATED,))
    return success(found)


async def answered(asked: Parameters, answer: Callable[[], Awaitable[bytes]]) -> Response:
    """Answer in time with what `answer` gives, or say in Prometheus's words why not."""
    try:
        longest = min(asked.positive("timeout", LONGEST_MS), LONGEST_MS)
        async with asyncio.timeout(longest / 1000):
            return Response(await answer(), media_type=JSON)
    except NotComputable as refusal:
        return _failure(422, "execution", refusal.detail)
    except Invalid as refusal:
        return _failure(400, "bad_data", _of_the_query(refusal))
    except TimeoutError:
        return _failure(503, "timeout", "query timed out in expression evaluation")


def _of_the_query(refusal: Invalid) -> str:
    """Return why, with the parameter named that it is about, as Prometheus names it."""
    if refusal.field != "query" or refusal.detail.startswith("invalid parameter"):
        return refusal.detail
    return f'invalid parameter "query": {refusal.detail}'


def _failure(status: int, kind: str, why: str) -> Response:
    body = {"status": "error", "errorType": kind, "error": why}
    return Response(orjson.dumps(body), status, media_type=JSON)
