"""The board: what burns, who is on call, how the machines are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.scope import HOUSE, Right
from app.condition import Condition, Trouble
from app.pages.first_steps import first_steps
from app.pages.frame import Framed
from app.pages.hosts import fires, hosts, machines
from app.pages.incident_view import row
from app.pages.oncall_page import schedules
from app.pages.views import (
    BoardPage,
    BoardView,
    ClientView,
    RowView,
    ScheduleView,
    StepView,
    WarningView,
)
from app.pages.words import Words
from incidents import queries
from incidents.queries import Row
from kit import live
from kit.i18n import t
from kit.slices import sliced
from kit.web import on_the_loop

if TYPE_CHECKING:
    from app.house import House

router = APIRouter(tags=["pages"], include_in_schema=False)

HOSTS_SHOWN = 12
FOR_ALL = frozenset({"behind", "put_off", "database", "engine_away", "engine_behind"})
"""Troubles that everybody who works here is told: what the board shows may be late."""


@dataclass(frozen=True)
class Board:
    """The board for whoever looks."""

    frame: Framed

    async def page(self, *, late: bool = False) -> BoardPage:
        """Return the board, drawn a moment ago at most if nothing has happened since.

        What this process commits for a request shows at once, what others do once it is announced.
        A page may be `late` when much is announced: its stream makes up for it, or the next look.
        """
        frame = self.frame
        frame.caller.need(Right.READ)
        house: House = frame.request.app.state.house
        sees = frame.caller.scope, frame.caller.rights, frame.reader.locale, frame.reader.zone
        return await house.boards.get(
            sees,
            house.db.commits,
            self._drawn,
            now=frame.clock(),
            news=house.notices.mark(live.CHANNEL),
            late=late,
        )

    async def _drawn(self) -> BoardPage:
        since, view = self.frame.since(), await self.view()
        live_part = await self.frame.render_for_all("_board_live.html", view)
        return BoardPage(view, live_part, since)

    async def view(self) -> BoardView:
        """Return what the board shows at this moment."""
        frame = self.frame
        house, now = frame.request.app.state.house, frame.clock()
        async with frame.db.snapshot() as session:
            open_ = await queries.board(session, frame.caller.scope, now)
            people = await access.titles_of_people(session)
            on_call = await schedules(session, frame.caller.scope, now, people)
            quiet_since = None if open_ else await _quiet_since(session, frame)
            burning = await fires(session, frame.caller.scope, house.store)
        words = Words(frame.reader.locale, house.directory, people, frame.reader.zone)
        found = await machines(house.store, frame.caller.scope, fires=burning, now=now)
        return BoardView(
            incidents=_first_to_break([row(standing, words) async for standing in sliced(open_)]),
            schedules=on_call,
            hosts=await hosts(
                found[:HOSTS_SHOWN], house.directory, locale=frame.reader.locale, now=now
            ),
            clients=_clients(open_, words, frame),
            quiet_since=quiet_since,
            warnings=await self._warnings(),
            machines=len(found),
            steps=self._steps(on_call),
        )

    def _steps(self, on_call: Sequence[ScheduleView]) -> Sequence[StepView]:
        state = self.frame.request.app.state
        if Right.ADMIN not in self.frame.caller.rights:
            return ()
        return first_steps(state.store, state.house.directory, on_call, state.settings.url)

    async def _warnings(self) -> Sequence[WarningView]:
        rights = self.frame.caller.rights
        if not rights & {Right.ADMIN, Right.WORK}:
            return ()
        found: Condition = await self.frame.request.app.state.house.lately()
        locale = self.frame.reader.locale
        told = [one for one in found.troubles if Right.ADMIN in rights or one.kind in FOR_ALL]
        warnings = [_warning(trouble, locale) for trouble in told]
        return [*warnings, *_given_up(found, locale)] if Right.ADMIN in rights else warnings

    async def fragment(self) -> str:
        """Return the live part of the board."""
        return (await self.page()).live


def _warning(trouble: Trouble, locale: str) -> WarningView:
    number = trouble.facts.get("number")
    place = "/troubles" if trouble.kind in ("parked", "unwritten") else None
    return WarningView(trouble.said(locale), f"/incidents/{number}" if number else place)


def _given_up(found: Condition, locale: str) -> list[WarningView]:
    counted = {"rows": "rows_set_aside", "messages": "notifications_failed"}
    lost = found.figures.get("engine_refused")
    refused = [WarningView(t("trouble.engine_refused", locale, n=int(lost)), None)] if lost else []
    return refused + [
        WarningView(t(f"troubles.board_{sort}", locale, n=int(found.figures[name])), "/troubles")
        for sort, name in counted.items()
        if found.figures.get(name)
    ]


AtBoard = Annotated[Board, Depends(on_the_loop(Board))]


async def _quiet_since(session: AsyncSession, frame: Framed) -> datetime | None:
    return await queries.last_resolved_at(session, frame.caller.scope)


def _first_to_break(incidents: list[RowView]) -> list[RowView]:
    """Sort: what is overdue, the gravest first; then by the clock that breaks first."""

    def order(incident: RowView) -> tuple[bool, bool, str, float]:
        first = incident.clocks[0]
        late = first.tone == "late"
        due_at = first.due_at.timestamp() if first.due_at else 0.0
        return first.ended_at is not None, not late, incident.priority if late else "", due_at

    return sorted(incidents, key=order)


def _clients(open_: Sequence[Row], words: Words, frame: Framed) -> list[ClientView]:
    scope = frame.caller.scope
    found = []
    for name, facts in sorted(words.directory.clients.items(), key=lambda one: one[1].title):
        theirs = [one.incident for one in open_ if one.incident.client == name]
        if not scope.allows(name) or (name == HOUSE and not theirs):
            continue
        gravest = min((incident.priority.value for incident in theirs), default=None)
        found.append(ClientView(name, facts.title, len(theirs), gravest))
    return sorted(found, key=lambda client: client.priority or "P9")


@router.get("/")
async def show_board(board: AtBoard) -> Response:
    """Show the whole board."""
    page = await board.page(late=True)
    return board.frame.show("board.html", page, here="now")


@router.get("/events")
async def follow_board(board: AtBoard) -> Response:
    """Stream the live part while the board is open."""
    board.frame.caller.need(Right.READ)
    return board.frame.stream({live.BOARD}, board.fragment)
