"""Whom an admin may change: those all of whose clients the admin reaches, and always one admin."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries
from access.scope import Identity, Right, RightMissing, Role
from access.tables import Person
from kit.db import lock
from kit.errors import Conflict


class LastAdmin(Conflict):
    """Without this person nobody could administer the installation any more."""

    slug, title = "last-admin", "Nobody else is an administrator"


class OwnRights(Conflict):
    """Nobody takes their own way in away: one would not get back."""

    slug, title = "own-rights", "These are your own rights"


async def governed(tx: AsyncSession, name: str, by: Identity) -> Person:
    """Return a person for a change by an admin, locked; who works for others, too, is refused."""
    by.need(Right.ADMIN)
    await queries.person(tx, by.scope, name)
    row = await tx.get(Person, name, with_for_update=True, populate_existing=True)
    assert row is not None  # people are never deleted
    reached = by.scope.clients
    if reached is not None and (row.clients is None or not reached.issuperset(row.clients)):
        raise RightMissing("only who reaches all of somebody's clients may change them")
    return row


async def own_or_governed(tx: AsyncSession, name: str, by: Identity) -> Person:
    """Return a person for a change by themself or by an admin, locked."""
    own = await tx.get(Person, name, with_for_update=True) if name == by.name else None
    return own or await governed(tx, name, by)


async def lock_admins(tx: AsyncSession) -> None:
    """Let one change of who is an administrator go after another."""
    await lock(tx, "admins")


def administers_all(row: Person) -> bool:
    """Tell whether this person may do everything for every client."""
    return row.role is Role.ADMIN and row.clients is None and not row.disabled


async def refuse_if_no_admin(tx: AsyncSession, *, before: bool) -> None:
    """Refuse what leaves nobody who administers everything; ask after the change is written.

    `before`: whether whom it changed did so; other changes take nothing away.
    """
    await tx.flush()
    if not before:
        return
    kind = func.coalesce(func.jsonb_typeof(Person.clients), "null")  # NULL, or JSON's own null
    left = select(func.count()).where(
        Person.role == Role.ADMIN, kind == "null", Person.disabled.is_(False)
    )
    if not await tx.scalar(left):
        raise LastAdmin("make somebody else an administrator of every client first")
