"""A password forgotten, and one chosen by a link: for people who are not signed in."""

from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.commands import ask_for_reset
from access.pages import AtTheDoor
from access.passwords import SHORTEST
from access.queries import LinkOver
from access.web import ForgedRequest
from app.pages.forms import Form, refused
from app.pages.sent import Sent
from app.people.inviting import Inviting, choose
from kit.errors import Invalid, NotFound, TooMany
from kit.i18n import t
from kit.web import Db

router = APIRouter(tags=["pages"], include_in_schema=False)

Token = Annotated[str, Path(max_length=1000)]


@dataclass(frozen=True)
class ForgotView:
    """Who forgot; `asked`: the same words whoever was named."""

    form: Form = field(default_factory=Form)
    asked: bool = False
    can_mail: bool = True


@dataclass(frozen=True)
class ChooseView:
    """Whose password is chosen and why; without `purpose` the link is over."""

    path: str
    shortest: int = SHORTEST
    name: str = ""
    title: str = ""
    purpose: str | None = None
    form: Form = field(default_factory=Form)


@router.get("/forgot")
async def show_forgot(door: AtTheDoor, asked: bool = False) -> Response:
    """Show the form that asks for a link."""
    view = ForgotView(asked=asked, can_mail=_by_mail(door))
    return door.show("forgot.html", view, path="/forgot")


@router.post("/forgot")
async def ask(door: AtTheDoor, sent: Sent, db: Db) -> Response:
    """Take the wish; the answer is the same whether anybody has that name."""
    form = Form(sent)
    name = sent.get("name", "").strip()
    client = door.request.client
    try:
        await door.refuse_forged()
        if not _by_mail(door):
            raise NotFound("no mail is sent from here")
        if not 0 < len(name) <= 254:
            raise Invalid("write your name or your address", field="name")
        async with db.transaction() as tx:
            address = client.host if client else ""
            await ask_for_reset(tx, name, address=address, now=door.clock())
    except Invalid as refusal:
        return _again(door, refused(form, refusal), 422)
    except (TooMany, ForgedRequest) as refusal:
        limited = isinstance(refusal, TooMany)
        form.errors[""] = t("signin.limited" if limited else "signin.expired", door.reader.locale)
        return _again(door, form, 429 if limited else 403)
    return RedirectResponse("/forgot?asked=true", 303)


@router.get("/password/{token}")
async def show_choice(token: Token, door: AtTheDoor, db: Db) -> Response:
    """Show the form to choose a password; looking at it uses nothing up."""
    try:
        _, view = await _opened(token, door, db)
    except LinkOver:
        return _over(door, token)
    return door.show("password.html", view, path=view.path)


@router.post("/password/{token}")
async def choose_one(token: Token, door: AtTheDoor, sent: Sent, db: Db) -> Response:
    """Set the password and use the link up; everybody signed in by that name is signed out."""
    try:
        link, view = await _opened(token, door, db)
        fresh = await _hashed(door, sent, view.form)
        if fresh is None:
            return door.show("password.html", view, path=view.path, status=422)
        async with db.transaction() as tx:
            await choose(tx, link, fresh, now=door.clock())
    except LinkOver:
        return _over(door, token)
    return RedirectResponse("/signin?done=password", 303)


async def _hashed(door: AtTheDoor, sent: Sent, form: Form) -> str | None:
    """Return the hash of a password that was sent twice alike, or say in the form what is wrong."""
    locale = door.reader.locale
    try:
        await door.refuse_forged()
    except ForgedRequest:
        form.errors[""] = t("signin.expired", locale)
        return None
    password = sent.get("password", "")
    if password != sent.get("again", ""):
        form.errors["again"] = t("password.differ", locale)
        return None
    try:
        fresh: str = await door.request.app.state.passwords.hash(password)
    except Invalid:
        form.errors["password"] = t("password.short", locale, n=SHORTEST)
        return None
    return fresh


async def _opened(token: str, door: AtTheDoor, db: Db) -> tuple[UUID, ChooseView]:
    if not door.settings.password_sign_in:
        raise LinkOver("passwords are turned off here")
    inviting: Inviting = door.request.app.state.inviting
    link = inviting.read(token, now=door.clock())
    async with db.snapshot() as session:
        row, who = await access.password_link(session, link, door.clock())
    return link, ChooseView(
        f"/password/{token}", name=who.name, title=who.title, purpose=row.purpose.value
    )


def _over(door: AtTheDoor, token: str) -> Response:
    view = ChooseView(f"/password/{token}")
    return door.show("password.html", view, path="/signin", status=410)


def _again(door: AtTheDoor, form: Form, status: int) -> Response:
    return door.show("forgot.html", ForgotView(form), path="/forgot", status=status)


def _by_mail(door: AtTheDoor) -> bool:
    return bool(door.settings.smtp_url) and door.settings.password_sign_in
