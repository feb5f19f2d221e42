"""Who asks: whose a token or a browser session is, what that one may do; and the tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.digests import digest
from access.scope import EVERYTHING, RIGHTS, Identity, Right, Role, Scope
from access.tables import BrowserSession, Person, Token
from kit.errors import NotFound, Unauthorized
from kit.kept import LONG_AGO, keep

IDLE = timedelta(days=7)
"""A browser that did not ask for so long has to sign in again."""


@dataclass(frozen=True)
class SignedIn:
    """A browser session that holds: whose it is, and when it was last written down as seen."""

    identity: Identity
    digest: str
    seen_at: datetime
    timezone: str


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
