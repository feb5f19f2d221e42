"""The page /account: one's own name, language, contacts, password and sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.commands import WrongPassword, change_own, end_session, sign_out_everywhere
from access.passwords import SHORTEST
from access.queries import SignedIn
from access.renewal import change_password
from access.schemas import OwnPatch
from access.scope import EVERYTHING, Right
from access.web import Browser
from app.pages import person_parts as parts
from app.pages.forms import Form, FormRefused, refused, understood
from app.pages.frame import Frame, Framed
from app.pages.sent import Sent
from kit.errors import Invalid, NotFound, Overloaded, Refusal, TooMany
from kit.i18n import t

router = APIRouter(prefix="/account", tags=["pages"], include_in_schema=False)

HERE = "/account"


@dataclass(frozen=True)
class AccountView:
    """Who is signed in, and three forms."""

    name: str
    role: str
    origin: str | None
    mail: str | None
    passwords: bool
    shortest: int
    contacts: Sequence[parts.ContactView]
    sessions: Sequence[parts.SessionView]
    profile: Form
    contact: Form = field(default_factory=Form)
    password: Form = field(default_factory=Form)
    done: str = ""


async def _own(frame: Framed, browser: Browser) -> SignedIn:
    frame.caller.need(Right.READ)
    if browser is None or browser.identity.name != frame.caller.name:
        raise NotFound("a token has no account; sign in as a person")
    return browser


Own = Annotated[SignedIn, Depends(_own)]


@router.get("")
async def show_account(frame: Framed, own: Own, done: str = "") -> Response:
    """Show who is signed in, and what they may change of themselves."""
    return await _page(frame, own, done=done if done in ("saved", "password") else "")


async def _page(
    frame: Frame,
    own: SignedIn,
    *,
    profile: Form | None = None,
    contact: Form | None = None,
    password: Form | None = None,
    done: str = "",
) -> Response:
    name = own.identity.name
    async with frame.db.snapshot() as session:
        who = await access.person(session, EVERYTHING, name)
        contacts = await parts.contacts(session, name)
        sessions = await parts.sessions(session, name, frame.clock(), here=own.digest)
    stands = {"title": who.title, "locale": who.locale, "timezone": who.timezone}
    view = AccountView(
        name=name,
        role=who.role.value,
        origin=who.origin,
        mail=who.mail,
        passwords=frame.request.app.state.settings.password_sign_in,
        shortest=SHORTEST,
        contacts=contacts,
        sessions=sessions,
        profile=profile or Form(stands),
        contact=contact or Form(),
        password=password or Form(),
        done=done,
    )
    page = frame.show("account.html", view, parts=parts)
    page.status_code = 422 if profile or contact or password else 200
    return page


@router.post("")
async def change_profile(frame: Framed, own: Own, sent: Sent) -> Response:
    """Change one's own title, language and zone."""
    form = Form(sent)
    said = {key: sent[key] for key in ("title", "locale", "timezone") if key in sent}
    try:
        given = understood(OwnPatch, said, form, frame.reader.locale)
        async with frame.db.transaction() as tx:
            await change_own(tx, given, by=own.identity, now=frame.clock())
    except FormRefused:
        return await _page(frame, own, profile=form)
    except Refusal as refusal:
        return await _page(frame, own, profile=refused(form, refusal))
    return RedirectResponse(f"{HERE}?done=saved", 303)


@router.post("/password")
async def change_secret(frame: Framed, own: Own, sent: Sent) -> Response:
    """Change one's own password; every other browser is signed out."""
    form, locale = Form(), frame.reader.locale
    client, state = frame.request.client, frame.request.app.state
    if not state.settings.password_sign_in:
        raise NotFound("passwords are turned off here")
    if sent.get("new", "") != sent.get("again", ""):
        form.errors["again"] = t("password.differ", locale)
        return await _page(frame, own, password=form)
    try:
        await change_password(
            frame.db,
            frame.clock,
            state.passwords,
            browser=own,
            old=sent.get("old", ""),
            new=sent.get("new", ""),
            address=client.host if client else "",
        )
    except WrongPassword:
        form.errors["old"] = t("password.wrong", locale)
    except Invalid:
        form.errors["new"] = t("password.short", locale, n=SHORTEST)
    except (TooMany, Overloaded):
        form.errors[""] = t("signin.limited", locale)
    if form.errors:
        return await _page(frame, own, password=form)
    return RedirectResponse(f"{HERE}?done=password", 303)


@router.post("/contacts")
async def add_contact(frame: Framed, own: Own, sent: Sent) -> Response:
    """Add a way to reach oneself."""
    form = await parts.add(frame, own.identity.name, sent)
    if form is not None:
        return await _page(frame, own, contact=form)
    return RedirectResponse(f"{HERE}#contacts", 303)


@router.post("/contacts/{contact_id}")
async def change_contact(contact_id: UUID, frame: Framed, own: Own, sent: Sent) -> Response:
    """Change a way to reach oneself."""
    if wrong := await parts.change(frame, own.identity.name, contact_id, sent):
        return await _page(frame, own, contact=Form({}, {"": wrong}))
    return RedirectResponse(f"{HERE}#contacts", 303)


@router.post("/contacts/{contact_id}/remove")
async def remove_contact(contact_id: UUID, frame: Framed, own: Own) -> Response:
    """Remove a way to reach oneself."""
    await parts.remove(frame, own.identity.name, contact_id)
    return RedirectResponse(f"{HERE}#contacts", 303)


@router.post("/contacts/{contact_id}/test")
async def test_contact(contact_id: UUID, frame: Framed, own: Own) -> Response:
    """Send oneself a test."""
    await parts.test(frame, own.identity.name, contact_id)
    return RedirectResponse(f"{HERE}#contacts", 303)


@router.post("/sessions/end")
async def end_all(frame: Framed, own: Own) -> Response:
    """Sign out everywhere, here as well."""
    async with frame.db.transaction() as tx:
        await sign_out_everywhere(tx, own.identity.name, by=own.identity, now=frame.clock())
    return RedirectResponse("/signin", 303)


@router.post("/sessions/{session_id}/end")
async def end_one(session_id: UUID, frame: Framed, own: Own) -> Response:
    """Sign out in one browser."""
    async with frame.db.transaction() as tx:
        await end_session(tx, own.identity.name, session_id, by=own.identity, now=frame.clock())
    return RedirectResponse(f"{HERE}#sessions", 303)
