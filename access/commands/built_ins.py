"""What stands before anybody configured anything: the client `house`, an admin, a token."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.people import ADMIN
from access.commands.tokens import CHANNEL
from access.commands.trail import audit
from access.digests import digest, new_token
from access.scope import HOUSE, SYSTEM, Right, Role
from access.tables import Client, Person, Token
from kit.db import lock
from kit.notices import notify


@dataclass(frozen=True)
class BuiltIns:
    """What was made at this start; `admin_token` is set once, to be printed once."""

    admin_token: str | None


async def ensure_built_ins(tx: AsyncSession, *, admin_token: str | None, now: datetime) -> BuiltIns:
    """Make what is missing: the client `house`, the person and the token `admin`.

    A token given by a setting is taken as it is, also later when it changes; without one a token
    is made at the first start. The person has no password: the token is one for the sign-in page.
    """
    await lock(tx, "built-ins")
    if await tx.get(Client, HOUSE) is None:
        tx.add(Client(name=HOUSE, title="Langyan"))
    if await tx.get(Person, ADMIN) is None:
        tx.add(Person(name=ADMIN, title="Admin", role=Role.ADMIN))
    await tx.flush()
    row = await tx.get(Token, ADMIN)
    if row is not None and (admin_token is None or _same(row, admin_token)):
        return BuiltIns(None)
    made = admin_token or new_token()
    row = row or Token(name=ADMIN)
    row.digest, row.client, row.rights = digest(made), None, [Right.ADMIN.value]
    row.created_at, row.expires_at, row.revoked_at = now, None, None
    tx.add(row)
    audit(tx, who=SYSTEM.name, did="token.make", on=ADMIN, now=now)
    notify(tx, CHANNEL)
    return BuiltIns(None if admin_token else made)


def _same(row: Token, raw: str) -> bool:
    return row.revoked_at is None and hmac.compare_digest(row.digest, digest(raw))
