"""What Prometheus tells of itself and its targets, as its clients ask for it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from access import queries
from access.scope import HOUSE, Right
from access.web import Caller
from app.house import House, facts_of
from app.pages.admin.asking import Standing, standing
from collectors.scrape import labels_of
from kit import durations
from kit.web import AppClock, Db
from metrics.api import PREFIX
from metrics.asked import JSON
from metrics.envelope import success
from metrics.labels import CLIENT

if TYPE_CHECKING:
    from access.tables import Target

router = APIRouter(prefix=PREFIX, tags=["prometheus"], default_response_class=Response)

SPOKEN = "3.5.0"
"""The version of Prometheus whose API and language we speak."""
NEVER = "0001-01-01T00:00:00Z"
HEALTH = {"well": "up", "down": "down", "silent": "down"}


@router.get("/targets")
async def targets(
    caller: Caller,
    db: Db,
    clock: AppClock,
    request: Request,
    state: str = "",
    pool: Annotated[str, Query(alias="scrapePool")] = "",
) -> Response:
    """List what we go and ask, and how it answers; targets that are paused are dropped."""
    caller.need(Right.READ)
    house: House = request.app.state.house
    now = clock()
    async with db.snapshot() as session:
        rows = await queries.targets_of(session, caller.scope, limit=None)
    rows = [row for row in rows if pool in ("", row.name)]
    asked = [row for row in rows if not row.disabled and row.paused_at is None]
    left = [row for row in rows if row not in asked]
    active = [
        _active(house, row, await standing(house.store, row, now=now, locale="en")) for row in asked
    ]
    dropped = [{"discoveredLabels": _discovered(row), "scrapePool": row.name} for row in left]
    return _answer(
        {
            "activeTargets": active if state.lower() in ("", "any", "active") else [],
            "droppedTargets": dropped if state.lower() in ("", "any", "dropped") else [],
            "droppedTargetCounts": {row.name: 1 for row in left},
        }
    )


@router.get("/scrape_pools")
async def scrape_pools(caller: Caller, db: Db) -> Response:
    """List the names of targets: each is a pool of its own."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        rows = await queries.targets_of(session, caller.scope, limit=None)
    return _answer({"scrapePools": sorted({row.name for row in rows})})


@router.get("/status/buildinfo")
async def buildinfo(caller: Caller, request: Request) -> Response:
    """Tell which version of Prometheus we speak like, and which of our own this is."""
    caller.need(Right.READ)
    ours = f"langyan {request.app.state.house.version}"
    nothing = dict.fromkeys(("branch", "buildUser", "buildDate", "goVersion"), "")
    return _answer({"version": SPOKEN, "revision": ours, **nothing})


@router.get("/status/config")
async def config(caller: Caller) -> Response:
    """Tell of no configuration in Prometheus's form: ours is read over REST."""
    caller.need(Right.READ)
    return _answer({"yaml": ""})


@router.get("/status/flags")
async def flags(caller: Caller) -> Response:
    """Tell of no flags: there are settings instead."""
    caller.need(Right.READ)
    return _answer({})


@router.get("/status/runtimeinfo")
async def runtimeinfo(caller: Caller, request: Request) -> Response:
    """Tell how long samples are kept, and whether what is asked can be trusted."""
    caller.need(Right.READ)
    house: House = request.app.state.house
    kept = house.store.retention
    return _answer(
        {
            "reloadConfigSuccess": True,
            "storageRetention": durations.text(kept) if kept else "",
            "corruptionCount": house.store.journal.damaged,
        }
    )


def _answer(data: Any) -> Response:
    return Response(success(data), media_type=JSON)


def _discovered(row: "Target") -> dict[str, str]:
    place = urlsplit(row.url)
    return {
        "__address__": place.netloc,
        "__metrics_path__": place.path or "/",
        "__scheme__": place.scheme,
        "job": row.name,
    }


def _active(house: House, row: "Target", stands: Standing) -> dict[str, Any]:
    facts = facts_of(row)
    labels = labels_of(facts)
    if row.client != HOUSE:
        labels[CLIENT] = row.client
    return {
        "discoveredLabels": _discovered(row),
        "labels": labels,
        "scrapePool": row.name,
        "scrapeUrl": row.url,
        "globalUrl": row.url,
        "lastError": house.rounds.why(facts.key) or "",
        "lastScrape": stands.at.isoformat() if stands.at else NEVER,
        "lastScrapeDuration": (stands.took or timedelta()).total_seconds(),
        "health": HEALTH.get(stands.state, "unknown"),
        "scrapeInterval": _length(row.interval_ms),
        "scrapeTimeout": _length(row.timeout_ms),
    }


def _length(milliseconds: int) -> str:
    return durations.text(timedelta(milliseconds=milliseconds))
