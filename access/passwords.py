"""Passwords: hashed with Argon2id, in a thread and few at a time, for each takes 64 MB."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kit.errors import Invalid, Overloaded

SHORTEST = 12
LONGEST = 1024
AT_ONCE = 2
WAITING_MOST = 32


class Passwords:
    """Hashes and verifies; `verified` counts, so that a test can see that no name is skipped."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self.verified = 0

    async def hash(self, password: str) -> str:
        """Return the hash to keep of a new password; one that is too short is refused."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise Invalid(
                "a password has {shortest} to {longest} characters",
                field="password",
                shortest=SHORTEST,
                longest=LONGEST,
            )
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, known: str | None, password: str) -> bool:
        """Tell whether `password` is the one behind `known`; without one it takes as long."""
        if self._waiting >= WAITING_MOST:
            raise Overloaded("too many people are signing in at once", retry_after=2)
        self._waiting += 1
        try:
            async with self._turns:
                self.verified += 1
                return await asyncio.to_thread(self._verify, known, password[: LONGEST + 1])
        finally:
            self._waiting -= 1

    def outdated(self, known: str) -> bool:
        """Tell whether `known` was hashed with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def _verify(self, known: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(known or _nobodys(self._hasher), password) and bool(known)
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    return hasher.hash("the password of nobody")
