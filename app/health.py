"""How the program itself is: /healthz, /readyz, /metrics. Open on loopback, else with a token.

That somebody is there, and that requests are welcome, anybody may know.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse, Response

from access.scope import Right
from access.web import AppAuthorizer
from app.condition import Condition, House
from kit.web import json_response

router = APIRouter(tags=["health"])


BY_PROXY = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)
"""What proxies add to a request; one of them is enough to be from elsewhere."""


@dataclass(frozen=True)
class Looking:
    """Somebody on this machine, or with a token that may read."""

    house: House


async def _looking(request: Request, authorizer: AppAuthorizer) -> Looking:
    if not _from_here(request):
        await authorizer(request.scope, Right.READ)
    return Looking(request.app.state.house)


def _from_here(request: Request) -> bool:
    """Tell whether this machine asks for itself, and no proxy on it for somebody else."""
    client = request.client
    if client is None or any(name in request.headers for name in BY_PROXY):
        return False
    return _loopback(client.host) and _loopback(request.url.hostname or "")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


Allowed = Annotated[Looking, Depends(_looking)]


ILL: dict[int | str, dict[str, Any]] = {
    503: {"description": "Something is not well", "content": {"application/json": {}}}
}
NOT_YET: dict[int | str, dict[str, Any]] = {
    503: {"description": "Not now", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Measures", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


def _answer(condition: Condition) -> Response:
    return json_response(condition.told(), 200 if condition.well else 503)


@router.get("/healthz", responses=ILL)
async def healthz(allowed: Allowed) -> Response:
    """Whether everything that has to happen happens: 200, or 503 with what does not."""
    return _answer(await allowed.house.condition())


@router.get("/readyz", responses=ILL)
async def readyz(allowed: Allowed) -> Response:
    """Whether requests are welcome: database, journal and evaluation are at work."""
    return _answer(await allowed.house.readiness())


@router.head("/prometheus/-/healthy", include_in_schema=False)
@router.get("/prometheus/-/healthy", response_class=PlainTextResponse)
async def healthy() -> Response:
    """Whether somebody is there, as Prometheus's clients ask."""
    return PlainTextResponse("Langyan is healthy.\n")


@router.head("/prometheus/-/ready", include_in_schema=False)
@router.get("/prometheus/-/ready", response_class=PlainTextResponse, responses=NOT_YET)
async def ready(request: Request) -> Response:
    """Whether requests are welcome, as Prometheus's clients ask."""
    house: House = request.app.state.house
    if (await house.readiness()).well:
        return PlainTextResponse("Langyan is ready.\n")
    return PlainTextResponse("Langyan is not ready.\n", 503)


@router.get("/metrics", response_class=Response, responses=TEXT)
async def metrics(allowed: Allowed) -> Response:
    """What we measure of ourselves, for Prometheus."""
    await allowed.house.measure()
    return Response(
        generate_latest(allowed.house.measures.registry), media_type=CONTENT_TYPE_LATEST
    )
