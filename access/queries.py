"""Reads of access. Those for a caller take its scope; another client's row is not found."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, bindparam, false, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from access.digests import digest
from access.directory import ClientFacts, Directory, SystemFacts
from access.scope import EVERYTHING, RIGHTS, Identity, Right, Role, Scope
from access.tables import (
    AuditEntry,
    BrowserSession,
    Client,
    Configuration,
    PasswordLink,
    Person,
    System,
    Target,
    Token,
)
from kit.db import among
from kit.errors import NotFound, Unauthorized
from kit.kept import LONG_AGO, keep

OfClient = TypeVar("OfClient", System, Target)

IDLE = timedelta(days=7)
"""A browser that did not ask for so long has to sign in again."""


class LinkOver(NotFound):
    """A link to choose a password was used, replaced, or has ended."""

    slug, title = "link-over", "This link is over"


@dataclass(frozen=True)
class Trail:
    """Which part of the audit trail is asked for; "" and None: all of it.

    `did` may be the beginning of a deed: `person` finds `person.invite`, too.
    """

    who: str = ""
    did: str = ""
    on: str = ""
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class SignedIn:
    """A browser session that holds: whose it is, and when it was last written down as seen."""

    identity: Identity
    digest: str
    seen_at: datetime
    timezone: str


def _inside(column: InstrumentedAttribute[str], scope: Scope) -> ColumnElement[bool]:
    return column.is_not(None) if scope.clients is None else column.in_(sorted(scope.clients))


async def client(session: AsyncSession, scope: Scope, name: str) -> Client:
    """Return a client; one outside the scope does not exist."""
    found = await session.get(Client, name) if scope.allows(name) else None
    if found is None:
        raise NotFound("no client is called {client!r}", client=name)
    return found


async def clients(
    session: AsyncSession, scope: Scope, *, after: str = "", limit: int | None = 50
) -> Sequence[Client]:
    """Return the clients inside the scope by name, those behind `after`."""
    stmt = select(Client).where(_inside(Client.name, scope), Client.name > after)
    return (await session.scalars(stmt.order_by(Client.name).limit(limit))).all()


async def systems(
    session: AsyncSession,
    scope: Scope,
    *,
    client: str | None = None,
    after: tuple[str, ...] = ("", ""),
    limit: int | None = 50,
) -> Sequence[System]:
    """Return the systems inside the scope by client and name, those behind `after`."""
    return await _of_clients(session, System, scope, client, after, limit)


async def system(session: AsyncSession, scope: Scope, client: str, name: str) -> System:
    """Return a system; one of a client outside the scope does not exist."""
    found = await session.get(System, (client, name)) if scope.allows(client) else None
    if found is None:
        raise NotFound("the client {client} has no system {name}", client=client, name=name)
    return found


async def targets_of(
    session: AsyncSession,
    scope: Scope,
    *,
    client: str | None = None,
    after: tuple[str, ...] = ("", ""),
    limit: int | None = 50,
) -> Sequence[Target]:
    """Return the targets inside the scope by client and name, those behind `after`."""
    return await _of_clients(session, Target, scope, client, after, limit)


async def target(session: AsyncSession, scope: Scope, client: str, name: str) -> Target:
    """Return a target; one of a client outside the scope does not exist."""
    found = await session.get(Target, (client, name)) if scope.allows(client) else None
    if found is None:
        raise NotFound("the client {client} has no target {name}", client=client, name=name)
    return found


async def _of_clients(
    session: AsyncSession,
    table: type[OfClient],
    scope: Scope,
    client: str | None,
    after: tuple[str, ...],
    limit: int | None,
) -> Sequence[OfClient]:
    stmt = select(table).where(
        _inside(table.client, scope), tuple_(table.client, table.name) > after
    )
    if client is not None:
        stmt = stmt.where(table.client == client)
    return (await session.scalars(stmt.order_by(table.client, table.name).limit(limit))).all()


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


async def tokens(
    session: AsyncSession, scope: Scope, *, after: str = "", limit: int = 50
) -> Sequence[Token]:
    """Return the tokens of clients inside the scope by name; those for all only to everything."""
    stmt = select(Token).where(Token.name > after)
    if scope.clients is not None:
        stmt = stmt.where(Token.client.in_(sorted(scope.clients)))
    return (await session.scalars(stmt.order_by(Token.name).limit(limit))).all()


async def every_token(session: AsyncSession) -> Sequence[Token]:
    """Return every token, for what is checked as a whole."""
    return (await session.scalars(select(Token))).all()


async def token(session: AsyncSession, scope: Scope, name: str) -> Token:
    """Return a token; one of another client, or of all, does not exist for a narrow scope."""
    found = await session.get(Token, name)
    reached = found is not None and (
        scope == EVERYTHING or (found.client is not None and scope.allows(found.client))
    )
    if found is None or not reached:
        raise NotFound("no token is called {token!r}", token=name)
    return found


async def audit_entries(
    session: AsyncSession,
    scope: Scope,
    *,
    wanted: Trail | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[AuditEntry]:
    """Return who did what, newest first; a narrow scope sees its clients' entries only."""
    stmt = select(AuditEntry)
    if scope.clients is not None:
        stmt = stmt.where(AuditEntry.client.in_(sorted(scope.clients)))
    if before is not None:
        stmt = stmt.where(AuditEntry.id < before)
    stmt = stmt.where(*_narrowed(wanted or Trail()))
    return (await session.scalars(stmt.order_by(AuditEntry.id.desc()).limit(limit))).all()


