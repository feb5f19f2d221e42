"""Signing in, from a name and a password to the secret of a browser session."""

from access.commands import Attempt, WrongPassword, attempt_sign_in, let_in
from access.passwords import Passwords
from kit.clock import Clock
from kit.db import Database


async def sign_in(
    db: Database, clock: Clock, passwords: Passwords, *, name: str, password: str, address: str
) -> str:
    """Return the secret of a new browser session, or refuse.

    Two transactions: a refused try stays counted, and none is open while the password is verified.
    An unknown name costs as much work as a known one.
    """
    async with db.transaction() as tx:
        attempt = await attempt_sign_in(tx, name, address=address, now=clock())
    fresh = await _verified(attempt, password, passwords)
    async with db.transaction() as tx:
        return await let_in(tx, attempt, fresh_hash=fresh, now=clock())


async def _verified(attempt: Attempt, password: str, passwords: Passwords) -> str | None:
    known = attempt.password_hash
    if await passwords.verify(known, password):
        weak = known is not None and passwords.outdated(known)
        return await passwords.hash(password) if weak else None
    if attempt.by_token(password):
        return None
    raise WrongPassword
