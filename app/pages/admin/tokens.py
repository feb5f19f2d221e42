"""The page /admin/tokens: programs that are let in; what one is made of is shown once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.commands import make_token, revoke_token
from access.schemas import NAME, Name, TokenIn
from access.scope import Right
from app.pages.forms import Form, FormRefused, refused, understood
from app.pages.frame import Frame, Framed
from app.pages.sent import Sent
from kit.errors import Refusal
from kit.i18n import t

router = APIRouter(prefix="/admin/tokens", tags=["pages"], include_in_schema=False)

PAGE = 200
CLIENTS_MOST = 1000


@dataclass(frozen=True)
class TokenRow:
    """One token."""

    name: str
    client: str | None
    rights: Sequence[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    origin: str | None
    state: str  # good | over | revoked


@dataclass(frozen=True)
class TokensView:
    """All tokens, the form for another, and the one that was made just now."""

    tokens: Sequence[TokenRow]
    clients: Sequence[tuple[str, str]]
    rights: Sequence[str]
    form: Form
    more: str | None = None
    made: str | None = None
    raw: str | None = field(default=None, repr=False)


@router.get("")
async def show_tokens(
    frame: Framed, after: Annotated[str, Query(pattern=f"{NAME}|^$")] = ""
) -> Response:
    """Show the tokens by name."""
    frame.caller.need(Right.ADMIN)
    return await _page(frame, Form(), after=after)


@router.post("")
async def make(frame: Framed, sent: Sent) -> Response:
    """Make a token and show it in this one answer: where a redirect leads, it is not known."""
    frame.caller.need(Right.ADMIN)
    form = Form(sent)
    try:
        given = understood(TokenIn, _said(frame, sent, form), form, frame.reader.locale)
        async with frame.db.transaction() as tx:
            raw = await make_token(
                tx,
                name=given.name,
                client=given.client,
                rights=given.rights,
                expires_at=given.expires_at,
                by=frame.caller,
                now=frame.clock(),
            )
    except FormRefused:
        return await _page(frame, form, status=422)
    except Refusal as refusal:
        return await _page(frame, refused(form, refusal), status=422)
    return await _page(frame, Form(), made=given.name, raw=raw, status=201)


@router.post("/{name}/revoke")
async def revoke(name: Name, frame: Framed) -> Response:
    """Make a token worthless."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await revoke_token(tx, name, by=frame.caller, now=frame.clock())
    return RedirectResponse("/admin/tokens", 303)


def _said(frame: Frame, sent: Sent, form: Form) -> dict[str, object]:
    """Return what the form says as the API has it; a day means until its end, where one reads."""
    said: dict[str, object] = {
        "name": sent.get("name", "").strip(),
        "client": sent.get("client") or None,
        "rights": sent.get("rights", "").split(),
    }
    if not said["rights"]:
        form.errors["rights"] = t("tokens.need_right", frame.reader.locale)
    day = sent.get("expires", "")
    if day:
        try:
            last = datetime.combine(
                datetime.fromisoformat(day).date(), time(), ZoneInfo(frame.reader.zone)
            )
            said["expires_at"] = last + timedelta(days=1)
        except (ValueError, OverflowError):
            form.errors["expires"] = t("tokens.not_a_day", frame.reader.locale)
            raise FormRefused(form) from None
    return said


async def _page(
    frame: Frame,
    form: Form,
    *,
    after: str = "",
    made: str | None = None,
    raw: str | None = None,
    status: int = 200,
) -> Response:
    scope, now = frame.caller.scope, frame.clock()
    async with frame.db.snapshot() as session:
        rows = await access.tokens(session, scope, after=after, limit=PAGE + 1)
        clients = await access.clients(session, scope, limit=CLIENTS_MOST)
    shown = [
        TokenRow(
            row.name,
            row.client,
            row.rights,
            row.created_at,
            row.expires_at,
            row.last_used_at,
            row.origin,
            "revoked"
            if row.revoked_at
            else "over"
            if row.expires_at and row.expires_at <= now
            else "good",
        )
        for row in rows[:PAGE]
    ]
    view = TokensView(
        tokens=shown,
        clients=[(row.name, row.title) for row in clients],
        rights=[right.value for right in Right],
        form=form,
        more=shown[-1].name if len(rows) > PAGE else None,
        made=made,
        raw=raw,
    )
    page = frame.show("admin/tokens.html", view, here="admin")
    page.status_code = status
    return page
