"""Signing in, from a name and a password to the secret of a browser session."""

from access.commands import Attempt, WrongPassword, attempt_sign_in, let_in
from access.commands.sessions import Device
from access.passwords import Passwords
from kit.clock import Clock
from kit.db import Database


async def sign_in(
    db: Database,
    clock: Clock,
    passwords: Passwords,
    *,
    name: str,
    password: str,
    address: str,
    agent: str = "",
    known: str | None = None,
    break_glass: bool = False,
) -> str:
    """Return the secret of a new browser session, or refuse.

    Two transactions: a refused try stays counted, and none is open while the password is verified.
    An unknown name costs as much work as a known one. `known` marks a browser in which this person
    has signed in before. With `break_glass` no password counts: only
    the person `admin` comes in, with the admin token.
    """
    async with db.transaction() as tx:
        attempt = await attempt_sign_in(
            tx, name, address=address, password=password, known=known, now=clock()
        )
    fresh = await _verified(attempt, password, passwords, break_glass=break_glass)
    async with db.transaction() as tx:
        device = Device(address, agent)
        return await let_in(tx, attempt, fresh_hash=fresh, now=clock(), device=device)


async def _verified(
    attempt: Attempt, password: str, passwords: Passwords, *, break_glass: bool
) -> str | None:
    known = attempt.password_hash
    if await passwords.verify(known, password) and not break_glass:
        weak = known is not None and passwords.outdated(known)
        return await passwords.hash(password) if weak else None
    if attempt.by_token(password):
        return None
    raise WrongPassword
