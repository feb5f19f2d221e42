"""Reads of people, the browsers they are signed in with and their links to choose a password."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.queries.identities import IDLE
from access.scope import Scope
from access.tables import BrowserSession, PasswordLink, Person
from kit.db import among
from kit.errors import NotFound


class LinkOver(NotFound):
    """A link to choose a password was used, replaced, or has ended."""

    slug, title = "link-over", "This link is over"


async def people(
    session: AsyncSession, scope: Scope, *, text: str = "", after: str = "", limit: int = 50
) -> Sequence[Person]:
    """Return who works for the clients inside the scope, by name, those behind `after`.

    `text` is looked for in name, title and address.
    """
    stmt = select(Person).where(Person.name > after)
    if text:
        places = (Person.name, Person.title, Person.mail)
        stmt = stmt.where(or_(*(place.icontains(text, autoescape=True) for place in places)))
    if scope.clients is not None:
        shares = [Person.clients.contains([name]) for name in sorted(scope.clients)]
        stmt = stmt.where(or_(false(), *shares))
    return (await session.scalars(stmt.order_by(Person.name).limit(limit))).all()


async def persons(session: AsyncSession, names: Collection[str]) -> dict[str, Person]:
    """Return these people by name, for jobs; refuse if one of them is gone."""
    rows = await session.scalars(select(Person).where(among(Person.name, names)))
    found = {row.name: row for row in rows}
    if gone := set(names) - found.keys():
        raise NotFound("nobody is called {person!r}", person=min(gone))
    return found


async def everybody(session: AsyncSession) -> Sequence[Person]:
    """Return every person, for what is checked as a whole."""
    return (await session.scalars(select(Person))).all()


TITLES = select(Person.name, Person.title)
"""Built once: every message is put into words with them."""


async def titles_of_people(session: AsyncSession) -> dict[str, str]:
    """Return how each person is called, by name."""
    return dict((await session.execute(TITLES)).tuples().all())


async def person(session: AsyncSession, scope: Scope, name: str) -> Person:
    """Return a person; one who works for nobody inside the scope does not exist."""
    found = await session.get(Person, name)
    reached = found is not None and (
        scope.clients is None or bool(scope.clients.intersection(found.clients or ()))
    )
    if found is None or not reached:
        raise NotFound("nobody is called {person!r}", person=name)
    return found


async def sessions_of(session: AsyncSession, name: str, now: datetime) -> Sequence[BrowserSession]:
    """Return the browsers in which a person is signed in, the one seen last first."""
    theirs = select(BrowserSession).where(
        BrowserSession.person == name,
        BrowserSession.expires_at > now,
        BrowserSession.seen_at > now - IDLE,
    )
    newest = theirs.order_by(BrowserSession.seen_at.desc(), BrowserSession.id)
    return (await session.scalars(newest)).all()


async def password_link(
    session: AsyncSession, link: UUID, now: datetime
) -> tuple[PasswordLink, Person]:
    """Return a link to choose a password and whose it is; one that is over is refused."""
    row = await session.get(PasswordLink, link)
    who = await session.get(Person, row.person) if row is not None else None
    if row is None or who is None or who.disabled or row.ends_at <= now:
        raise LinkOver("this link was used, replaced by a newer one, or has ended")
    return row, who


async def invited(session: AsyncSession, name: str, now: datetime) -> PasswordLink | None:
    """Return the open link of a person, the one that ends last."""
    theirs = select(PasswordLink).where(PasswordLink.person == name, PasswordLink.ends_at > now)
    newest = theirs.order_by(PasswordLink.ends_at.desc()).limit(1)
    found: PasswordLink | None = await session.scalar(newest)
    return found
