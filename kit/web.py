"""What every route is handed: the database, the clock, a page of a list, an idempotency key.

Dependencies are coroutines, also where they wait for nothing: FastAPI solves a plain one in a
thread, and while the loop is busy each of these trips costs the request a place in its queue.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Path, Query, Request
from starlette.responses import Response

from kit.clock import Clock
from kit.db import Database
from kit.errors import Invalid
from kit.plain import BIGGEST, misfit, unkept
from kit.settings import Settings

LIMIT_MOST = 500
TOLD_MOST = 50
"""Mistakes of one request that are told at once."""
_CURSOR = "[0-9]{1,18}"


def on_the_loop(made: Callable[..., Any]) -> Callable[..., Any]:
    """Return a class as a dependency that is made on the event loop, not in a thread."""

    async def make(**given: Any) -> Any:
        return made(**given)

    vars(make)["__signature__"] = inspect.signature(made)
    return make


async def keepable(request: Request) -> None:
    """Refuse a body of JSON that we could not keep; every route depends on this.

    A field of any JSON would hand it on: to the database, to the digest of an Idempotency-Key,
    to the answer, and each breaks at something else.
    """
    body = vars(request).get("_json")  # there Starlette keeps it once FastAPI has read it
    if wrong := list(islice(unkept(body), TOLD_MOST)):
        raise misfit(wrong)


async def _db(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


async def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Db = Annotated[Database, Depends(_db)]
AppClock = Annotated[Clock, Depends(_clock)]
AppSettings = Annotated[Settings, Depends(_settings)]
RowNumber = Annotated[int, Path(ge=0, le=BIGGEST)]
"""The number of a row in a path: no more than the database can hold."""
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="the version that was read",
        json_schema_extra={"pattern": r'^(\*|(W/)?"?[0-9]{1,18}"?)$'},
    ),
]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255)]


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for: at most `limit` rows after `cursor`."""

    limit: int
    cursor: int | None


async def _page(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MOST)] = 50,
    cursor: Annotated[
        str | None, Query(json_schema_extra={"pattern": f"^{_CURSOR}$"})  # our words refuse better
    ] = None,
) -> Page:
    if cursor is not None and not re.fullmatch(_CURSOR, cursor):
        raise Invalid("take the cursor from `next` of the page before", field="cursor")
    return Page(limit, None if cursor is None else int(cursor))


Paging = Annotated[Page, Depends(_page)]


def page_of(items: list[Any], page: Page, position: str) -> dict[str, Any]:
    """Return the list as {items, next}; `items` has one row over the limit if there is more."""
    shown = items[: page.limit]
    more = len(items) > page.limit
    return {"items": shown, "next": str(getattr(shown[-1], position)) if more else None}


def json_response(body: object, status: int = 200, media: str = "application/json") -> Response:
    """Answer with JSON, written by orjson."""
    return Response(orjson.dumps(body), status, media_type=media)
