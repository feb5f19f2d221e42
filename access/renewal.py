"""Changing one's own password: the old one is proved like at the door, no transaction open."""

from sqlalchemy import delete

from access.commands import WrongPassword, attempt_sign_in, set_password
from access.passwords import Passwords
from access.queries import SignedIn
from access.tables import SignInAttempt
from kit.clock import Clock
from kit.db import Database


async def change_password(
    db: Database,
    clock: Clock,
    passwords: Passwords,
    *,
    browser: SignedIn,
    old: str,
    new: str,
    address: str,
) -> None:
    """Set another password and end every other session; a wrong old one counts as a try."""
    by = browser.identity
    async with db.transaction() as tx:
        attempt = await attempt_sign_in(
            tx, by.name, address=address, known=browser.digest, now=clock()
        )
    if not await passwords.verify(attempt.password_hash, old) and not attempt.by_token(old):
        raise WrongPassword
    fresh = await passwords.hash(new)
    async with db.transaction() as tx:
        await tx.execute(delete(SignInAttempt).where(SignInAttempt.id == attempt.id))
        await set_password(tx, by.name, fresh, by=by, now=clock(), but=browser.digest)
