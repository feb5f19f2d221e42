"""Who works here: made, changed and disabled by admins; people change what is their own."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries
from access.commands.governing import (
    OwnRights,
    administers_all,
    governed,
    lock_admins,
    own_or_governed,
    refuse_if_no_admin,
)
from access.commands.tokens import CHANNEL, NameTaken
from access.commands.trail import audit, refuse_if_owned
from access.schemas import OwnPatch, PersonIn, PersonPatch
from access.scope import Identity, Right, RightMissing, Role
from access.tables import BrowserSession, PasswordLink, Person
from kit.db import lock
from kit.errors import Conflict, Invalid
from kit.notices import notify

OF_RIGHTS = frozenset({"role", "clients"})


class MailTaken(Conflict):
    """An address names one person: invitations and single sign-on go by it."""

    slug, title = "mail-taken", "Somebody else has this address"


async def make_person(tx: AsyncSession, given: PersonIn, *, by: Identity, now: datetime) -> Person:
    """Make somebody who cannot sign in yet; an invitation or single sign-on lets them."""
    by.need(Right.ADMIN)
    await refuse_beyond(tx, by, given.clients)
    await lock(tx, "person", given.name)
    if await tx.get(Person, given.name) is not None:
        raise NameTaken("there is somebody called {name!r} already", field="name", name=given.name)
    await refuse_taken_mail(tx, given.mail, but=given.name)
    row = Person(**given.model_dump())
    tx.add(row)
    await tx.flush()
    facts = given.model_dump(mode="json", exclude={"name"})
    audit(tx, who=by.name, did="person.make", on=row.name, now=now, facts=facts)
    notify(tx, CHANNEL)
    return row


async def change_person(
    tx: AsyncSession, name: str, given: PersonPatch, *, by: Identity, now: datetime
) -> Person:
    """Change what is named in `given`; the last admin stays one, nobody cuts their own rights."""
    await lock_admins(tx)
    row = await governed(tx, name, by)
    refuse_if_owned(row.origin, what=f"the person {name}")
    changes = _differing(row, given.model_dump(exclude_unset=True))
    if name == by.name and OF_RIGHTS.intersection(changes):
        raise OwnRights("ask another administrator to change what you may do", field="role")
    if "clients" in changes:
        await refuse_beyond(tx, by, changes["clients"])
    if "mail" in changes:
        await refuse_taken_mail(tx, changes["mail"], but=name)
    before = {key: getattr(row, key) for key in changes}
    administered = administers_all(row)
    for key, value in changes.items():
        setattr(row, key, value)
    if row.role is Role.CLIENT and not row.clients:
        raise Invalid("a reader for a client needs at least one client", field="clients")
    if OF_RIGHTS.intersection(changes):
        await refuse_if_no_admin(tx, before=administered)
    await _written(tx, row, before, by=by, now=now)
    return row


async def change_own(tx: AsyncSession, given: OwnPatch, *, by: Identity, now: datetime) -> Person:
    """Change one's own title, language or zone."""
    row = await own_or_governed(tx, by.name, by)
    refuse_if_owned(row.origin, what="your name, language and zone")
    changes = _differing(row, given.model_dump(exclude_unset=True))
    before = {key: getattr(row, key) for key in changes}
    for key, value in changes.items():
        setattr(row, key, value)
    await _written(tx, row, before, by=by, now=now)
    return row


async def disable_person(tx: AsyncSession, name: str, *, by: Identity, now: datetime) -> Person:
    """Let somebody in no more, and tell them nothing more; twice changes nothing."""
    await lock_admins(tx)
    row = await governed(tx, name, by)
    refuse_if_owned(row.origin, what=f"the person {name}")
    if row.disabled:
        return row
    if name == by.name:
        raise OwnRights("ask another administrator to disable you")
    administered = administers_all(row)
    row.disabled = True
    await refuse_if_no_admin(tx, before=administered)
    await tx.execute(delete(BrowserSession).where(BrowserSession.person == name))
    await tx.execute(delete(PasswordLink).where(PasswordLink.person == name))
    audit(tx, who=by.name, did="person.disable", on=name, now=now)
    notify(tx, CHANNEL)
    return row


async def enable_person(tx: AsyncSession, name: str, *, by: Identity, now: datetime) -> Person:
    """Let somebody in again; twice changes nothing."""
    row = await governed(tx, name, by)
    refuse_if_owned(row.origin, what=f"the person {name}")
    if row.disabled:
        row.disabled = False
        audit(tx, who=by.name, did="person.enable", on=name, now=now)
        notify(tx, CHANNEL)
    return row


async def refuse_beyond(tx: AsyncSession, by: Identity, clients: Collection[str] | None) -> None:
    """Refuse to give somebody clients that `by` does not reach, or that do not exist."""
    if clients is None:
        if by.scope.clients is not None:
            raise RightMissing("only who reaches every client may let others reach every client")
        return
    for client in clients:
        await queries.client(tx, by.scope, client)


async def refuse_taken_mail(tx: AsyncSession, mail: str | None, *, but: str) -> None:
    """Refuse an address that names somebody else already."""
    if mail is None:
        return
    await lock(tx, "mail", mail)
    if await tx.scalar(select(Person.name).where(Person.mail == mail, Person.name != but)):
        raise MailTaken("somebody else has this address", field="mail")


def _differing(row: Person, wanted: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in wanted.items() if getattr(row, key) != value}


async def _written(
    tx: AsyncSession, row: Person, before: dict[str, Any], *, by: Identity, now: datetime
) -> None:
    if not before:
        return
    facts = {key: [was, getattr(row, key)] for key, was in before.items()}
    audit(tx, who=by.name, did="person.change", on=row.name, now=now, facts=facts)
    notify(tx, CHANNEL)
