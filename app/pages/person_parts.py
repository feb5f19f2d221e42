"""What the own account and a person's page share: contacts with their tests, and sessions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from app.pages.forms import Form, FormRefused, refused, understood
from app.pages.frame import Frame
from app.people.trying import last_test, send_test
from kit.errors import Refusal
from kit.i18n import Locale
from notifications.lifecycle import UNFINISHED, Status
from oncall import commands
from oncall import queries as oncall
from oncall.schemas import ContactIn, ContactPatch

PATIENCE = 1.5
"""Seconds in which most tests have ended; the page shows how then."""
LOOK_EVERY = 0.1
ZONES = (
    *("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo"),
    *("Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "UTC"),
)
LANGUAGES = ((Locale.ZH.value, "中文"), (Locale.EN.value, "English"))
CHANNELS = ("email", "webhook")


@dataclass(frozen=True)
class TestView:
    """What became of the newest test of a contact: waiting, sent or failed."""

    state: str
    at: datetime
    error: str = ""


@dataclass(frozen=True)
class ContactView:
    """One way to reach somebody."""

    id: str
    channel: str
    address: str
    has_secret: bool
    origin: str | None
    test: TestView | None


@dataclass(frozen=True)
class SessionView:
    """One browser in which somebody is signed in."""

    id: str
    browser: str
    address: str
    since: datetime
    seen_at: datetime
    here: bool


async def contacts(session: AsyncSession, name: str) -> Sequence[ContactView]:
    """Return somebody's contacts in the order in which they are tried."""
    return [
        ContactView(
            str(row.id),
            row.channel,
            oncall.shown_address(row),
            row.secret is not None,
            row.origin,
            await _test(session, row.id),
        )
        for row in await oncall.contacts_of(session, name)
    ]


async def _test(session: AsyncSession, contact: UUID) -> TestView | None:
    told = await last_test(session, contact)
    if told is None:
        return None
    last = told.receipts[-1] if told.receipts else None
    error = " ".join(str(part) for part in (last.code, last.detail) if part) if last else ""
    if told.status is Status.SENT:
        return TestView("sent", told.sent_at or told.created_at)
    state = "waiting" if told.status in UNFINISHED else "failed"
    return TestView(state, last.at if last else told.created_at, error or told.last_error or "")


async def sessions(
    session: AsyncSession, name: str, now: datetime, *, here: str = ""
) -> Sequence[SessionView]:
    """Return the browsers of somebody; `here` is the digest of the one that asks."""
    return [
        SessionView(
            str(row.id),
            browser_of(row.agent),
            row.address,
            row.created_at,
            row.seen_at,
            row.digest == here,
        )
        for row in await access.sessions_of(session, name, now)
    ]


def browser_of(agent: str) -> str:
    """Return which browser on what a User-Agent means, as far as people would say it."""
    browsers = (
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("MicroMessenger", "微信"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Windows", "Windows"),
        ("Linux", "Linux"),
    )
    parts = [
        next((word for mark, word in marks if mark in agent), "") for marks in (browsers, systems)
    ]
    return " · ".join(part for part in parts if part)


async def add(frame: Frame, name: str, sent: Mapping[str, str]) -> Form | None:
    """Add the contact that the form says; return the form where it cannot be."""
    form = Form({**sent, "secret": ""})
    said = {key: sent.get(key, "").strip() for key in ("channel", "address")}
    try:
        given = understood(
            ContactIn, {**said, "secret": sent.get("secret") or None}, form, frame.reader.locale
        )
        async with frame.db.transaction() as tx:
            await commands.add_contact(
                tx,
                name,
                given,
                seal=frame.request.app.state.sealer.seal,
                by=frame.caller,
                now=frame.clock(),
            )
    except FormRefused:
        return form
    except Refusal as refusal:
        return refused(form, refusal)
    return None


async def change(frame: Frame, name: str, contact: UUID, sent: Mapping[str, str]) -> str:
    """Change a contact as its form says: what is left empty stays; return what was refused."""
    said: dict[str, object] = {}
    if address := sent.get("address", "").strip():
        said["address"] = address
    if sent.get("unsigned") or sent.get("secret"):
        said["secret"] = None if sent.get("unsigned") else sent["secret"]
    if sent.get("place", "").isdecimal():
        said["place"] = sent["place"]
    form = Form(sent)
    try:
        given = understood(ContactPatch, said, form, frame.reader.locale)
        async with frame.db.transaction() as tx:
            await commands.change_contact(
                tx,
                name,
                contact,
                given,
                seal=frame.request.app.state.sealer.seal,
                by=frame.caller,
                now=frame.clock(),
            )
    except FormRefused:
        return next(iter(form.errors.values()))
    except Refusal as refusal:
        return refusal.detail
    return ""


async def remove(frame: Frame, name: str, contact: UUID) -> None:
    """Remove a contact."""
    async with frame.db.transaction() as tx:
        await commands.remove_contact(tx, name, contact, by=frame.caller, now=frame.clock())


async def test(frame: Frame, name: str, contact: UUID) -> None:
    """Send a test, and wait a moment for what becomes of it."""
    async with frame.db.transaction() as tx:
        await send_test(tx, name, contact, by=frame.caller, now=frame.clock())
    for _ in range(round(PATIENCE / LOOK_EVERY)):
        await asyncio.sleep(LOOK_EVERY)
        async with frame.db.snapshot() as session:
            told = await last_test(session, contact)
        if told is None or told.status not in UNFINISHED or told.receipts:
            return
