"""The application: every route of the house behind one set of doors."""

from collections.abc import Mapping, Sequence
from functools import cache

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

import access.api.people
import access.api.tokens
import access.api.trail
import access.pages
import alerting.api
import incidents.api.health
import incidents.api.history
import incidents.api.verbs
import metrics.api
import metrics.catalogue
import metrics.engine.api
import oncall.api
from access.scope import Identity, Right
from access.web import Caller
from app import health, problems
from app.api import account as account_api
from app.api import configuration as configuration_api
from app.api import contacts as contacts_api
from app.api import muting as muting_api
from app.api import preview as preview_api
from app.api import prometheus as prometheus_api
from app.api import prometheus_rules, proof
from app.api import replays as replays_api
from app.api import samples as samples_api
from app.api import targets as targets_api
from app.api import troubles as troubles_api
from app.doors import BODY_MOST, Doors, Timed
from app.house import House
from app.pages import (
    account,
    acknowledge,
    alerts,
    board,
    clients,
    explore,
    hosts,
    incident,
    incident_list,
    menu,
    oncall_page,
    passwords,
    problem_page,
    reference,
    replay,
    rules,
    search,
    sign_on,
    troubles,
)
from app.pages.admin import (
    audit,
    escalations,
    muting,
    own_limits,
    people,
    schedules,
    slas,
    systems,
    targets,
    thresholds,
    tokens,
)
from app.pages.admin import clients as admin_clients
from kit.settings import ROOT
from kit.web import keepable
from metrics.api import Engine
from metrics.asked import Parameters
from metrics.shortcut import Shortcut
from metrics.store import Store

API = (
    access.api.people,
    access.api.tokens,
    access.api.trail,
    incidents.api.history,
    incidents.api.health,
    alerting.api,
    oncall.api,
    preview_api,
    replays_api,
    configuration_api,
    targets_api,
    muting_api,
    samples_api,
    account_api,
    contacts_api,
    troubles_api,
    prometheus_api,
    prometheus_rules,
    proof,
)
FIRST = (
    board,
    incident_list,  # its events stand before a number
    incident,
    incidents.api.verbs,
)
"""What is asked most, and at night: routes are tried one after the other."""
PAGES = (
    access.pages,
    menu,
    oncall_page,
    hosts,
    acknowledge,
    problem_page,
    reference,
    alerts,
    rules,
    replay,
    clients,
    search,
    explore,
    account,
    passwords,
    sign_on,
    troubles,
    audit,
    people,
    tokens,
    admin_clients,
    muting,
    own_limits,
    systems,
    targets,
    thresholds,
    schedules,
    escalations,
    slas,
)


def create_app(house: House) -> Doors:
    """Return the whole program as one ASGI application."""
    app = routed(house)
    whole = app if _passes_on(house) else _short(house, app)
    return Doors(whole, _timed(house))


def routed(house: House) -> FastAPI:
    """Return the application of all routes, without what stands before them."""
    app = FastAPI(
        title="Langyan 狼烟",
        version=house.version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    for name, part in house.shared().items():
        setattr(app.state, name, part)
    problems.install(app)
    app.router.routes.extend(_routes(passing_on=_passes_on(house)))
    app.mount("/static", StaticFiles(directory=ROOT / "static"), name="static")
    return app


def _passes_on(house: House) -> bool:
    return house.settings.metrics_url is not None


def _short(house: House, app: ASGIApp) -> Shortcut:
    async def instant(asked: Parameters, who: Identity) -> Response:
        return await _own_engine().instant(asked, who, reader=house.store, now=house.clock())

    async def ranged(asked: Parameters, who: Identity) -> Response:
        return await _own_engine().ranged(asked, who, reader=house.store)

    async def authorize(scope: Scope) -> Identity:
        return await house.authorizer(scope, Right.READ)

    prefix = metrics.api.PREFIX
    queries = {f"{prefix}/query": instant, f"{prefix}/query_range": ranged}
    return Shortcut(app, authorize, queries)


@cache
def _own_engine() -> Engine:
    return Engine()


@cache
def _routes(*, passing_on: bool) -> Sequence[BaseRoute]:
    """Return every route as FastAPI serves it; to understand them all takes it half a second."""
    whole = FastAPI(
        openapi_url=None,
        max_body_size=BODY_MOST,
        responses=problems.ANSWERS,
        dependencies=[Depends(keepable)],
    )
    for router in routers(passing_on=passing_on):
        whole.include_router(router)
    return whole.routes


def routers(*, passing_on: bool = False) -> list[APIRouter]:
    """Return every room's routes; `app.routes` says what each takes.

    With `passing_on` another engine answers queries.
    """
    first = [room.router for room in FIRST]
    rooms = [room.router for room in (*API, *PAGES, health)]
    prometheus = (
        metrics.engine.api.router(_store, _who)
        if passing_on
        else metrics.api.router(_store, _who, _own_engine()),
        metrics.catalogue.router(_store, _who, metrics.api.PREFIX),
    )
    return [*first, *prometheus, *rooms, search.rest]


async def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _who(caller: Caller) -> Identity:
    return caller


def _timed(house: House) -> Mapping[str, ASGIApp]:
    took = house.measures.ingest.observe
    return {path: Timed(port, took) for path, port in house.ports.items()}
