"""The one table of routes: each with what it takes to come in. A test walks it."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from starlette.routing import compile_path

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


def _configured(section: str, one: str) -> tuple[Route, ...]:
    many, each = f"/api/v1/{section}", f"/api/v1/{section}/{one}"
    read = _routes(Door.TOKEN, Right.READ, f"GET {many}", f"GET {each}")
    change = (f"POST {many}", f"PUT {each}", f"PATCH {each}", f"DELETE {each}")
    return (*read, *_routes(Door.TOKEN, Right.ADMIN, *change))


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
        "GET /api/v1/installation/{nonce}",
        "GET /influx/ping",
        "HEAD /influx/ping",
        "GET /pushgateway/-/healthy",
        "HEAD /pushgateway/-/healthy",
        "GET /pushgateway/-/ready",
        "HEAD /pushgateway/-/ready",
        "GET /prometheus/-/healthy",
        "HEAD /prometheus/-/healthy",
        "GET /prometheus/-/ready",
        "HEAD /prometheus/-/ready",
    ),
    *_routes(Door.LINK, None, "GET /acknowledge/{token}", "POST /acknowledge/{token}"),
    *_routes(Door.LOOPBACK, Right.READ, "GET /healthz", "GET /readyz", "GET /metrics"),
    *_routes(
        Door.PAGE,
        Right.READ,
        "GET /",
        "GET /events",
        "GET /incidents",
        "GET /incidents/events",
        "GET /incidents/{number}",
        "GET /incidents/{number}/events",
        "GET /oncall",
        "GET /oncall/events",
        "GET /hosts",
        "GET /hosts/events",
        "GET /hosts.csv",
        "GET /incidents.csv",
        "GET /docs",
        "GET /more",
        "GET /alerts",
        "GET /alerts.csv",
        "GET /alerts/events",
        "GET /alerts/{alert_id}",
        "GET /explore",
        "GET /explore/data",
        "GET /explore/names",
        "GET /clients",
        "GET /clients/{name}",
        "GET /rules",
        "GET /search",
        "GET /rules/{name}",
        "GET /rules/{name}/replay",
        "GET /replay",
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
        "POST /otlp/v1/metrics",
        "POST /influx/write",
        "POST /influx/api/v2/write",
        "GET /influx/query",
        "POST /influx/query",
        "PUT /pushgateway/metrics/{path}",
        "POST /pushgateway/metrics/{path}",
        "DELETE /pushgateway/metrics/{path}",
        "GET /pushgateway/metrics",
        "GET /pushgateway/api/v1/metrics",
        "PUT /pushgateway/api/v1/admin/wipe",
    ),
    *_routes(
        Door.TOKEN,
        Right.READ,
        "GET /prometheus/api/v1/query",
        "POST /prometheus/api/v1/query",
        "GET /prometheus/api/v1/query_range",
        "POST /prometheus/api/v1/query_range",
        "GET /prometheus/api/v1/query_exemplars",
        "POST /prometheus/api/v1/query_exemplars",
        "GET /prometheus/api/v1/format_query",
        "POST /prometheus/api/v1/format_query",
        "GET /prometheus/api/v1/parse_query",
        "POST /prometheus/api/v1/parse_query",
        "GET /prometheus/api/v1/labels",
        "POST /prometheus/api/v1/labels",
        "GET /prometheus/api/v1/label/{name}/values",
        "GET /prometheus/api/v1/series",
        "POST /prometheus/api/v1/series",
        "GET /prometheus/api/v1/metadata",
        "GET /prometheus/api/v1/targets",
        "GET /prometheus/api/v1/scrape_pools",
        "GET /prometheus/api/v1/status/buildinfo",
        "GET /prometheus/api/v1/status/config",
        "GET /prometheus/api/v1/status/flags",
        "GET /prometheus/api/v1/status/runtimeinfo",
        "GET /prometheus/api/v1/rules",
        "GET /prometheus/api/v1/alerts",
        "GET /api/v1/clients/{name}/health",
        "GET /api/v1/search",
        "GET /api/v1/people",
        "GET /api/v1/incidents",
        "GET /api/v1/incidents/{number}",
        "GET /api/v1/alerts",
        "GET /api/v1/alerts/{alert_id}",
        "GET /api/v1/alerts/{alert_id}/history",
        "GET /api/v1/rules",
        "GET /api/v1/rules/{name}",
        "GET /api/v1/rules/{name}/history",
        "GET /api/v1/schedules/{name}/overrides",
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
        "DELETE /api/v1/schedules/{name}/overrides/{override_id}",
    ),
    *_routes(
        Door.TOKEN,
        Right.ADMIN,
        "GET /api/v1/tokens",
        "POST /api/v1/tokens",
        "DELETE /api/v1/tokens/{name}",
        "GET /api/v1/audit",
        "GET /api/v1/troubles",
        "GET /api/v1/troubles/{sort}",
        "POST /api/v1/troubles/{sort}/{act}",
        "POST /api/v1/troubles/{sort}/{trouble_id}/{act}",
    ),
    # people and their accounts
    *_routes(
        Door.OPEN,
        None,
        "GET /forgot",
        "POST /forgot",
        "GET /signin/sso",
        "GET /signin/sso/callback",
    ),
    *_routes(Door.LINK, None, "GET /password/{token}", "POST /password/{token}"),
    *_routes(
        Door.PAGE,
        Right.READ,
        "GET /account",
        "POST /account",
        "POST /account/password",
        "POST /account/contacts",
        "POST /account/contacts/{contact_id}",
        "POST /account/contacts/{contact_id}/remove",
        "POST /account/contacts/{contact_id}/test",
        "POST /account/sessions/end",
        "POST /account/sessions/{session_id}/end",
    ),
    *_routes(
        Door.PAGE,
        Right.ADMIN,
        "GET /troubles",
        "POST /troubles/{sort}/{act}",
        "POST /troubles/{sort}/{trouble_id}/{act}",
        "GET /audit",
        "GET /audit.csv",
        "GET /admin/roles",
        "GET /admin/people",
        "GET /admin/people/new",
        "POST /admin/people/new",
        "GET /admin/people/{name}",
        "POST /admin/people/{name}",
        "POST /admin/people/{name}/disable",
        "POST /admin/people/{name}/enable",
        "POST /admin/people/{name}/invite",
        "POST /admin/people/{name}/contacts",
        "POST /admin/people/{name}/contacts/{contact_id}",
        "POST /admin/people/{name}/contacts/{contact_id}/remove",
        "POST /admin/people/{name}/contacts/{contact_id}/test",
        "POST /admin/people/{name}/sessions/end",
        "POST /admin/people/{name}/sessions/{session_id}/end",
        "GET /admin/tokens",
        "POST /admin/tokens",
        "POST /admin/tokens/{name}/revoke",
        # what is configured
        "GET /admin/clients",
        "GET /admin/clients/{name}",
        "GET /admin/clients/new",
        "POST /admin/clients/new",
        "POST /admin/clients/{name}",
        "POST /admin/clients/{name}/remove",
        "POST /admin/muting/lift",
        "GET /admin/limits/{client}",
        "GET /admin/limits/{client}/{name}",
        "POST /admin/limits/{client}/{name}",
        "POST /admin/limits/{client}/{name}/remove",
        "POST /admin/limits/{client}/{name}/preview",
        "GET /admin/systems",
        "GET /admin/systems/{client}/{name}",
        "GET /admin/systems/new",
        "POST /admin/systems/new",
        "POST /admin/systems/{client}/{name}",
        "POST /admin/systems/{client}/{name}/remove",
        "POST /admin/systems/preview",
        "GET /admin/targets",
        "GET /admin/targets/{client}/{name}",
        "GET /admin/targets/new",
        "POST /admin/targets/new",
        "POST /admin/targets/{client}/{name}",
        "POST /admin/targets/{client}/{name}/remove",
        "POST /admin/targets/{client}/{name}/try",
        "POST /admin/targets/{client}/{name}/pause",
        "POST /admin/targets/{client}/{name}/resume",
        "GET /admin/thresholds",
        "GET /admin/thresholds/{name}",
        "GET /admin/thresholds/new",
        "POST /admin/thresholds/new",
        "POST /admin/thresholds/{name}",
        "POST /admin/thresholds/{name}/remove",
        "POST /admin/thresholds/preview",
        "GET /admin/schedules",
        "GET /admin/schedules/{name}",
        "GET /admin/schedules/new",
        "POST /admin/schedules/new",
        "POST /admin/schedules/{name}",
        "POST /admin/schedules/{name}/remove",
        "POST /admin/schedules/preview",
        "GET /admin/escalations",
        "GET /admin/escalations/{name}",
        "GET /admin/escalations/new",
        "POST /admin/escalations/new",
        "POST /admin/escalations/{name}",
        "POST /admin/escalations/{name}/remove",
        "POST /admin/escalations/preview",
        "GET /admin/slas",
        "GET /admin/slas/{name}",
        "GET /admin/slas/new",
        "POST /admin/slas/new",
        "POST /admin/slas/{name}",
        "POST /admin/slas/{name}/remove",
    ),
    *_routes(
        Door.TOKEN,
        Right.READ,
        "GET /api/v1/people/{name}",
        "GET /api/v1/roles",
        "GET /api/v1/account",
        "PATCH /api/v1/account",
        "PUT /api/v1/account/password",
        "GET /api/v1/account/sessions",
        "DELETE /api/v1/account/sessions",
        "DELETE /api/v1/account/sessions/{session_id}",
        "GET /api/v1/account/contacts",
        "POST /api/v1/account/contacts",
        "PATCH /api/v1/account/contacts/{contact_id}",
        "DELETE /api/v1/account/contacts/{contact_id}",
        "GET /api/v1/account/contacts/{contact_id}/test",
        "POST /api/v1/account/contacts/{contact_id}/test",
    ),
    *_routes(
        Door.TOKEN,
        Right.ADMIN,
        "POST /api/v1/people",
        "PATCH /api/v1/people/{name}",
        "POST /api/v1/people/{name}/disable",
        "POST /api/v1/people/{name}/enable",
        "POST /api/v1/people/{name}/invitation",
        "GET /api/v1/people/{name}/sessions",
        "DELETE /api/v1/people/{name}/sessions",
        "DELETE /api/v1/people/{name}/sessions/{session_id}",
        "GET /api/v1/people/{name}/contacts",
        "POST /api/v1/people/{name}/contacts",
        "PATCH /api/v1/people/{name}/contacts/{contact_id}",
        "DELETE /api/v1/people/{name}/contacts/{contact_id}",
        "GET /api/v1/people/{name}/contacts/{contact_id}/test",
        "POST /api/v1/people/{name}/contacts/{contact_id}/test",
    ),
    # what YAML configures, too
    *_configured("clients", "{name}"),
    *_configured("systems", "{client}/{name}"),
    *_configured("schedules", "{name}"),
    *_configured("escalations", "{name}"),
    *_configured("slas", "{name}"),
    *_configured("thresholds", "{name}"),
    *_configured("targets", "{client}/{name}"),
    *_routes(Door.TOKEN, Right.READ, "POST /api/v1/thresholds/preview"),
    *_routes(Door.TOKEN, Right.READ, "POST /api/v1/replays"),
    *_routes(Door.TOKEN, Right.READ, "GET /api/v1/muting"),
    *_routes(
        Door.TOKEN,
        Right.ADMIN,
        "DELETE /api/v1/clients/{client}/samples",
        "PUT /api/v1/muting",
        "DELETE /api/v1/muting",
        "POST /api/v1/targets/{client}/{name}/try",
        "POST /api/v1/targets/{client}/{name}/pause",
        "POST /api/v1/targets/{client}/{name}/resume",
    ),
)


def methods_at(path: str) -> list[str]:
    """Return the methods that are spoken at a path."""
    shapes = _shapes()
    return sorted({method for shape in shapes if shape.match(path) for method in shapes[shape]})


@cache
def _shapes() -> Mapping[re.Pattern[str], set[str]]:
    found: dict[re.Pattern[str], set[str]] = defaultdict(set)
    for route in ROUTES:
        found[compile_path(route.path)[0]].add(route.method)
    return found
