"""Browser sessions: begun after a proof, ended one by one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.governing import own_or_governed
from access.commands.trail import audit
from access.digests import digest, new_secret
from access.scope import Identity
from access.tables import BrowserSession, Person
from kit.errors import NotFound

SESSION_LASTS = timedelta(days=30)
AGENT_MOST = 300


@dataclass(frozen=True)
class Device:
    """From where somebody signs in, and what their browser calls itself."""

    address: str = ""
    agent: str = ""


async def start_session(tx: AsyncSession, who: Person, device: Device, *, now: datetime) -> str:
    """Start a browser session for somebody who has proved who they are; return its secret."""
    await tx.execute(delete(BrowserSession).where(BrowserSession.expires_at <= now))
    secret = new_secret()
    tx.add(
        BrowserSession(
            digest=digest(secret),
            person=who.name,
            created_at=now,
            seen_at=now,
            expires_at=now + SESSION_LASTS,
            address=device.address,
            agent=device.agent.replace("\0", "")[:AGENT_MOST],
        )
    )
    return secret


async def end_session(
    tx: AsyncSession, name: str, session: UUID, *, by: Identity, now: datetime
) -> None:
    """End one browser session of a person, by its id."""
    who = await own_or_governed(tx, name, by)
    theirs = delete(BrowserSession).where(
        BrowserSession.person == who.name, BrowserSession.id == session
    )
    ended = (await tx.scalars(theirs.returning(BrowserSession.address))).all()
    if not ended:
        raise NotFound("this session is over already")
    audit(tx, who=by.name, did="person.end_session", on=name, now=now, facts={"address": ended[0]})
