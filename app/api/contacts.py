"""Contacts and invitations over REST: what an admin does for somebody."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.governing import own_or_governed
from access.schemas import Name
from access.scope import Identity, Right
from access.web import Caller
from app.people.inviting import Inviting
from app.people.trying import last_test, send_test
from kit.errors import NotFound
from kit.sealing import Sealer
from kit.web import AppClock, Db
from notifications.lifecycle import Kind, Status
from notifications.schemas import NotificationOut
from oncall import commands, queries
from oncall.schemas import ContactIn, ContactList, ContactOut, ContactPatch

router = APIRouter(prefix="/api/v1", tags=["access"])


class InvitationOut(BaseModel):
    """An invitation; `link` is there once, when no mail could carry it."""

    sent_to: str | None
    link: str | None
    ends_at: datetime


class TryOut(BaseModel):
    """One attempt of a test."""

    at: datetime
    outcome: Kind
    code: int | None
    detail: str


class TestOut(BaseModel):
    """The newest test of a contact, and each attempt."""

    status: Status
    created_at: datetime
    sent_at: datetime | None
    attempts: list[TryOut]

    @classmethod
    def of(cls, told: NotificationOut) -> "TestOut":
        """Return what the API shows of a notification."""
        tries = [TryOut.model_validate(one, from_attributes=True) for one in told.receipts]
        return cls(
            status=told.status, created_at=told.created_at, sent_at=told.sent_at, attempts=tries
        )


async def _sealer(request: Request) -> Sealer:
    sealer: Sealer = request.app.state.sealer
    return sealer


async def _inviting(request: Request) -> Inviting:
    inviting: Inviting = request.app.state.inviting
    return inviting


AppSealer = Annotated[Sealer, Depends(_sealer)]
AppInviting = Annotated[Inviting, Depends(_inviting)]


async def contacts_of(session: AsyncSession, name: str) -> ContactList:
    """Return a person's contacts as the API shows them."""
    rows = await queries.contacts_of(session, name)
    return ContactList(
        items=[
            ContactOut(
                id=row.id,
                channel=row.channel,
                address=queries.shown_address(row),
                has_secret=row.secret is not None,
                origin=row.origin,
            )
            for row in rows
        ]
    )


async def added(
    tx: AsyncSession, name: str, given: ContactIn, sealer: Sealer, by: Identity, now: datetime
) -> ContactOut:
    """Add a contact and return it as the API shows it."""
    row = await commands.add_contact(tx, name, given, seal=sealer.seal, by=by, now=now)
    shown = await contacts_of(tx, name)
    return next(one for one in shown.items if one.id == row.id)


async def changed(
    tx: AsyncSession,
    name: str,
    contact: UUID,
    given: ContactPatch,
    sealer: Sealer,
    by: Identity,
    now: datetime,
) -> ContactOut:
    """Change a contact and return it as the API shows it."""
    await commands.change_contact(tx, name, contact, given, seal=sealer.seal, by=by, now=now)
    shown = await contacts_of(tx, name)
    return next(one for one in shown.items if one.id == contact)


async def tested(session: AsyncSession, name: str, contact: UUID) -> TestOut:
    """Return the newest test of somebody's contact."""
    await queries.contact(session, name, contact)
    told = await last_test(session, contact)
    if told is None:
        raise NotFound("no test was sent to this contact yet")
    return TestOut.of(told)


@router.get("/people/{name}/contacts")
async def list_contacts(name: Name, caller: Caller, db: Db) -> ContactList:
    """Return the ways to reach somebody, the one tried first first."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await own_or_governed(tx, name, caller)
        return await contacts_of(tx, name)


@router.post("/people/{name}/contacts", status_code=201)
async def post_contact(
    name: Name, given: ContactIn, caller: Caller, db: Db, clock: AppClock, sealer: AppSealer
) -> ContactOut:
    """Add a way to reach somebody; its secret is sealed and never shown again."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return await added(tx, name, given, sealer, caller, clock())


@router.patch("/people/{name}/contacts/{contact_id}")
async def patch_contact(
    name: Name,
    contact_id: UUID,
    given: ContactPatch,
    caller: Caller,
    db: Db,
    clock: AppClock,
    sealer: AppSealer,
) -> ContactOut:
    """Change a contact's address, its secret, or its place in the order of tries."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        return await changed(tx, name, contact_id, given, sealer, caller, clock())


@router.delete("/people/{name}/contacts/{contact_id}", status_code=204)
async def delete_contact(
    name: Name, contact_id: UUID, caller: Caller, db: Db, clock: AppClock
) -> None:
    """Remove a way to reach somebody."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await commands.remove_contact(tx, name, contact_id, by=caller, now=clock())


@router.post("/people/{name}/contacts/{contact_id}/test", status_code=202)
async def post_test(
    name: Name, contact_id: UUID, caller: Caller, db: Db, clock: AppClock
) -> TestOut:
    """Send a test to a contact; ask again with GET for what became of it."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await send_test(tx, name, contact_id, by=caller, now=clock())
        return await tested(tx, name, contact_id)


@router.get("/people/{name}/contacts/{contact_id}/test")
async def get_test(name: Name, contact_id: UUID, caller: Caller, db: Db) -> TestOut:
    """Return what became of the newest test of a contact."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await own_or_governed(tx, name, caller)
        return await tested(tx, name, contact_id)


@router.post("/people/{name}/invitation", status_code=201)
async def post_invitation(
    name: Name, caller: Caller, db: Db, clock: AppClock, inviting: AppInviting
) -> InvitationOut:
    """Invite somebody to choose a password within 72 hours; the link before it is over.

    By mail, if they have an address and there is a mail server; else `link` is shown this once.
    """
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        made = await inviting.invite(tx, name, by=caller, now=clock())
    return InvitationOut(sent_to=made.mail, link=made.link, ends_at=made.ends_at)
