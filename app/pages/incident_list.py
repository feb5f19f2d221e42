"""The list of incidents, with its filters in the address."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME
from access.scope import Right
from alerting.lifecycle import Priority
from app.pages.frame import Frame, Framed, of_topics_alone
from app.pages.incident_view import row
from app.pages.sheets import MARK, lines, sheet
from app.pages.views import ClientView, IncidentsView
from app.pages.words import Words
from incidents import queries
from incidents.clocks import Kind
from incidents.content import titled
from incidents.lifecycle import OPEN, Status
from incidents.queries import Shown, Wanted
from kit import live
from kit.plain import BIGGEST
from kit.web import on_the_loop

router = APIRouter(tags=["pages"], include_in_schema=False)

PAGE = 50
BATCH = 500
LINES_MOST = 10_000
COLUMNS = (
    *("number", "status", "priority", "client", "system", "title", "alerts", "opened_at"),
    *("acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by"),
    *("response", "response_due_at", "recovery", "recovery_due_at"),
)
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

    def wanted(self, before: int | None) -> Wanted:
        """Return the same as a query wants it, below the number `before`."""
        return Wanted(
            cursor=before,
            status=STATES[self.state],
            priority=[Priority(self.priority)] if self.priority else (),
            client=self.client or None,
            text=self.text,
        )


async def _filters(
    state: Annotated[str, Query(pattern="^(open|resolved|all)$")] = "open",
    priority: Annotated[str, Query(pattern="^(P[1-4])?$")] = "",
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = "",
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> Filters:
    return Filters(state, priority, client, text)


Chosen = Annotated[Filters, Depends(_filters)]


@dataclass(frozen=True)
class Listing:
    """The list for whoever looks; `before` is the number above which a further part begins."""

    frame: Framed
    chosen: Chosen
    before: Annotated[int | None, Query(ge=0, le=BIGGEST)] = None

    async def view(self) -> IncidentsView:
        """Return what the filters leave at this moment, newest first."""
        frame, chosen = self.frame, self.chosen
        frame.caller.need(Right.READ)
        house = frame.request.app.state.house
        async with frame.db.snapshot() as session:
            found = await queries.lines(
                session,
                frame.caller.scope,
                now=frame.clock(),
                limit=PAGE + 1,
                **chosen.wanted(self.before),
            )
            people = await access.titles_of_people(session)
        words = Words(frame.reader.locale, house.directory, people, frame.reader.zone)
        shown = [row(one, words) for one in found[:PAGE]]
        own = vars(chosen) | ({} if self.before is None else {"before": self.before})
        older = urlencode({**own, "before": shown[-1].number}) if len(found) > PAGE else None
        return IncidentsView(
            incidents=shown,
            **vars(chosen),
            clients=[
                ClientView(name, facts.title, 0)
                for name, facts in sorted(house.directory.clients.items())
                if frame.caller.scope.allows(name)
            ],
            older=f"/incidents?{older}" if older else None,
            csv="/incidents.csv?" + urlencode(vars(chosen)),
            events="/incidents/events?" + urlencode(own),
        )

    async def fragment(self) -> str:
        """Return the live part of the list."""
        view = await self.view()
        return await self.frame.render_in_slices("_incidents_live.html", view, here="incidents")


AtListing = Annotated[Listing, Depends(on_the_loop(Listing))]


@router.get("/incidents")
async def show_incidents(listing: AtListing) -> Response:
    """Show the incidents that the filters leave, newest first."""
    since, view = listing.frame.since(), await listing.view()
    return listing.frame.show("incidents.html", view, here="incidents", since=since)


@router.get("/incidents/events")
async def follow_incidents(listing: AtListing) -> Response:
    """Stream the list while it is open."""
    listing.frame.caller.need(Right.READ)
    return listing.frame.stream({live.BOARD}, listing.fragment, version=of_topics_alone)


@router.get("/incidents.csv")
async def export_incidents(frame: Framed, chosen: Chosen) -> Response:
    """Return the list as a table for a spreadsheet, newest first, at most 10,000 lines."""
    frame.caller.need(Right.READ)
    return sheet(_lines(frame, chosen), "incidents.csv")


async def _lines(frame: Frame, chosen: Filters) -> AsyncIterator[str]:
    """Batch by batch, each in a snapshot of its own: a slow reader holds no transaction open."""
    yield MARK + lines([COLUMNS])
    before: int | None = None
    for _ in range(LINES_MOST // BATCH):
        async with frame.db.snapshot() as session:
            found = await queries.listed(
                session,
                frame.caller.scope,
                now=frame.clock(),
                limit=BATCH,
                **chosen.wanted(before),
            )
        if not found:
            return
        before = found[-1].incident.number
        yield lines(_cells(one, frame.reader.locale) for one in found)


def _cells(one: Shown, locale: str) -> list[object]:
    incident = one.incident
    clocks = (one.clock(Kind.RESPONSE), one.clock(Kind.RECOVERY))
    return [
        *(incident.number, incident.status, incident.priority, incident.client, incident.system),
        *(titled(incident.title, locale), one.alert_count, incident.opened_at),
        *(
            incident.acknowledged_at,
            incident.acknowledged_by,
            incident.resolved_at,
            incident.resolved_by,
        ),
        *(fact for clock in clocks for fact in (clock.state, clock.due_at)),
    ]
