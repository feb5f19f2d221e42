"""Single sign-on: out to the provider with a ticket this browser keeps, and back with a code."""

import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from access.commands.sessions import SESSION_LASTS, Device
from access.commands.sign_on import refused_sign_on, sign_on
from access.pages import set_cookie
from access.sso.claims import SignOnRefused
from access.sso.provider import Provider, ProviderAway, Ticket
from access.web import COOKIE, AppSigner, safe_next
from kit.errors import NotFound, Unauthorized
from kit.web import AppClock, AppSettings, Db

router = APIRouter(tags=["pages"], include_in_schema=False)

TICKET_COOKIE = "langyan_sso"
TICKET_LASTS = timedelta(minutes=10)
PURPOSE = "single sign-on"
Said = Annotated[str, Query(max_length=4096)]


@router.get("/signin/sso")
async def begin(
    request: Request,
    signer: AppSigner,
    clock: AppClock,
    settings: AppSettings,
    next: Said = "/",
) -> Response:
    """Send the browser to the provider; what comes back must be for this very browser."""
    provider = _provider(request)
    ticket = Ticket(*(secrets.token_urlsafe(size) for size in (24, 24, 48)))
    try:
        response = RedirectResponse(await provider.authorize_at(ticket), 303)
    except ProviderAway:
        return RedirectResponse("/signin?done=sso_away", 303)
    facts = {**asdict(ticket), "back": safe_next(next)}
    kept = signer.sign(PURPOSE, facts, now=clock(), ttl=TICKET_LASTS)
    set_cookie(response, TICKET_COOKIE, kept, settings, TICKET_LASTS)
    return response


@router.get("/signin/sso/callback")
async def come_back(
    request: Request,
    signer: AppSigner,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
    state: Said = "",
    code: Said = "",
    iss: Said = "",
) -> Response:
    """Exchange the code and start a session; a code of another browser is refused."""
    provider = _provider(request)
    address = request.client.host if request.client else ""
    device = Device(address, request.headers.get("user-agent", ""))
    try:
        ticket, back = _ticket(request, signer, state, clock)
        if iss and iss != provider.issuer:
            raise SignOnRefused("the answer is another provider's")
        if not code:
            raise SignOnRefused("the provider did not let you in")
        claims = await provider.exchange(code, ticket)
        async with db.transaction() as tx:
            secret = await sign_on(tx, claims, provider.rules, device=device, now=clock())
    except _Expired:
        return _to_the_door("sso_expired")
    except ProviderAway:
        return _to_the_door("sso_away")
    except SignOnRefused as refusal:
        async with db.transaction() as tx:
            refused_sign_on(tx, refusal, address=address, now=clock())
        return _to_the_door("sso_refused")
    response = RedirectResponse(back, 303)
    set_cookie(response, COOKIE, secret, settings, SESSION_LASTS)
    response.delete_cookie(TICKET_COOKIE)
    return response


class _Expired(Exception):
    """This browser did not begin the sign-in that comes back, or too long ago."""


def _ticket(request: Request, signer: AppSigner, state: str, clock: AppClock) -> tuple[Ticket, str]:
    try:
        facts = signer.read(PURPOSE, request.cookies.get(TICKET_COOKIE, ""), now=clock())
    except Unauthorized:
        raise _Expired from None
    back = facts.pop("back")
    ticket = Ticket(**facts)
    if not secrets.compare_digest(ticket.state.encode(), state.encode()):
        raise _Expired
    return ticket, back


def _to_the_door(why: str) -> Response:
    response = RedirectResponse(f"/signin?done={quote(why)}", 303)
    response.delete_cookie(TICKET_COOKIE)
    return response


def _provider(request: Request) -> Provider:
    found: Provider | None = request.app.state.sso
    if found is None:
        raise NotFound("there is no single sign-on here")
    return found
