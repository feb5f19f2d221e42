"""The pages /admin/people and /admin/roles: who works here, made, changed, invited, signed out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.commands import (
    change_person,
    disable_person,
    enable_person,
    end_session,
    make_person,
    sign_out_everywhere,
)
from access.commands.governing import governed
from access.schemas import NAME, Name, PersonIn, PersonPatch
from access.scope import RIGHTS, Right, Role
from app.pages import person_parts as parts
from app.pages.forms import Form, FormRefused, refused, understood
from app.pages.frame import Frame, Framed
from app.pages.sent import Sent
from app.people.inviting import Invited
from kit.errors import Refusal

if TYPE_CHECKING:
    from access.tables import Person

router = APIRouter(prefix="/admin", tags=["pages"], include_in_schema=False)

PAGE = 100
CLIENTS_MOST = 1000


@dataclass(frozen=True)
class PersonRow:
    """One line of the list."""

    name: str
    title: str
    role: str
    mail: str | None
    clients: Sequence[str] | None
    disabled: bool
    origin: str | None


@dataclass(frozen=True)
class PeopleView:
    """Who works here, as far as the search goes."""

    text: str
    people: Sequence[PersonRow]
    more: str | None = None


@dataclass(frozen=True)
class PersonFormView:
    """Somebody new, or the facts of a person."""

    form: Form
    clients: Sequence[tuple[str, str]]
    roles: Sequence[str] = tuple(role.value for role in Role if role is not Role.AGENT)


@dataclass(frozen=True)
class PersonView(PersonFormView):
    """A person with contacts and sessions."""

    person: PersonRow = field(kw_only=True)
    own: bool = field(kw_only=True)
    contacts: Sequence[parts.ContactView] = field(kw_only=True)
    sessions: Sequence[parts.SessionView] = field(kw_only=True)
    contact: Form = field(kw_only=True)
    invited_until: datetime | None = field(kw_only=True)
    can_mail: bool = field(kw_only=True)
    passwords: bool = field(kw_only=True)
    invited: Invited | None = field(kw_only=True)
    wrong: str = field(kw_only=True)
    done: str = field(kw_only=True)


@dataclass(frozen=True)
class RolesView:
    """What each role may do."""

    rights: Sequence[str]
    roles: Sequence[tuple[str, frozenset[Right]]]


@router.get("/people")
async def show_people(
    frame: Framed,
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    after: Annotated[str, Query(pattern=f"{NAME}|^$")] = "",
) -> Response:
    """Show who works here, by name."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        rows = await access.people(
            session, frame.caller.scope, text=text, after=after, limit=PAGE + 1
        )
    shown = [_row(row, frame) for row in rows[:PAGE]]
    more = shown[-1].name if len(rows) > PAGE else None
    return frame.show("admin/people.html", PeopleView(text, shown, more), here="admin")


@router.get("/roles")
async def show_roles(frame: Framed) -> Response:
    """Show what each role may do."""
    frame.caller.need(Right.ADMIN)
    roles = [(role.value, rights) for role, rights in RIGHTS.items()]
    view = RolesView([right.value for right in Right], roles)
    return frame.show("admin/roles.html", view, here="admin")


@router.get("/people/new")
async def show_new(frame: Framed) -> Response:
    """Show the form for somebody new."""
    frame.caller.need(Right.ADMIN)
    stands = {"role": Role.ENGINEER.value, "locale": frame.reader.locale}
    return await _new(frame, Form({**stands, "timezone": frame.reader.zone, "reach": "all"}))


@router.post("/people/new")
async def make(frame: Framed, sent: Sent) -> Response:
    """Make somebody, and go on to their page."""
    frame.caller.need(Right.ADMIN)
    form = Form(sent)
    try:
        said = {**_said(sent), "name": sent.get("name", "").strip()}
        given = understood(PersonIn, said, form, frame.reader.locale)
        async with frame.db.transaction() as tx:
            await make_person(tx, given, by=frame.caller, now=frame.clock())
    except FormRefused:
        return await _new(frame, form, 422)
    except Refusal as refusal:
        return await _new(frame, refused(form, refusal), 422)
    return RedirectResponse(f"/admin/people/{given.name}?done=made", 303)


@router.get("/people/{name}")
async def show_person(
    name: Name, frame: Framed, done: Annotated[str, Query(pattern="^(made|saved|invited)?$")] = ""
) -> Response:
    """Show a person with contacts and sessions."""
    frame.caller.need(Right.ADMIN)
    return await _person(frame, name, done=done)


@router.post("/people/{name}")
async def change(name: Name, frame: Framed, sent: Sent) -> Response:
    """Change a person."""
    frame.caller.need(Right.ADMIN)
    form = Form(sent)
    try:
        given = understood(PersonPatch, _said(sent), form, frame.reader.locale)
        async with frame.db.transaction() as tx:
            await change_person(tx, name, given, by=frame.caller, now=frame.clock())
    except FormRefused:
        return await _person(frame, name, form=form)
    except Refusal as refusal:
        return await _person(frame, name, form=refused(form, refusal))
    return RedirectResponse(f"/admin/people/{name}?done=saved", 303)


@router.post("/people/{name}/disable")
async def disable(name: Name, frame: Framed) -> Response:
    """Let somebody in no more."""
    frame.caller.need(Right.ADMIN)
    try:
        async with frame.db.transaction() as tx:
            await disable_person(tx, name, by=frame.caller, now=frame.clock())
    except Refusal as refusal:
        return await _person(frame, name, wrong=refusal.detail)
    return RedirectResponse(f"/admin/people/{name}", 303)


