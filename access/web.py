"""Who asks a route: `Caller` for the API, `PageCaller` for pages, `Csrf` for their forms."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import FormData

from access import queries
from access.authorizer import Authorizer, token_of
from access.commands import seen
from access.commands.people import SEEN_AGAIN_AFTER
from access.commands.sessions import SESSION_LASTS
from access.digests import digest
from access.queries import SignedIn
from access.scope import Identity
from kit.clock import Clock
from kit.errors import Forbidden, Refusal, Unauthorized
from kit.i18n import negotiate
from kit.settings import Settings
from kit.signing import Signer
from kit.web import AppClock, AppSettings, Db

COOKIE = "langyan_session"
LOCALE_COOKIE = "langyan_locale"
ZONE = "Asia/Shanghai"
"""The zone in which a page is read by somebody who is not signed in."""
CSRF_PURPOSE = "csrf"
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf"
KNOWN_WITHIN = 1.0
"""Seconds in which a page that tells what went wrong has to know who looks."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class ForgedRequest(Forbidden):
    """A browser's request that changes something did not come from one of our pages."""

    slug, title = "forged-request", "This form did not come from our page, or it is too old"


async def _authorizer(request: Request) -> Authorizer:
    authorizer: Authorizer = request.app.state.authorizer
    return authorizer


async def _signer(request: Request) -> Signer:
    signer: Signer = request.app.state.signer
    return signer


AppAuthorizer = Annotated[Authorizer, Depends(_authorizer)]
AppSigner = Annotated[Signer, Depends(_signer)]
_token = HTTPBearer(auto_error=False, scheme_name="token", description="ly_…")
_session = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description=f"a signed-in browser; what changes something also sends {CSRF_HEADER}",
)


async def _signed_in(request: Request, db: Db, clock: AppClock) -> SignedIn | None:
    """Return whose browser asks; None without a session that holds."""
    request.state.browser = None
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    now = clock()
    try:
        async with db.glance() as session:
            found = await queries.identity_of_session(session, secret, now)
    except Unauthorized:
        return None
    request.state.browser = found
    if found.seen_at < now - SEEN_AGAIN_AFTER:
        async with db.transaction() as tx:
            await seen(tx, found.digest, now=now)
    return found


async def known_browser(request: Request) -> SignedIn | None:
    """Return whose browser asked, for a page that tells what went wrong; quick, or None."""
    if hasattr(request.state, "browser"):
        found: SignedIn | None = request.state.browser
        return found
    if COOKIE not in request.cookies:
        return None
    state = request.app.state
    try:
        async with asyncio.timeout(KNOWN_WITHIN):
            return await _signed_in(request, state.db, state.clock)
    except (Refusal, SQLAlchemyError, OSError, TimeoutError):
        return None


Browser = Annotated[SignedIn | None, Depends(_signed_in)]


async def _identity(
    request: Request,
    authorizer: AppAuthorizer,
    browser: Browser,
    signer: AppSigner,
    clock: AppClock,
    settings: AppSettings,
) -> Identity | None:
    """Return who asks, by token or by browser; None if nobody we know."""
    raw = token_of(request.headers)
    if raw is not None:
        return await authorizer.identity(raw)
    if browser is None:
        return None
    if request.method not in SAFE:
        refuse_foreign(request, settings)
        given = await form_token(request)
        refuse_forged(signer, given, browser.digest, clock=clock)
    return browser.identity


Asking = Annotated[Identity | None, Depends(_identity)]


async def _caller(
    who: Asking,
    _by_token: Annotated[object, Security(_token)] = None,  # for OpenAPI to tell of
    _by_session: Annotated[object, Security(_session)] = None,
) -> Identity:
    if who is None:
        raise Unauthorized("send a token, or sign in")
    return who


async def _page_caller(request: Request, who: Asking) -> Identity:
    if who is not None:
        return who
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    door = f"/signin?next={quote(asked if request.method in SAFE else '/', safe='')}"
    if "hx-request" in request.headers:  # a redirect would put the door into a corner of the page
        raise HTTPException(401, "sign in again", headers={"HX-Redirect": door})
    raise HTTPException(303, "sign in first", headers={"Location": door})


async def _csrf(browser: Browser, signer: AppSigner, clock: AppClock) -> str:
    return "" if browser is None else csrf_token(signer, browser.digest, clock=clock)


@dataclass(frozen=True)
class Eyes:
    """In which language and zone somebody reads a page."""

    locale: str
    zone: str


async def _reader(request: Request, browser: Browser) -> Eyes:
    chosen = request.cookies.get(LOCALE_COOKIE)
    spoken = request.headers.get("accept-language")
    own = browser.identity.locale if browser is not None and not spoken else None
    locale = negotiate(spoken, chosen or own)
    return Eyes(locale.value, ZONE if browser is None else browser.timezone)


Reader = Annotated[Eyes, Depends(_reader)]
Caller = Annotated[Identity, Depends(_caller)]
PageCaller = Annotated[Identity, Depends(_page_caller)]
Csrf = Annotated[str, Depends(_csrf)]


def csrf_token(
    signer: Signer, bound_to: str, *, clock: Clock, lasts: timedelta = SESSION_LASTS
) -> str:
    """Return what a form carries to prove that it is ours; worthless in another browser."""
    return signer.sign(CSRF_PURPOSE, {"of": digest(bound_to)}, now=clock(), ttl=lasts)


def refuse_forged(signer: Signer, given: str, bound_to: str, *, clock: Clock) -> None:
    """Refuse a form whose token is missing, over, or another browser's."""
    try:
        facts = signer.read(CSRF_PURPOSE, given, now=clock())
    except Unauthorized:
        raise ForgedRequest("load the page again, then send the form") from None
    if facts.get("of") != digest(bound_to):
        raise ForgedRequest("load the page again, then send the form")


def refuse_foreign(request: Request, settings: Settings) -> None:
    """Refuse what a browser says that another site sent.

    `Origin: null` is what our own Referrer-Policy makes of a form; Sec-Fetch-Site tells it apart.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForgedRequest("this request was sent by another site")
    origin = request.headers.get("origin", "null")
    ours = {request.headers.get("host", ""), urlsplit(settings.url).netloc}
    if origin != "null" and urlsplit(origin).netloc not in ours:
        raise ForgedRequest("this request was sent by another site", origin=origin)


async def form_token(request: Request) -> str:
    """Return the token that a form or a script sent along, "" if none."""
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if not request.headers.get("content-type", "").startswith(FORMS):
        return ""
    form: FormData = await request.form()
    field = form.get(CSRF_FIELD)
    return field if isinstance(field, str) else ""


def safe_next(wanted: str) -> str:
    """Return `wanted` if it is a path of ours, else the first page."""
    plain = wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"
