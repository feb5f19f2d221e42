"""Queries past the routing: for dashboards, which ask the same few paths many times a minute."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from access.scope import Identity
from kit.errors import Refusal
from metrics.asked import Parameters

Query = Callable[[Parameters, Identity], Awaitable[Response]]
"""Answers what is asked, for who asks."""


class Shortcut:
    """Answers a GET with a token by itself; all others, and what it refuses, the routes answer.

    They say no in the words and the language of every other route.
    """

    def __init__(
        self,
        app: ASGIApp,
        authorize: Callable[[Scope], Awaitable[Identity]],
        queries: Mapping[str, Query],
    ) -> None:
        self._app, self._authorize, self._queries = app, authorize, queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        query = self._queries.get(scope["path"]) if _plain(scope) else None
        answer = await self._answer(query, scope) if query else None
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, query: Query, scope: Scope) -> Response | None:
        try:
            who = await self._authorize(scope)
            return await query(Parameters(QueryParams(scope["query_string"]).multi_items()), who)
        except Refusal:
            return None


def _plain(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    return "authorization" in headers and "content-type" not in headers
