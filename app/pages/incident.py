"""The page of one incident: what is wrong, how bad, since when, how long is left, what to press."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.scope import Right
from app.pages.evidence import evidence_of
from app.pages.frame import Framed
from app.pages.incident_view import seen
from app.pages.views import IncidentView
from app.pages.words import Words
from incidents import commands, queries
from incidents.commands import Answer
from incidents.lifecycle import OPEN, Status
from incidents.schemas import NoteText
from kit import live
from kit.errors import Conflict
from kit.i18n import t
from kit.slices import ahead
from kit.web import RowNumber, on_the_loop
from oncall import queries as oncall

router = APIRouter(prefix="/incidents", tags=["pages"], include_in_schema=False)

ALL = frozenset({"acknowledge", "unacknowledge", "escalate", "resolve", "reopen", "note"})
Verb = Callable[..., Awaitable[Answer]]
VERBS: dict[str, Verb] = {
    "acknowledge": commands.acknowledge,
    "unacknowledge": commands.unacknowledge,
    "escalate": commands.escalate,
    "resolve": commands.resolve,
    "reopen": commands.reopen,
}


@dataclass(frozen=True)
class Desk:
    """One incident and whoever looks at it."""

    number: RowNumber
    frame: Framed

    async def view(self) -> IncidentView:
        """Return what the page shows at this moment."""
        frame = self.frame
        frame.caller.need(Right.READ)
        async with frame.db.snapshot() as session:
            return await view_of(session, frame, self.number, now=frame.clock())

    async def fragment(self, message: str | None = None) -> str:
        """Return the live part of the page."""
        view = await self.view()
        return self.frame.render("_incident_live.html", view, here="incidents", message=message)

    async def do(self, verb: Verb, *args: Any) -> Response:
        """Do something to the incident and show what it has become; a refusal is a message."""
        frame, message, locale = self.frame, None, self.frame.reader.locale
        frame.caller.need(Right.WORK)
        try:
            async with ahead(), frame.db.transaction() as tx:
                found, answer = await verb(
                    tx, self.number, *args, by=frame.caller, now=frame.clock()
                )
                message = t(_nothing_done(verb, found.status), locale) if answer else None
        except Conflict as refusal:
            if "hx-request" not in frame.request.headers:
                raise
            message = await self._refused(refusal)
        return await frame.answered(f"/incidents/{self.number}", lambda: self.fragment(message))

    async def _refused(self, refusal: Conflict) -> str:
        """Return why nothing was done, in the reader's words."""
        locale, owner = self.frame.reader.locale, refusal.facts.get("acknowledged_by")
        if not isinstance(owner, str):
            return t("incident.moved_on", locale)
        async with self.frame.db.snapshot() as session:
            people = await access.titles_of_people(session)
        return t("incident.taken_first", locale, who=people.get(owner, owner))


def _nothing_done(verb: Verb, status: Status) -> str:
    """Return the key that says why a verb that was allowed changed nothing."""
    if verb is commands.escalate:
        return "incident.nobody_to_notify"
    return "incident.you_have_it" if status in OPEN else "incident.over_already"


AtDesk = Annotated[Desk, Depends(on_the_loop(Desk))]


async def view_of(
    session: AsyncSession, frame: Framed, number: int, *, now: datetime
) -> IncidentView:
    """Return one incident with its evidence and what this caller may do to it."""
    house = frame.request.app.state.house
    detail = await queries.detail(session, frame.caller.scope, number, now=now)
    charts, limits = await evidence_of(
        house.store,
        session,
        house.directory,
        detail.shown,
        zone=frame.reader.zone,
        locale=frame.reader.locale,
    )
    due_at = detail.shown.incident.next_step_at
    words = Words(
        frame.reader.locale,
        house.directory,
        await access.titles_of_people(session),
        frame.reader.zone,
        charts,
        limits,
        roster=await oncall.roster(session, now=due_at) if due_at else None,
    )
    may = frozenset({*frame.caller.rights}) & {Right.WORK, Right.ADMIN}
    receipts = detail.receipts if may else ()  # how staff are reached is for staff
    return seen(detail.shown, words, receipts=receipts, actions=ALL if may else frozenset())


@router.get("/{number}")
async def show_incident(desk: AtDesk) -> Response:
    """Show the whole page."""
    since, view = desk.frame.since(), await desk.view()
    more = {"message": None, "since": since}
    return desk.frame.show("incident.html", view, here="incidents", **more)


@router.get("/{number}/events")
async def follow_incident(desk: AtDesk) -> Response:
    """Stream the live part while the page is open."""
    frame = desk.frame
    frame.caller.need(Right.READ)
    async with frame.db.snapshot() as session:
        await queries.get(session, frame.caller.scope, desk.number)
    return frame.stream({live.incident(desk.number)}, desk.fragment)


@router.post("/{number}/notes")
async def add_note(desk: AtDesk, text: Annotated[NoteText, Form()]) -> Response:
    """Add a line to the timeline."""
    return await desk.do(commands.note, text)


@router.post("/{number}/{verb}")
async def answer(desk: AtDesk, verb: str) -> Response:
    """Do what a button says."""
    if verb not in VERBS:
        raise Conflict("there is no button {verb!r}", verb=verb)
    return await desk.do(VERBS[verb])
