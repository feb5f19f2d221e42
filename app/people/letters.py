"""Letters that are about no incident: an invitation, a reset, a test of a contact."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.scope import EVERYTHING, LinkPurpose
from app.people.inviting import Inviting
from app.people.trying import EVENT as TEST
from kit.clock import Clock
from kit.i18n import t
from kit.pages import Pages
from notifications.schemas import Leaving, Message

EVENTS = frozenset({TEST, *(purpose.value for purpose in LinkPurpose)})


@dataclass(frozen=True)
class LetterView:
    """What a letter shows; a test leads to the first page."""

    event: str
    person: str
    name: str
    href: str
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Writer:
    """Puts a letter into the words of who reads it."""

    pages: Pages
    inviting: Inviting
    clock: Clock

    async def render(self, session: AsyncSession, leaving: Leaving) -> Message:
        """Return the message; a link that is over meanwhile is not sent any more."""
        now = self.clock()
        person = await access.person(session, EVERYTHING, leaving.person)
        href, ends_at = self.inviting.url, None
        if leaving.event != TEST:
            link, _ = await access.password_link(session, leaving.about, now)
            href, ends_at = self.inviting.address(link, now=now), link.ends_at
        view = LetterView(leaving.event, person.title, person.name, href, ends_at)
        text, html = (
            self.pages.render(f"mail/{name}", person.locale, person.timezone, now=now, view=view)
            for name in ("letter.txt", "letter.html")
        )
        subject = t(f"letter.subject_{leaving.event}", person.locale)
        payload = {
            "person": {"name": person.name, "title": person.title},
            "message": subject,
            "links": {"page": self.inviting.url},
        }
        return Message(subject, text, html, payload, person.locale)
