"""Refusals as RFC 9457 problems: the one place that maps their kinds to HTTP numbers."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.types import Send

from access.web import LOCALE_COOKIE, known_browser
from app.pages.problem_page import rendered
from app.routes import methods_at
from kit import errors
from kit.db import DatabaseAway
from kit.errors import ChangedMeanwhile, Refusal, Said, unfit
from kit.i18n import Locale, negotiate, title, told
from kit.plain import Place, misfit
from kit.web import TOLD_MOST


class Fault(Refusal):
    """We have made a mistake; the request may be as right as it likes."""

    slug, title = "fault", "Something is wrong on our side"


STATUS: dict[type[Refusal], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.Invalid: 422,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.TooMany: 429,
    errors.Overloaded: 503,
    Fault: 500,
}
MEDIA = "application/problem+json"
IN_ITS_PLACE = {"HX-Retarget": "#refusal", "HX-Reswap": "innerHTML"}
"""Where htmx puts a refusal: it would swap it for the live part otherwise."""
_SHAPE = {
    "type": "object",
    "title": "Problem",
    "description": "A problem as RFC 9457 has it, with the facts of its kind beside the members.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "the address of a page about this kind"},
        "title": {"type": "string", "description": "the kind in a few words"},
        "status": {"type": "integer", "description": "the HTTP number"},
        "detail": {"type": "string", "description": "what was wrong with this very request"},
        "instance": {"type": "string", "description": "the path that was asked for"},
        "field": {"type": "string", "description": "which part of the request, where it is one"},
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A refusal", "content": {MEDIA: {"schema": _SHAPE}}}
}
"""How OpenAPI tells of refusals, whichever it is."""


def kinds() -> Iterator[type[Refusal]]:
    """Yield every kind of refusal that the program knows."""
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting.extend(kind.__subclasses__())


def status_of(refusal: Refusal) -> int:
    """Return the HTTP number of a refusal; the nearest kind above it decides."""
    return next((STATUS[k] for k in type(refusal).__mro__ if k in STATUS), 400)


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Return what the number alone does not say: who may try again, and how to come in."""
    found = {}
    if isinstance(refusal, errors.Overloaded | errors.TooMany):
        found["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, errors.Unauthorized):
        found["WWW-Authenticate"] = 'Bearer realm="langyan"'
    return found


def body_of(refusal: Refusal, path: str, locale: str = Locale.EN) -> dict[str, Any]:
    """Return the members of RFC 9457 and the facts of the refusal."""
    return {
        **_spoken(
            refusal.facts, locale
        ),  # first, so that a fact cannot overwrite a member of RFC 9457
        "type": f"/problems/{refusal.slug}",
        "title": title(refusal.slug, refusal.title, locale),
        "status": status_of(refusal),
        "detail": told(refusal.detail, locale),
        "instance": path,
    }


def _spoken(fact: Any, locale: str) -> Any:
    """Return a fact with every sentence in it said in `locale`."""
    if isinstance(fact, Said):
        return told(fact, locale)
    if isinstance(fact, Mapping):
        return {name: _spoken(part, locale) for name, part in fact.items()}
    return [_spoken(part, locale) for part in fact] if isinstance(fact, list) else fact


async def problem(request: Request, refusal: Refusal) -> Response:
    """Answer with the refusal: as a page where a page was asked for, else as JSON."""
    locale = language_of(request)
    body = body_of(refusal, request.url.path, locale)
    return await _told(request, body, locale, headers_of(refusal))


async def _told(
    request: Request, body: dict[str, Any], locale: Locale, headers: Mapping[str, str]
) -> Response:
    status, spoken = int(body["status"]), {**headers, "Content-Language": locale.value}
    if not _wants_a_page(request):
        return Response(orjson.dumps(body, default=str), status, spoken, MEDIA)
    part = "hx-request" in request.headers
    html = rendered(request, body, locale, await known_browser(request), part=part)
    return HTMLResponse(html, status, headers=spoken | (IN_ITS_PLACE if part else {}))


def language_of(request: Request) -> Locale:
    """Return in which language to refuse: a page in its reader's, JSON in English unless asked."""
    chosen = request.cookies.get(LOCALE_COOKIE)
    spoken = request.headers.get("accept-language")
    if spoken is None and chosen is None and not _wants_a_page(request):
        return Locale.EN
    return negotiate(spoken, chosen)


def _wants_a_page(request: Request) -> bool:
    machine = ("/api/", "/prometheus/", "/static/", "/healthz", "/readyz", "/metrics")
    asked = request.headers.get("accept", "")
    return "text/html" in asked and not request.url.path.startswith(machine)


async def send_problem(send: Send, refusal: Refusal, path: str) -> None:
    """Answer a plain ASGI request with the refusal."""
    body = orjson.dumps(body_of(refusal, path), default=str)
    headers = {"content-type": MEDIA, "content-length": str(len(body)), **headers_of(refusal)}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": status_of(refusal), "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _place(found: Sequence[str | int]) -> Place:
    return tuple(part for part in found if part not in ("body", "query", "path", "[key]"))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return await problem(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [(_place(one["loc"]), unfit(one)) for one in error.errors()[:TOLD_MOST]]
    return await problem(request, misfit(wrong))


async def _lost_race(request: Request, error: Exception) -> Response:
    return await problem(request, ChangedMeanwhile("read it again, then decide again"))


async def _cut_off(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    if not error.connection_invalidated:
        raise error
    return await problem(request, DatabaseAway("the connection to the database was cut"))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        nothing = errors.NotFound("nothing lives at {path}", path=request.url.path)
        return await problem(request, nothing)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        spoken = methods_at(request.url.path)  # the router tells of one alone
        headers |= {"Allow": ", ".join(spoken)} if spoken else {}
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": str(error.detail),
        "instance": request.url.path,
    }
    if status < HTTPStatus.BAD_REQUEST:  # who is not signed in is sent to the door
        return Response(orjson.dumps(body), int(status), headers, MEDIA)
    return await _told(request, body, language_of(request), headers)


async def _broken(request: Request, error: Exception) -> Response:
    return await problem(request, Fault("what went wrong stands in our log"))


def install(app: FastAPI) -> None:
    """Make `app` answer every refusal, invalid request and lost race as a problem."""
    app.add_exception_handler(Exception, _broken)  # who raised it is logged all the same
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StaleDataError, _lost_race)
    app.add_exception_handler(DBAPIError, _cut_off)
    app.add_exception_handler(HTTPException, _http)
