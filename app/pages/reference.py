"""The page /docs: every route of this installation, written from the program itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.responses import Response

from access.scope import Right
from app.pages.frame import Framed
from app.pages.reference_ports import PORTS
from app.pages.reference_view import Document, GroupView, RouteView, ShapeView
from app.routes import ROUTES

router = APIRouter(tags=["pages"], include_in_schema=False)

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
