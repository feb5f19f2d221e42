"""The door: the page to sign in, the way out, and the language to read in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from access.commands import WrongPassword, sign_out
from access.commands.sessions import SESSION_LASTS
from access.digests import new_secret
from access.door import sign_in
from access.web import (
    COOKIE,
    LOCALE_COOKIE,
    AppSigner,
    Asking,
    ForgedRequest,
    Reader,
    csrf_token,
    form_token,
    refuse_foreign,
    refuse_forged,
    safe_next,
)
from kit.errors import Overloaded, Refusal, TooMany, Unauthorized
from kit.i18n import Locale
from kit.settings import Settings
from kit.web import AppClock, AppSettings, Db, on_the_loop

router = APIRouter(tags=["pages"], include_in_schema=False)

FORM_COOKIE = "langyan_form"
KNOWN_COOKIE, KNOWN_PURPOSE = "langyan_known", "known browser"
FORM_LASTS = timedelta(hours=1)
PREFERENCE_LASTS = timedelta(days=365)
Done = Annotated[str | None, Query(pattern="^(password|sso_refused|sso_away|sso_expired)$")]
"""What happened before the page to sign in was shown again."""


@dataclass(frozen=True)
class SignInView:
    """The door; `failed` chooses the sentence that says why it stayed shut."""

    back: str
    name: str = ""
    failed: str | None = None
    done: str | None = None
    sso: str | None = None
    password: bool = True
    can_mail: bool = False


@dataclass(frozen=True)
class ShellView:
    """The frame of a page for somebody who is not signed in."""

    csrf: str
    path: str
    here: str = ""
    person: str | None = None
    muted: str = ""  # nothing of the installation is told before the sign-in


class SignInForm(BaseModel):
    """What the page sends; the token is read by itself."""

    name: str = Field("", max_length=64)
    password: str = Field("", max_length=1024)
    back: str = Field("/", max_length=2000)


@dataclass(frozen=True)
class Doorway:
    """What the page to sign in is made with."""

    request: Request
    reader: Reader
    signer: AppSigner
    clock: AppClock
    settings: AppSettings

    def page(self, view: SignInView, *, status: int = 200) -> Response:
        """Return the page to sign in."""
        return self.show("signin.html", view, path="/signin", status=status)

    def view(
        self,
        back: str,
        name: str = "",
        *,
        failed: str | None = None,
        done: str | None = None,
        glass: bool = False,
    ) -> SignInView:
        """Return what the page to sign in offers here: a password, single sign-on, or both."""
        settings = self.settings
        return SignInView(
            back,
            name,
            failed,
            done,
            sso=settings.oidc_name if settings.oidc_issuer else None,
            password=settings.password_sign_in or glass,
            can_mail=bool(settings.smtp_url) and settings.password_sign_in,
        )

    def show(self, template: str, view: object, *, path: str, status: int = 200) -> Response:
        """Return a page whose form is bound to a cookie, as nobody is signed in yet."""
        bound_to = self.request.cookies.get(FORM_COOKIE) or new_secret()
        csrf = csrf_token(self.signer, bound_to, clock=self.clock, lasts=FORM_LASTS)
        html = self.request.app.state.pages.render(
            template,
            self.reader.locale,
            self.reader.zone,
            now=self.clock(),
            view=view,
            shell=ShellView(csrf=csrf, path=path),
        )
        response = HTMLResponse(html, status, headers={"Cache-Control": "no-store"})
        set_cookie(response, FORM_COOKIE, bound_to, self.settings, FORM_LASTS)
        return response

    def known_as(self, name: str) -> str | None:
        """Return the mark of this browser if somebody of this name has signed in here before."""
        try:
            given = self.request.cookies.get(KNOWN_COOKIE, "")
            facts = self.signer.read(KNOWN_PURPOSE, given, now=self.clock())
        except Unauthorized:
            return None
        return facts["mark"] if facts["name"] == name else None

    def remember(self, response: Response, name: str) -> None:
        """Know this browser again: whoever else tries this name cannot shut it out."""
        facts = {"name": name, "mark": self.known_as(name) or new_secret()}
        kept = self.signer.sign(KNOWN_PURPOSE, facts, now=self.clock(), ttl=PREFERENCE_LASTS)
        set_cookie(response, KNOWN_COOKIE, kept, self.settings, PREFERENCE_LASTS)

    async def refuse_forged(self) -> None:
        """Refuse a form that is not the one we showed to this browser."""
        refuse_foreign(self.request, self.settings)
        given = await form_token(self.request)
        bound_to = self.request.cookies.get(FORM_COOKIE, "")
        refuse_forged(self.signer, given, bound_to, clock=self.clock)


AtTheDoor = Annotated[Doorway, Depends(on_the_loop(Doorway))]


def set_cookie(
    response: Response, name: str, value: str, settings: Settings, last: timedelta
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(last.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings.url.startswith("https://"),
    )


@router.get("/signin")
async def show_door(
    who: Asking, door: AtTheDoor, next: str = "/", glass: bool = False, done: Done = None
) -> Response:
    """Show the page to sign in; who is signed in goes on at once.

    With `glass` the form is there though passwords are turned off: it takes the admin token.
    """
    back = _back(next)
    if who is not None:
        return RedirectResponse(back, 303)
    return door.page(door.view(back, done=done, glass=glass))


@router.post("/signin")
async def enter(form: Annotated[SignInForm, Form()], door: AtTheDoor, db: Db) -> Response:
    """Sign in with the form of our page, and go on to where one wanted to go."""
    name, back = form.name.strip().replace("\0", ""), _back(form.back)
    client = door.request.client
    try:
        await door.refuse_forged()
        secret = await sign_in(
            db,
            door.clock,
            door.request.app.state.passwords,
            name=name,
            password=form.password,
            address=client.host if client else "",
            agent=door.request.headers.get("user-agent", ""),
            known=door.known_as(name),
            break_glass=not door.settings.password_sign_in,
        )
    except (WrongPassword, TooMany, Overloaded, ForgedRequest) as refusal:
        failed, status = _failed(refusal)
        return door.page(door.view(back, name, failed=failed, glass=True), status=status)
    response = RedirectResponse(back, 303)
    set_cookie(response, COOKIE, secret, door.settings, SESSION_LASTS)
    door.remember(response, name)
    response.delete_cookie(FORM_COOKIE)
    return response


def _back(wanted: str) -> str:
    path = safe_next(wanted)
    return "/" if path.startswith("/signin") else path  # from the door to the door goes in circles


def _failed(refusal: Refusal) -> tuple[str, int]:
    if isinstance(refusal, WrongPassword):
        return "wrong", 401
    return ("expired", 403) if isinstance(refusal, ForgedRequest) else ("limited", 429)


@router.post("/signout")
async def leave(request: Request, who: Asking, db: Db, clock: AppClock) -> Response:
    """End this browser's session."""
    secret = request.cookies.get(COOKIE)
    if who is not None and secret:
        async with db.transaction() as tx:
            await sign_out(tx, secret, by=who, now=clock())
    response = RedirectResponse("/signin", 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/language/{locale}")
async def choose_language(locale: Locale, settings: AppSettings, back: str = "/") -> Response:
    """Read in this language from now on."""
    response = RedirectResponse(safe_next(back), 303)
    set_cookie(response, LOCALE_COOKIE, locale.value, settings, PREFERENCE_LASTS)
    return response
