"""The signed link: a GET shows what is wrong, only the button's POST takes the incident."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from access import queries as access
from access.scope import EVERYTHING, Identity
from access.web import LOCALE_COOKIE, AppSigner, Eyes, Reader, refuse_foreign
from app.pages.evidence import evidence_of
from app.pages.incident_view import seen
from app.pages.views import AcknowledgeView, IncidentView, ShellView
from app.pages.words import Words
from incidents import commands, queries
from incidents.lifecycle import OPEN
from incidents.links import bearer
from kit.errors import Conflict, NotFound, Unauthorized
from kit.i18n import negotiate
from kit.slices import ahead
from kit.web import AppClock, AppSettings, Db, on_the_loop

router = APIRouter(prefix="/acknowledge", tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class Link:
    """A signed link and the browser that opened it."""

    token: str
    request: Request
    reader: Reader
    signer: AppSigner
    db: Db
    clock: AppClock
    settings: AppSettings

    @property
    def path(self) -> str:
        """Where the link leads, and its button posts."""
        return f"/acknowledge/{self.token}"

    async def page(self, *, status: int = 200) -> Response:
        """Show what is wrong; who holds the link need not be signed in."""
        now = self.clock()
        try:
            async with self.db.snapshot() as session:
                number, holder = await bearer(session, self.signer, self.token, now=now)
                detail = await queries.detail(session, holder.scope, number, now=now)
                eyes = await self._eyes(session, holder)
                house = self.request.app.state.house
                charts, limits = await evidence_of(
                    house.store,
                    session,
                    house.directory,
                    detail.shown,
                    zone=eyes.zone,
                    locale=eyes.locale,
                )
                people = await access.titles_of_people(session)
        except (Unauthorized, NotFound):
            return self._show(AcknowledgeView("invalid", self.path), self.reader, 410)
        words = Words(eyes.locale, house.directory, people, eyes.zone, charts, limits)
        owner = detail.shown.incident.acknowledged_by
        return self._show(self._state(seen(detail.shown, words), owner, holder), eyes, status)

    async def _eyes(self, session: AsyncSession, holder: Identity) -> Eyes:
        """Return how the page is read: as chosen in this browser, else as the holder reads."""
        chosen = self.request.cookies.get(LOCALE_COOKIE)
        person = await access.person(session, EVERYTHING, holder.name)
        return Eyes(negotiate(None, chosen or person.locale).value, person.timezone)

    def _state(self, view: IncidentView, owner: str | None, holder: Identity) -> AcknowledgeView:
        state = "ready"
        if view.status not in OPEN:
            state = "resolved"
        elif owner is not None and view.status == "acknowledged":
            state = "yours" if owner == holder.name else "taken"
        return AcknowledgeView(state, self.path, view, holder.title, view.path)

    def _show(self, view: AcknowledgeView, eyes: Eyes, status: int) -> Response:
        html = self.request.app.state.pages.render(
            "acknowledge.html",
            eyes.locale,
            eyes.zone,
            now=self.clock(),
            view=view,
            shell=ShellView(here="", path=self.path, csrf="", person=None),
        )
        headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
        return HTMLResponse(html, status, headers=headers)


Linked = Annotated[Link, Depends(on_the_loop(Link))]


@router.get("/{token}")
async def show_link(link: Linked) -> Response:
    """Show the incident and one big button."""
    return await link.page()


@router.post("/{token}")
async def take(link: Linked) -> Response:
    """Take the incident as the person that the link was sent to."""
    refuse_foreign(link.request, link.settings)
    now = link.clock()
    try:
        async with ahead(), link.db.transaction() as tx:
            number, holder = await bearer(tx, link.signer, link.token, now=now)
            await commands.acknowledge(tx, number, by=holder, now=now)
    except (Unauthorized, NotFound):
        return await link.page()
    except Conflict:
        return await link.page(status=409)
    return RedirectResponse(link.path, 303)
