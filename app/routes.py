"""The one table of routes: each with what it takes to come in. A test walks it."""

from dataclasses import dataclass
from enum import StrEnum

from access.scope import Right


class Door(StrEnum):
    """What lets a request in, besides a right."""

    OPEN = "open"
    """Anybody: there is nothing of a client's behind it."""
    LINK = "link"
    """Whoever holds the signed word in the path."""
    LOOPBACK = "loopback"
    """This machine, else a token that may read."""
    PAGE = "page"
    """A signed-in browser; others are led to the sign-in page."""
    TOKEN = "token"
    """A token, or a signed-in browser; others get a 401."""


@dataclass(frozen=True)
class Route:
    """One way in."""

    method: str
    path: str
    door: Door
    right: Right | None = None


def _routes(door: Door, right: Right | None, *written: str) -> tuple[Route, ...]:
    split = (each.split(" ") for each in written)
    return tuple(Route(method, path, door, right) for method, path in split)


ROUTES: tuple[Route, ...] = (
    *_routes(
        Door.OPEN,
        None,
        "GET /signin",
        "POST /signin",
        "POST /signout",
        "GET /language/{locale}",
        "GET /problems/{slug}",
        "GET /static/{path}",
        "GET /api/v1/openapi.json",
    ),
    *_routes(Door.LINK, None, "GET /acknowledge/{token}", "POST /acknowledge/{token}"),
    *_routes(Door.LOOPBACK, Right.READ, "GET /healthz", "GET /readyz", "GET /metrics"),
    *_routes(
        Door.PAGE,
        Right.READ,
        "GET /",
        "GET /events",
        "GET /incidents",
        "GET /incidents/{number}",
        "GET /incidents/{number}/events",
        "GET /oncall",
        "GET /hosts",
        "GET /docs",
        "GET /more",
        "GET /alerts",
        "GET /alerts.csv",
        "GET /alerts/events",
        "GET /alerts/{alert_id}",
        "GET /clients",
        "GET /clients/{name}",
        "GET /rules",
        "GET /search",
        "GET /rules/{name}",
    ),
    *_routes(
        Door.PAGE,
        Right.WORK,
        "POST /incidents/{number}/notes",
        "POST /incidents/{number}/{verb}",
    ),
    *_routes(
        Door.TOKEN,
        Right.INGEST,
        "POST /prometheus/api/v1/write",
        "POST /api/v1/samples",
    ),
    *_routes(
        Door.TOKEN,
        Right.READ,
        "GET /prometheus/api/v1/query",
        "POST /prometheus/api/v1/query",
        "GET /prometheus/api/v1/query_range",
        "POST /prometheus/api/v1/query_range",
        "GET /api/v1/clients",
        "GET /api/v1/clients/{name}",
        "GET /api/v1/clients/{name}/health",
        "GET /api/v1/search",
        "GET /api/v1/systems",
        "GET /api/v1/people",
        "GET /api/v1/incidents",
        "GET /api/v1/incidents/{number}",
        "GET /api/v1/alerts",
        "GET /api/v1/alerts/{alert_id}",
        "GET /api/v1/alerts/{alert_id}/history",
        "GET /api/v1/rules",
        "GET /api/v1/rules/{name}",
        "GET /api/v1/rules/{name}/history",
        "GET /api/v1/schedules",
        "GET /api/v1/oncall",
    ),
    *_routes(
        Door.TOKEN,
        Right.WORK,
        "POST /api/v1/incidents/{number}/acknowledge",
        "POST /api/v1/incidents/{number}/unacknowledge",
        "POST /api/v1/incidents/{number}/resolve",
        "POST /api/v1/incidents/{number}/reopen",
        "POST /api/v1/incidents/{number}/escalate",
        "POST /api/v1/incidents/{number}/notes",
        "POST /api/v1/incidents/{number}/clocks/{kind}/pause",
        "POST /api/v1/incidents/{number}/clocks/{kind}/resume",
        "POST /api/v1/incidents/{number}/clocks/{kind}/exclude",
        "POST /api/v1/schedules/{name}/overrides",
    ),
    *_routes(
        Door.TOKEN,
        Right.ADMIN,
        "GET /api/v1/tokens",
        "POST /api/v1/tokens",
        "DELETE /api/v1/tokens/{name}",
        "GET /api/v1/audit",
    ),
)
