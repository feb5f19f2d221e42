"""Tokens: made, shown once, revoked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries
from access.commands.trail import audit, refuse_if_owned
from access.digests import digest, new_token
from access.scope import EVERYTHING, Identity, Right, RightMissing
from access.tables import Token
from kit.db import lock
from kit.errors import Conflict, Invalid
from kit.notices import notify
from kit.rows import as_rows

CHANNEL = "access"
"""The notice that what tokens and people may do has changed."""


class NameTaken(Conflict):
    """There is one of this name already."""

    slug, title = "name-taken", "This name is taken"


async def make_token(
    tx: AsyncSession,
    *,
    name: str,
    client: str | None,
    rights: Collection[Right],
    by: Identity,
    now: datetime,
    raw: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a token for one client or for all, and return it: the only time that it is shown."""
    _refuse_more_than_own(by, client, rights)
    if expires_at is not None and expires_at <= now:
        raise Invalid("it would be over at once; choose a later time", field="expires_at")
    if client is not None:
        await queries.client(tx, by.scope, client)
    await lock(tx, "token", name)
    row = await tx.get(Token, name)
    if row is not None and (row.revoked_at is None or not _reaches(by, row)):
        raise NameTaken("there is a token called {token!r} already", token=name)
    row = row or Token(name=name)
    raw = raw or new_token()
    row.digest, row.client, row.rights = digest(raw), client, sorted(set(rights))
    row.created_at, row.revoked_at, row.origin = now, None, None
    row.expires_at, row.last_used_at = expires_at, None
    tx.add(row)
    facts = {"rights": row.rights, "expires_at": expires_at and expires_at.isoformat()}
    audit(tx, who=by.name, did="token.make", on=name, client=client, now=now, facts=facts)
    notify(tx, CHANNEL)
    return raw


def _reaches(by: Identity, row: Token) -> bool:
    return by.scope == EVERYTHING or (row.client is not None and by.scope.allows(row.client))


def _refuse_more_than_own(by: Identity, client: str | None, rights: Collection[Right]) -> None:
    if not rights:
        raise Invalid("a token needs at least one right", field="rights")
    if client is None and by.scope.clients is not None:
        raise RightMissing("only who reaches every client may make a token for all")
    for right in rights:
        by.need(right)


async def revoke_token(tx: AsyncSession, name: str, *, by: Identity, now: datetime) -> None:
    """Make a token worthless at once; revoking it twice changes nothing."""
    row = await queries.token(tx, by.scope, name)
    refuse_if_owned(row.origin, what=f"the token {name}")
    if row.revoked_at is not None:
        return
    row.revoked_at = now
    audit(tx, who=by.name, did="token.revoke", on=name, client=row.client, now=now)
    notify(tx, CHANNEL)


async def write_last_used(tx: AsyncSession, used: Mapping[str, datetime]) -> None:
    """Write down when tokens were shown last, by name; a later time that stands stays."""
    rows = [_Used(name, used[name]) for name in sorted(used)]
    if not rows:
        return
    given = as_rows(rows, Token.name, Token.last_used_at)
    later = or_(Token.last_used_at.is_(None), Token.last_used_at < given.c.last_used_at)
    stmt = update(Token).where(Token.name == given.c.name, later)
    await tx.execute(
        stmt.values(last_used_at=given.c.last_used_at),
        execution_options={"synchronize_session": False},
    )


@dataclass(frozen=True)
class _Used:
    """A token and when it was shown last, as columns."""

    name: str
    last_used_at: datetime