@router.post("/people/{name}/enable")
async def enable(name: Name, frame: Framed) -> Response:
    """Let somebody in again."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await enable_person(tx, name, by=frame.caller, now=frame.clock())
    return RedirectResponse(f"/admin/people/{name}", 303)


@router.post("/people/{name}/invite")
async def invite(name: Name, frame: Framed) -> Response:
    """Invite somebody by mail; without a way to mail, show the link in this one answer."""
    frame.caller.need(Right.ADMIN)
    try:
        async with frame.db.transaction() as tx:
            inviting = frame.request.app.state.inviting
            made: Invited = await inviting.invite(tx, name, by=frame.caller, now=frame.clock())
    except Refusal as refusal:
        return await _person(frame, name, wrong=refusal.detail)
    if made.link is None:
        return RedirectResponse(f"/admin/people/{name}?done=invited", 303)
    return await _person(frame, name, invited=made)


@router.post("/people/{name}/contacts")
async def add_contact(name: Name, frame: Framed, sent: Sent) -> Response:
    """Add a way to reach somebody."""
    frame.caller.need(Right.ADMIN)
    form = await parts.add(frame, name, sent)
    if form is not None:
        return await _person(frame, name, contact=form)
    return RedirectResponse(f"/admin/people/{name}#contacts", 303)


@router.post("/people/{name}/contacts/{contact_id}")
async def change_contact(name: Name, contact_id: UUID, frame: Framed, sent: Sent) -> Response:
    """Change a way to reach somebody."""
    frame.caller.need(Right.ADMIN)
    if wrong := await parts.change(frame, name, contact_id, sent):
        return await _person(frame, name, wrong=wrong)
    return RedirectResponse(f"/admin/people/{name}#contacts", 303)


@router.post("/people/{name}/contacts/{contact_id}/remove")
async def remove_contact(name: Name, contact_id: UUID, frame: Framed) -> Response:
    """Remove a way to reach somebody."""
    frame.caller.need(Right.ADMIN)
    await parts.remove(frame, name, contact_id)
    return RedirectResponse(f"/admin/people/{name}#contacts", 303)


@router.post("/people/{name}/contacts/{contact_id}/test")
async def test_contact(name: Name, contact_id: UUID, frame: Framed) -> Response:
    """Send somebody a test."""
    frame.caller.need(Right.ADMIN)
    await parts.test(frame, name, contact_id)
    return RedirectResponse(f"/admin/people/{name}#contacts", 303)


@router.post("/people/{name}/sessions/end")
async def end_all(name: Name, frame: Framed) -> Response:
    """Sign somebody out everywhere."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await sign_out_everywhere(tx, name, by=frame.caller, now=frame.clock())
    return RedirectResponse(f"/admin/people/{name}#sessions", 303)


@router.post("/people/{name}/sessions/{session_id}/end")
async def end_one(name: Name, session_id: UUID, frame: Framed) -> Response:
    """Sign somebody out in one browser."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await end_session(tx, name, session_id, by=frame.caller, now=frame.clock())
    return RedirectResponse(f"/admin/people/{name}#sessions", 303)


def _said(sent: Mapping[str, str]) -> dict[str, object]:
    """Return what the form says as the API has it: the reach is every client, or those chosen."""
    said: dict[str, object] = {
        key: sent[key].strip() for key in ("title", "role", "locale", "timezone") if key in sent
    }
    said["mail"] = sent.get("mail", "").strip() or None
    if "reach" in sent:
        chosen = sent.get("clients", "").split()
        said["clients"] = None if sent["reach"] == "all" else chosen
    return said


async def _new(frame: Frame, form: Form, status: int = 200) -> Response:
    async with frame.db.snapshot() as session:
        view = PersonFormView(form, await _clients(session, frame))
    page = frame.show("admin/person_new.html", view, here="admin", parts=parts)
    page.status_code = status
    return page


async def _person(
    frame: Frame,
    name: str,
    *,
    form: Form | None = None,
    contact: Form | None = None,
    invited: Invited | None = None,
    wrong: str = "",
    done: str = "",
) -> Response:
    state, now = frame.request.app.state, frame.clock()
    async with frame.db.transaction() as tx:
        who = await governed(tx, name, frame.caller)
        link = await access.invited(tx, name, now)
        view = PersonView(
            form or _form(_row(who, frame), who.locale, who.timezone),
            await _clients(tx, frame),
            person=_row(who, frame),
            own=name == frame.caller.name,
            contacts=await parts.contacts(tx, name),
            sessions=await parts.sessions(tx, name, now),
            contact=contact or Form(),
            invited_until=link.ends_at if link else None,
            can_mail=state.inviting.can_mail and who.mail is not None,
            passwords=state.settings.password_sign_in,
            invited=invited,
            wrong=wrong,
            done=done,
        )
    page = frame.show("admin/person.html", view, here="admin", parts=parts)
    page.status_code = 422 if form or contact or wrong else 200
    return page


def _form(row: PersonRow, locale: str, zone: str) -> Form:
    values = {"title": row.title, "role": row.role, "mail": row.mail or ""}
    values |= {"locale": locale, "timezone": zone, "clients": " ".join(row.clients or ())}
    return Form({**values, "reach": "all" if row.clients is None else "some"})


def _row(row: "Person", frame: Frame) -> PersonRow:
    reached = frame.caller.scope.clients
    clients = row.clients
    if reached is not None and clients is not None:
        clients = sorted(reached.intersection(clients))
    return PersonRow(
        row.name, row.title, row.role.value, row.mail, clients, row.disabled, row.origin
    )


async def _clients(session: AsyncSession, frame: Frame) -> Sequence[tuple[str, str]]:
    rows = await access.clients(session, frame.caller.scope, limit=CLIENTS_MOST)
    return [(row.name, row.title) for row in rows]
