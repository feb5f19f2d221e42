"""One's own account over REST: for a signed-in person; a token is nobody's account."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from access import queries
from access.commands import change_own, end_session, sign_out_everywhere
from access.queries import SignedIn
from access.renewal import change_password
from access.schemas import OwnPatch, PasswordIn, PersonOut, SessionList, SessionOut
from access.scope import EVERYTHING, Right
from access.web import Browser, Caller
from app.api.contacts import AppSealer, TestOut, added, changed, contacts_of, tested
from app.people.trying import send_test
from kit.errors import Conflict, NotFound
from kit.web import AppClock, AppSettings, Db
from oncall import commands
from oncall.schemas import ContactIn, ContactList, ContactOut, ContactPatch

router = APIRouter(prefix="/api/v1/account", tags=["account"])


class PasswordsOff(Conflict):
    """Only single sign-on lets people in here."""

    slug, title = "passwords-off", "Passwords are turned off here"


async def _own(caller: Caller, browser: Browser) -> SignedIn:
    caller.need(Right.READ)
    if browser is None or browser.identity.name != caller.name:
        raise NotFound("a token has no account; sign in as a person")
    return browser


Own = Annotated[SignedIn, Depends(_own)]


@router.get("")
async def get_account(own: Own, db: Db) -> PersonOut:
    """Return who is signed in."""
    async with db.snapshot() as session:
        row = await queries.person(session, EVERYTHING, own.identity.name)
        return PersonOut.of(row, seen_by=None)


@router.patch("")
async def patch_account(given: OwnPatch, own: Own, db: Db, clock: AppClock) -> PersonOut:
    """Change one's own title, language or zone."""
    async with db.transaction() as tx:
        row = await change_own(tx, given, by=own.identity, now=clock())
        return PersonOut.of(row, seen_by=None)


@router.put("/password", status_code=204)
async def put_password(
    given: PasswordIn, own: Own, request: Request, db: Db, clock: AppClock, settings: AppSettings
) -> None:
    """Change one's own password; every other browser is signed out."""
    if not settings.password_sign_in:
        raise PasswordsOff("sign in by single sign-on; there is no password to change")
    await change_password(
        db,
        clock,
        request.app.state.passwords,
        browser=own,
        old=given.old.get_secret_value(),
        new=given.new.get_secret_value(),
        address=request.client.host if request.client else "",
    )


@router.get("/sessions")
async def list_own_sessions(own: Own, db: Db, clock: AppClock) -> SessionList:
    """Return the browsers in which one is signed in."""
    async with db.snapshot() as session:
        rows = await queries.sessions_of(session, own.identity.name, clock())
    return SessionList(items=[SessionOut.of(row, here=own.digest) for row in rows])


@router.delete("/sessions", status_code=204)
async def delete_own_sessions(own: Own, db: Db, clock: AppClock) -> None:
    """Sign out everywhere, here as well."""
    async with db.transaction() as tx:
        await sign_out_everywhere(tx, own.identity.name, by=own.identity, now=clock())


@router.delete("/sessions/{session_id}", status_code=204)
async def delete_own_session(session_id: UUID, own: Own, db: Db, clock: AppClock) -> None:
    """Sign out in one browser."""
    async with db.transaction() as tx:
        await end_session(tx, own.identity.name, session_id, by=own.identity, now=clock())


@router.get("/contacts")
async def list_own_contacts(own: Own, db: Db) -> ContactList:
    """Return the ways to reach oneself, the one tried first first."""
    async with db.snapshot() as session:
        return await contacts_of(session, own.identity.name)


@router.post("/contacts", status_code=201)
async def post_own_contact(
    given: ContactIn, own: Own, db: Db, clock: AppClock, sealer: AppSealer
) -> ContactOut:
    """Add a way to reach oneself; its secret is sealed and never shown again."""
    async with db.transaction() as tx:
        return await added(tx, own.identity.name, given, sealer, own.identity, clock())


@router.patch("/contacts/{contact_id}")
async def patch_own_contact(
    contact_id: UUID, given: ContactPatch, own: Own, db: Db, clock: AppClock, sealer: AppSealer
) -> ContactOut:
    """Change a contact of one's own: its address, its secret, or its place in the order."""
    who = own.identity
    async with db.transaction() as tx:
        return await changed(tx, who.name, contact_id, given, sealer, who, clock())


@router.delete("/contacts/{contact_id}", status_code=204)
async def delete_own_contact(contact_id: UUID, own: Own, db: Db, clock: AppClock) -> None:
    """Remove a way to reach oneself."""
    name = own.identity.name
    async with db.transaction() as tx:
        await commands.remove_contact(tx, name, contact_id, by=own.identity, now=clock())


@router.post("/contacts/{contact_id}/test", status_code=202)
async def post_own_test(contact_id: UUID, own: Own, db: Db, clock: AppClock) -> TestOut:
    """Send a test to a contact of one's own; ask again with GET for what became of it."""
    name = own.identity.name
    async with db.transaction() as tx:
        await send_test(tx, name, contact_id, by=own.identity, now=clock())
        return await tested(tx, name, contact_id)


@router.get("/contacts/{contact_id}/test")
async def get_own_test(contact_id: UUID, own: Own, db: Db) -> TestOut:
    """Return what became of the newest test of a contact of one's own."""
    async with db.snapshot() as session:
        return await tested(session, own.identity.name, contact_id)
