"""The page /docs: every route of this installation, written from the program itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.responses import Response

from access.scope import Right
from app.pages.frame import Framed
from app.pages.reference_view import (
    AnswerView,
    Document,
    FieldView,
    GroupView,
    KindView,
    RouteView,
    ShapeView,
)
from app.routes import ROUTES

router = APIRouter(tags=["pages"], include_in_schema=False)

TEXT, NUMBER, TIME = KindView("text"), KindView("number"), KindView("time")
BEARER = FieldView("Authorization", TEXT, True, "Bearer …, or Basic with the token", "header")
NEVER_AGAIN = "Some or all samples were refused; the others are kept. Do not send it again"
KEPT = (
    AnswerView("204", "Every sample is in the journal and in memory"),
    AnswerView("400", NEVER_AGAIN),
    AnswerView("401, 403", "No token, or one without the right ingest"),
    AnswerView("413, 415", "Larger than 32 MB unpacked; another form of body"),
    AnswerView("503", "Not now: keep it and come again after Retry-After seconds"),
)

PORTS: tuple[RouteView, ...] = (
    RouteView(
        method="POST",
        path="/prometheus/api/v1/write",
        summary="Prometheus remote write 1.0.",
        about="The sender's own label client counts only with a token for "
        "all clients; a token of one client sets it.",
        parameters=(
            BEARER,
            FieldView("Content-Type", KindView("application/x-protobuf"), True, "", "header"),
            FieldView("Content-Encoding", KindView("snappy"), True, "", "header"),
        ),
        body=(FieldView("WriteRequest", KindView("protobuf"), True, "prometheus.WriteRequest"),),
        body_kind="application/x-protobuf",
        answers=KEPT,
        example="""# prometheus.yml
remote_write:
  - url: {url}/prometheus/api/v1/write
    authorization: {{credentials: <a token with the right ingest>}}""",
    ),
    RouteView(
        method="POST",
        path="/api/v1/samples",
        summary="Samples as JSON, for scripts.",
        about="A body that is not of this form is refused as a whole.",
        parameters=(
            BEARER,
            FieldView("Content-Type", KindView("application/json"), False, "", "header"),
        ),
        body=(
            FieldView("samples", KindView("list"), True),
            FieldView("samples[].name", TEXT, True, "the name of the metric"),
            FieldView("samples[].labels", KindView("map of text"), False),
            FieldView("samples[].value", NUMBER, True, "or NaN, +Inf, -Inf as text"),
            FieldView("samples[].at", TIME, False, "RFC 3339 with a zone; without: its arrival"),
        ),
        body_kind="application/json",
        answers=KEPT,
        example="""curl -s -X POST '{url}/api/v1/samples' \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{{"samples": [{{"name": "queue_length", "labels": {{"queue": "orders"}}, "value": 7}}]}}'""",
    ),
)
"""The ports that stand before all routing and so in no OpenAPI document."""

RIGHTS = {(route.method, route.path): route.right for route in ROUTES}


@dataclass(frozen=True)
class ReferenceView:
    """The whole page."""

    version: str
    url: str
    groups: Sequence[GroupView]
    ports: Sequence[RouteView]
    shapes: Sequence[ShapeView]


@router.get("/docs")
async def show_reference(frame: Framed) -> Response:
    """Show every route, its parameters, bodies and answers, with an example for each."""
    frame.caller.need(Right.READ)
    app, url = frame.request.app, frame.request.app.state.settings.url
    document = Document(app.openapi(), url, RIGHTS)
    view = ReferenceView(
        version=app.version,
        url=url,
        groups=document.groups(),
        ports=ports_at(url),
        shapes=document.shapes(),
    )
    return frame.show("reference.html", view, openapi=app.openapi_url)


def ports_at(url: str) -> list[RouteView]:
    """Return the ports with examples that name our address."""
    return [
        replace(port, example=port.example.format(url=url), right=RIGHTS[port.method, port.path])
        for port in PORTS
    ]
