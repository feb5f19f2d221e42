"""Links by which people choose a password: invitations and resets, each good for one use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries
from access.commands.governing import governed
from access.commands.people import set_password
from access.commands.trail import audit
from access.events import ResetAsked
from access.scope import SYSTEM, Identity, LinkPurpose
from access.tables import PasswordLink, Person, ResetRequest
from kit.db import lock
from kit.errors import Conflict, TooMany
from kit.outbox import publish

LASTS = {LinkPurpose.INVITATION: timedelta(hours=72), LinkPurpose.RESET: timedelta(hours=1)}
WINDOW = timedelta(hours=1)
BY_ADDRESS_MOST = 10
BY_NAME_MOST = 3


class IsDisabled(Conflict):
    """Somebody who is disabled is not let in; enable them first."""

    slug, title = "person-disabled", "This person is disabled"


async def invite(tx: AsyncSession, name: str, *, by: Identity, now: datetime) -> PasswordLink:
    """Make the link by which somebody chooses a password; the one before it is over."""
    who = await governed(tx, name, by)
    if who.disabled:
        raise IsDisabled("enable this person first")
    link = await _made(tx, who, LinkPurpose.INVITATION, by=by, now=now)
    audit(tx, who=by.name, did="person.invite", on=name, now=now, facts={"mail": who.mail})
    return link


async def ask_for_reset(tx: AsyncSession, name: str, *, address: str, now: datetime) -> None:
    """Take a wish for another password; what comes of it is not told here, and takes as long."""
    await lock(tx, "reset address", address)
    await tx.execute(delete(ResetRequest).where(ResetRequest.at <= now - WINDOW))
    count = select(func.count()).select_from(ResetRequest)
    if (await tx.scalar(count.where(ResetRequest.address == address)) or 0) >= BY_ADDRESS_MOST:
        raise TooMany("too many wishes for another password", retry_after=int(WINDOW.seconds))
    asked = await tx.scalar(count.where(ResetRequest.name == name)) or 0
    tx.add(ResetRequest(name=name, address=address, at=now))
    if asked < BY_NAME_MOST:
        await publish(tx, ResetAsked(name=name), now=now)


@dataclass(frozen=True)
class Reset:
    """A link to choose another password, and the address to which it goes."""

    link: PasswordLink
    mail: str


async def reset_link(tx: AsyncSession, name: str, *, now: datetime) -> Reset | None:
    """Make the link for whoever is called `name` or has that address; None without one.

    Who has no mail gets none: there is nowhere to send it.
    """
    known = select(Person).where(or_(Person.name == name, Person.mail == name.lower()))
    who = await tx.scalar(known.with_for_update())
    if who is None or who.disabled or who.mail is None:
        return None
    link = await _made(tx, who, LinkPurpose.RESET, by=SYSTEM, now=now)
    audit(tx, who=who.name, did="person.ask_reset", on=who.name, now=now)
    return Reset(link, who.mail)


async def choose_password(
    tx: AsyncSession, link: UUID, password_hash: str, *, now: datetime
) -> str:
    """Use a link up: set the password (already hashed), end all sessions; return whose it was."""
    _, who = await queries.password_link(tx, link, now)
    await set_password(tx, who.name, password_hash, by=queries.identity_of(who), now=now)
    return who.name


async def forget_links(tx: AsyncSession, *, now: datetime) -> None:
    """Delete links that are over."""
    await tx.execute(delete(PasswordLink).where(PasswordLink.ends_at <= now))


async def _made(
    tx: AsyncSession, who: Person, purpose: LinkPurpose, *, by: Identity, now: datetime
) -> PasswordLink:
    before = delete(PasswordLink).where(PasswordLink.person == who.name)
    await tx.execute(before.where(PasswordLink.purpose == purpose))
    link = PasswordLink(
        person=who.name,
        purpose=purpose,
        made_at=now,
        made_by=by.name,
        ends_at=now + LASTS[purpose],
    )
    tx.add(link)
    await tx.flush()
    return link
