"""The list of incidents, with its filters in the address."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME
from access.scope import Right
from alerting.lifecycle import Priority
from app.pages.frame import Framed
from app.pages.incident_view import seen
from app.pages.views import ClientView, IncidentsView
from app.pages.words import Words
from incidents import queries
from incidents.lifecycle import OPEN, Status
from kit.web import BIGGEST

router = APIRouter(tags=["pages"], include_in_schema=False)

PAGE = 50
STATES = {
    "open": OPEN,
    "resolved": (Status.RESOLVED, Status.CLOSED),
    "all": tuple(Status),
}


@dataclass(frozen=True)
class Filters:
    """What the address asks for."""

    state: str
    priority: str
    client: str
    text: str


@router.get("/incidents")
async def show_incidents(
    frame: Framed,
    state: Annotated[str, Query(pattern="^(open|resolved|all)$")] = "open",
    priority: Annotated[str, Query(pattern="^(P[1-4])?$")] = "",
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = "",
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    before: Annotated[int | None, Query(ge=0, le=BIGGEST)] = None,
) -> Response:
    """Show the incidents that the filters leave, newest first."""
    frame.caller.need(Right.READ)
    chosen = Filters(state, priority, client, text)
    house = frame.request.app.state.house
    async with frame.db.snapshot() as session:
        found = await queries.listed(
            session,
            frame.caller.scope,
            now=frame.clock(),
            limit=PAGE + 1,
            cursor=before,
            status=STATES[state],
            priority=[Priority(priority)] if priority else (),
            client=client or None,
            text=text,
        )
        people = await access.titles_of_people(session)
    words = Words(frame.reader.locale, house.directory, people, frame.reader.zone)
    shown = [seen(one, words) for one in found[:PAGE]]
    older = None
    if len(found) > PAGE:
        older = "/incidents?" + urlencode({**vars(chosen), "before": shown[-1].number})
    view = IncidentsView(
        incidents=shown,
        **vars(chosen),
        clients=[
            ClientView(name, facts.title, 0)
            for name, facts in sorted(house.directory.clients.items())
            if frame.caller.scope.allows(name)
        ],
        older=older,
    )
    return frame.show("incidents.html", view, here="incidents")
