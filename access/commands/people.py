"""People: passwords, signing in and out, and the door that shuts after too many tries."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.governing import own_or_governed
from access.commands.sessions import Device, start_session
from access.commands.tokens import CHANNEL
from access.commands.trail import audit
from access.digests import digest
from access.scope import Identity, Right
from access.tables import BrowserSession, PasswordLink, Person, SignInAttempt, Token
from kit.db import lock
from kit.errors import TooMany, Unauthorized
from kit.notices import notify

TRIES_MOST = 10
"""Tries for one name from one place: an address, or a browser in which it has signed in before."""
ADDRESS_MOST = 30
"""Tries for all names from one address."""
NAME_MOST = 100
"""Tries for one name from all addresses; no bar to a browser that is known, else anybody could
keep the owner out."""
KNOWN = "known:"
"""Before what stands for a known browser, where else the address stands."""
WINDOW = timedelta(minutes=15)
SEEN_AGAIN_AFTER = timedelta(minutes=10)
ADMIN = "admin"
"""The built-in person and the built-in token share this name; so may the token be the password."""


class WrongPassword(Unauthorized):
    """The name and the password do not go together; which of the two is wrong is not said."""

    slug, title = "wrong-password", "Name or password is wrong"

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


@dataclass(frozen=True)
class Attempt:
    """A try to sign in that is allowed and already counted."""

    id: int
    name: str
    place: str
    password_hash: str | None
    token_digest: str | None

    def by_token(self, password: str) -> bool:
        """Tell whether the built-in person was given the built-in token for a password."""
        known = self.token_digest
        return known is not None and hmac.compare_digest(known, digest(password))


async def attempt_sign_in(
    tx: AsyncSession,
    name: str,
    *,
    address: str,
    password: str = "",
    known: str | None = None,
    now: datetime,
) -> Attempt:
    """Count a try before anything is verified; refuse it when too many went before.

    Counted first, so that a hundred guesses at once are not a hundred verifications, and so that
    no transaction is open while a password is hashed. `known` is the browser's mark if this person
    has signed in there before: it counts by itself. The built-in token is too long to be guessed,
    so whoever gives it for a `password` is never put off.
    """
    place = address if known is None else f"{KNOWN}{known}"
    await lock(tx, "sign-in name", name)
    await lock(tx, "sign-in address", place)  # always in this order: nobody waits in a circle
    await tx.execute(delete(SignInAttempt).where(SignInAttempt.at <= now - WINDOW))
    who = await tx.get(Person, name)
    usable = who is not None and not who.disabled
    hashed = who.password_hash if who is not None and usable else None
    shown = await tx.get(Token, ADMIN) if usable and name == ADMIN else None
    attempt = Attempt(0, name, place, hashed, _as_password(shown, now))
    if not attempt.by_token(password):
        await _refuse_too_many(tx, name, place, known=known is not None, now=now)
    row = SignInAttempt(name=name, address=place, at=now)
    tx.add(row)
    await tx.flush()
    return replace(attempt, id=row.id)


async def _refuse_too_many(
    tx: AsyncSession, name: str, place: str, *, known: bool, now: datetime
) -> None:
    for tries, most in _limits(name, place, known=known):
        oldest = await _oldest_of_too_many(tx, tries, most)
        if oldest is not None:
            wait = int((oldest + WINDOW - now).total_seconds()) + 1
            raise TooMany("too many tries to sign in; wait a while", retry_after=wait)


def _as_password(shown: Token | None, now: datetime) -> str | None:
    """Return the digest of the built-in token while it allows all that the person may do."""
    if shown is None or shown.revoked_at or (shown.expires_at and shown.expires_at <= now):
        return None
    allows_all = shown.client is None and Right.ADMIN in shown.rights
    return shown.digest if allows_all else None


def _limits(name: str, place: str, *, known: bool) -> list[tuple[Select[tuple[datetime]], int]]:
    """Return which tries count together, and how many of them there may be."""
    of_name, from_place = SignInAttempt.name == name, SignInAttempt.address == place
    limits = [(select(SignInAttempt.at).where(of_name, from_place), TRIES_MOST)]
    if not known:
        abroad = SignInAttempt.address.not_like(f"{KNOWN}%")
        limits.append((select(SignInAttempt.at).where(from_place), ADDRESS_MOST))
        limits.append((select(SignInAttempt.at).where(of_name, abroad), NAME_MOST))
    return limits


async def _oldest_of_too_many(
    tx: AsyncSession, tries: Select[tuple[datetime]], most: int
) -> datetime | None:
    newest_first = tries.order_by(SignInAttempt.at.desc()).offset(most - 1).limit(1)
    oldest: datetime | None = await tx.scalar(newest_first)
    return oldest


async def let_in(
    tx: AsyncSession,
    attempt: Attempt,
    *,
    fresh_hash: str | None,
    now: datetime,
    device: Device | None = None,
) -> str:
    """Start a browser session for somebody whose password was verified; return its secret."""
    who = await tx.get(Person, attempt.name, with_for_update=True)
    if who is None or who.disabled or who.password_hash != attempt.password_hash:
        raise WrongPassword  # changed while we were verifying
    if fresh_hash is not None:
        who.password_hash = fresh_hash
    theirs = SignInAttempt.name == attempt.name, SignInAttempt.address == attempt.place
    await tx.execute(delete(SignInAttempt).where(*theirs))
    secret = await start_session(tx, who, device or Device(), now=now)
    audit(tx, who=who.name, did="person.sign_in", on=who.name, now=now)
    return secret


async def seen(tx: AsyncSession, session_digest: str, *, now: datetime) -> None:
    """Write down that a browser is in use, so that it stays signed in."""
    mine = BrowserSession.digest == session_digest
    await tx.execute(update(BrowserSession).where(mine).values(seen_at=now))


async def sign_out(tx: AsyncSession, secret: str, *, by: Identity, now: datetime) -> None:
    """End one browser session."""
    mine = BrowserSession.digest == digest(secret)
    await tx.execute(delete(BrowserSession).where(mine))
    audit(tx, who=by.name, did="person.sign_out", on=by.name, now=now)


async def forget_sessions(tx: AsyncSession, *, now: datetime) -> None:
    """Delete browser sessions that are over."""
    await tx.execute(delete(BrowserSession).where(BrowserSession.expires_at <= now))


async def sign_out_everywhere(
    tx: AsyncSession, name: str, *, by: Identity, now: datetime, but: str = ""
) -> int:
    """End every browser session of a person, `but` one by its digest; return how many."""
    who = await own_or_governed(tx, name, by)
    theirs = delete(BrowserSession).where(
        BrowserSession.person == who.name, BrowserSession.digest != but
    )
    ended = (await tx.scalars(theirs.returning(BrowserSession.digest))).all()
    audit(tx, who=by.name, did="person.sign_out_everywhere", on=name, now=now)
    return len(ended)


async def set_password(
    tx: AsyncSession,
    name: str,
    password_hash: str,
    *,
    by: Identity,
    now: datetime,
    but: str = "",
) -> None:
    """Give a person another password (already hashed); their sessions and open links end.

    `but` is the digest of the one session that goes on: the browser that changes the password.
    """
    await sign_out_everywhere(tx, name, by=by, now=now, but=but)
    who = await own_or_governed(tx, name, by)
    who.password_hash = password_hash
    await tx.execute(delete(PasswordLink).where(PasswordLink.person == name))
    audit(tx, who=by.name, did="person.set_password", on=name, now=now)
    notify(tx, CHANNEL)
