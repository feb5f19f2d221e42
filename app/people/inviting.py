"""Links to choose a password: made, mailed if there is a way, used once.

A mail carries no secret until it leaves: the queue holds the link's id, the letter signs it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access import commands as access
from access.events import ResetAsked
from access.queries import LinkOver, person
from access.scope import EVERYTHING, HOUSE, Identity
from kit.errors import Unauthorized
from kit.signing import Signer
from notifications import commands as notifications
from notifications.schemas import ContactFacts, Promise

if TYPE_CHECKING:
    from access.tables import PasswordLink

PURPOSE = "password-link"
PRIORITY = 3


@dataclass(frozen=True)
class Invited:
    """A link that stands: sent to an address, or to be shown this once."""

    ends_at: datetime
    mail: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Inviting:
    """Makes links and knows whether mail can carry them."""

    signer: Signer
    url: str
    can_mail: bool

    async def invite(self, tx: AsyncSession, name: str, *, by: Identity, now: datetime) -> Invited:
        """Invite somebody; without a mail server or an address the link is returned."""
        row = await access.invite(tx, name, by=by, now=now)
        mail = (await person(tx, EVERYTHING, name)).mail
        if mail is None or not self.can_mail:
            return Invited(row.ends_at, link=self.address(row, now=now))
        await send(tx, row, mail, now=now)
        return Invited(row.ends_at, mail=mail)

    def address(self, row: "PasswordLink", *, now: datetime) -> str:
        """Return the address that the link is; the same each time it is made."""
        facts = {"link": str(row.id)}
        signed = self.signer.sign(PURPOSE, facts, now=now, ttl=row.ends_at - now)
        return f"{self.url}/password/{signed}"

    def read(self, token: str, *, now: datetime) -> UUID:
        """Return which link a signed word names, or refuse."""
        try:
            return UUID(self.signer.read(PURPOSE, token, now=now)["link"])
        except Unauthorized:
            raise LinkOver("this link is not ours, was cut short, or has ended") from None


async def choose(tx: AsyncSession, link: UUID, password_hash: str, *, now: datetime) -> str:
    """Use a link up and take back what has not left of it; return whose it was."""
    name = await access.choose_password(tx, link, password_hash, now=now)
    await notifications.cancel(tx, about=link, now=now)
    return name


async def reset_asked(tx: AsyncSession, event: ResetAsked, now: datetime) -> None:
    """Send the link that somebody asked for, if there is such a person with an address."""
    reset = await access.reset_link(tx, event.name, now=now)
    if reset is not None:
        await send(tx, reset.link, reset.mail, now=now)


async def send(tx: AsyncSession, row: "PasswordLink", mail: str, *, now: datetime) -> None:
    """Queue the mail with a link."""
    promise = Promise(
        key=f"{row.purpose}:{row.id}",
        client=HOUSE,
        about=row.id,
        event=row.purpose.value,
        priority=PRIORITY,
        person=row.person,
        contacts=[ContactFacts("email", mail)],
    )
    await notifications.queue(tx, [promise], now=now)