async def configuration_version(session: AsyncSession) -> int:
    """Return how often the configuration has changed, for the program that follows it."""
    return await session.scalar(select(Configuration.version)) or 0


def _narrowed(wanted: Trail) -> list[ColumnElement[bool]]:
    tests = []
    for column, value in (
        (AuditEntry.who, wanted.who),
        (AuditEntry.on, wanted.on),
        (AuditEntry.client, wanted.client),
    ):
        if value:
            tests.append(column == value)
    if wanted.did:
        tests.append(AuditEntry.did.startswith(wanted.did, autoescape=True))
    if wanted.since is not None:
        tests.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        tests.append(AuditEntry.at < wanted.until)
    return tests


async def last_audit(session: AsyncSession, did: str) -> AuditEntry | None:
    """Return the newest entry of one kind of deed, for jobs."""
    newest = select(AuditEntry).where(AuditEntry.did == did).order_by(AuditEntry.id.desc()).limit(1)
    found: AuditEntry | None = await session.scalar(newest)
    return found


async def directory(session: AsyncSession) -> Directory:
    """Return all clients and systems as one snapshot; systems in the order of the file."""
    clients = await session.scalars(select(Client))
    systems = await session.scalars(
        select(System).order_by(System.client, System.position, System.name)
    )
    return Directory(
        {
            row.name: ClientFacts(
                row.name,
                row.title,
                row.locale,
                row.timezone,
                row.sla,
                row.escalation,
                row.overrides,
            )
            for row in clients
        },
        tuple(
            SystemFacts(row.client, row.name, row.title, row.core, row.match, row.escalation)
            for row in systems
        ),
    )


async def targets(session: AsyncSession) -> Sequence[Target]:
    """Return every target that is to be asked, for the collectors."""
    asked = select(Target).where(Target.disabled.is_(False), Target.paused_at.is_(None))
    return (await session.scalars(asked.order_by(Target.client, Target.name))).all()


async def sealed(session: AsyncSession) -> set[str]:
    """Return every secret of a target, sealed as it stands."""
    stmt = select(Target.secret).where(Target.secret.is_not(None)).distinct()
    return {secret for secret in await session.scalars(stmt) if secret is not None}


async def identity_of_token(
    session: AsyncSession, raw: str, now: datetime
) -> tuple[Identity, datetime | None]:
    """Return who shows this token and when it ends; unknown, revoked and expired are refused."""
    row = await session.scalar(TOKEN, {"shown": digest(raw)})
    if row is None or row.revoked_at is not None or (row.expires_at and row.expires_at <= now):
        raise Unauthorized("this token is unknown, revoked or expired")
    return _holder(row), row.expires_at


def _holder(row: Token) -> Identity:
    rights = frozenset(Right(right) for right in row.rights)
    return Identity(
        name=f"token:{row.name}",
        title=row.name,
        role=Role.ADMIN if Right.ADMIN in rights else Role.AGENT,
        scope=Scope(None if row.client is None else frozenset({row.client})),
        rights=rights,
    )


def _signed_in() -> Select[Any]:
    who = (
        *(Person.name, Person.title, Person.role),
        *(Person.locale, Person.timezone, Person.clients),
    )
    return (
        select(BrowserSession.digest, BrowserSession.seen_at, *who)
        .join(Person, Person.name == BrowserSession.person)
        .where(
            BrowserSession.digest == bindparam("shown"),
            BrowserSession.expires_at > bindparam("now"),
            BrowserSession.seen_at > bindparam("idle_since"),
            Person.disabled.is_(False),
        )
    )


TOKEN, SIGNED_IN = select(Token).where(Token.digest == bindparam("shown")), _signed_in()
"""Built once: every request of a browser asks the one, hot ports the other twice a minute."""
keep(lambda: (TOKEN, {"shown": ""}))
keep(lambda: (SIGNED_IN, {"shown": "", "now": LONG_AGO, "idle_since": LONG_AGO}))


async def identity_of_session(session: AsyncSession, secret: str, now: datetime) -> SignedIn:
    """Return who is signed in with this secret; a session that is over is refused."""
    given = {"shown": digest(secret), "now": now, "idle_since": now - IDLE}
    row = (await session.execute(SIGNED_IN, given)).one_or_none()
    if row is None:
        raise Unauthorized("this session is over; sign in again")
    return SignedIn(identity_of(row), row.digest, row.seen_at, row.timezone)


def identity_of(who: Person | Row[Any]) -> Identity:
    """Return a person as one who asks; a client's reader without a client sees nothing."""
    everything = None if who.role is not Role.CLIENT else frozenset[str]()
    return Identity(
        name=who.name,
        title=who.title,
        role=who.role,
        scope=Scope(everything if who.clients is None else frozenset(who.clients)),
        rights=RIGHTS[who.role],
        locale=who.locale,
    )
