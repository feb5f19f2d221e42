"""Who asks, from the headers of a request; tokens are remembered for a moment, hot ports ask often.

For plain ASGI ports and for routes alike; `access.web` makes dependencies of it.
"""

import asyncio
import base64
import binascii
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.types import Scope as Connection

from access import queries
from access.commands.tokens import CHANNEL, write_last_used
from access.digests import digest
from access.scope import Identity, Right
from kit.clock import Clock
from kit.db import Database, DatabaseAway
from kit.errors import Unauthorized
from kit.notices import Notices

REMEMBERED_FOR = timedelta(seconds=30)
REFUSED_FOR = timedelta(seconds=5)
TRUSTED_WITHOUT_DATABASE = timedelta(hours=1)
LOOKED_UP_WITHIN = 2.0
"""Seconds that the database has to say whose token this is, where we still know of ourselves."""
WAITED_FOR = 10.0
"""Seconds for one that we do not know: it can only be refused without an answer."""
REMEMBERED_MOST = 10_000


@dataclass(frozen=True)
class _Known:
    identity: Identity | None
    until: datetime
    trusted_until: datetime


class Authorizer:
    """Knows tokens; a revoked one works for at most 30 s more, and no longer than NOTIFY takes.

    While the database is away, and nobody can revoke, a known one is trusted for an hour: samples
    are taken all the same.
    """

    def __init__(self, db: Database, clock: Clock, *, most: int = REMEMBERED_MOST) -> None:
        self._db = db
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._refused: OrderedDict[str, _Known] = OrderedDict()
        self._cleared = 0
        self._used: dict[str, datetime] = {}

    async def __call__(self, connection: Connection, needed: Right) -> Identity:
        """Return who sends this request; refuse one without a token, or without the right."""
        raw = token_of(Headers(scope=connection))
        if raw is None:
            raise Unauthorized("send a token: Authorization: Bearer …, or as the Basic password")
        return await self.admit(raw, needed)

    async def admit(self, raw: str, needed: Right) -> Identity:
        """Return whose token this is; for protocols that carry it elsewhere than in a header."""
        identity = await self.identity(raw)
        identity.need(needed)
        return identity

    async def identity(self, raw: str) -> Identity:
        """Return whose token this is, whatever it allows."""
        key, now = digest(raw), self._clock()
        known = self._known.get(key) or self._refused.get(key)
        if known is None or known.until <= now:
            known = await self._look(raw, key, now)
        if known.identity is None:
            raise Unauthorized("this token is unknown, revoked or expired")
        self._used[known.identity.title] = now
        return known.identity

    async def write_down(self, _now: datetime) -> None:
        """Write down which tokens were shown since the last time, for a tick each minute."""
        used, self._used = self._used, {}
        if not used:
            return
        async with self._db.transaction() as tx:
            await write_last_used(tx, used)

    def clear(self) -> None:
        """Forget every token: the next request asks the database."""
        self._cleared += 1
        self._known.clear()
        self._refused.clear()

    async def watch(self, notices: Notices) -> None:
        """Forget at once whenever access changes anywhere; runs until cancelled."""
        async with notices.subscribe(CHANNEL) as changes:
            while True:
                await changes.get()
                self.clear()

    async def _look(self, raw: str, key: str, now: datetime) -> _Known:
        cleared = self._cleared
        within = WAITED_FOR if self._trustable(key, now) is None else LOOKED_UP_WITHIN
        try:
            async with asyncio.timeout(within), self._db.glance() as session:
                identity, ends = await queries.identity_of_token(session, raw, now)
        except Unauthorized:
            found, shelf = _Known(None, now + REFUSED_FOR, now), self._refused
        except (OSError, SQLAlchemyError) as error:
            found, shelf = self._trusted(key, now, error), self._known
        else:
            until, trusted = now + REMEMBERED_FOR, now + TRUSTED_WITHOUT_DATABASE
            ends = ends or trusted
            found = _Known(identity, min(ends, until), min(ends, trusted))
            shelf = self._known
        if cleared == self._cleared:  # else it may be older than the change that cleared us
            shelf[key] = found
            shelf.move_to_end(key)
            while len(shelf) > self._most:
                shelf.popitem(last=False)
        return found

    def _trustable(self, key: str, now: datetime) -> _Known | None:
        known = self._known.get(key)
        return known if known is not None and now < known.trusted_until else None

    def _trusted(self, key: str, now: datetime, error: Exception) -> _Known:
        known = self._trustable(key, now)
        if known is None:
            raise DatabaseAway("the database cannot be asked whose token this is") from error
        return replace(known, until=min(now + REMEMBERED_FOR, known.trusted_until))


def token_of(headers: Headers) -> str | None:
    """Return the token in `Authorization`: Bearer, Token, or the password of Basic."""
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, rest = given.strip().partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return rest.strip()
        case "basic":
            return _password(rest.strip())
        case _:
            raise Unauthorized(
                "the scheme {scheme!r} is not spoken here; send Bearer or Basic", scheme=scheme
            )


def _password(encoded: str) -> str:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized("the Basic credentials are not Base64 of name:password") from None
    return text.partition(":")[2]
