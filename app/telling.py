"""A notification in words: what is true of its incident at the moment it leaves."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.directory import Directory
from access.scope import EVERYTHING
from app.pages.incident_view import seen
from app.pages.views import MailView
from app.pages.words import Words
from incidents import queries as incidents
from incidents.content import webhook_payload
from incidents.lifecycle import Status
from incidents.links import links
from kit.clock import Clock
from kit.pages import Pages
from kit.signing import Signer
from notifications.schemas import Leaving, Message


@dataclass(frozen=True)
class Speaker:
    """Knows how to put a notification into words, for people and for programs."""

    pages: Pages
    signer: Signer
    url: str
    clock: Clock

    async def render(
        self, session: AsyncSession, leaving: Leaving, directory: Directory
    ) -> Message:
        """Return the message in the language and zone of whoever reads it."""
        now = self.clock()
        detail = await incidents.detail_of(session, leaving.about, now=now)
        person = await access.person(session, EVERYTHING, leaving.person)
        shown = detail.shown
        led = links(self.signer, self.url, shown.incident, person=person.name, now=now)
        untaken = shown.incident.status is Status.TRIGGERED
        people = await access.titles_of_people(session)
        view = MailView(
            event=leaving.event,
            incident=seen(shown, Words(person.locale, directory, people, person.timezone)),
            person=person.title,
            page=led["page"],
            acknowledge=led["acknowledge"] if untaken else None,
            clock=leaving.facts.get("clock"),
        )
        subject, text, html = (
            self.pages.render(f"mail/{name}", person.locale, person.timezone, now=now, view=view)
            for name in ("subject.txt", "notification.txt", "notification.html")
        )
        payload = webhook_payload(
            shown,
            event=leaving.event,
            key=leaving.sent_key,
            links=led,
            facts=leaving.facts,
            locale=person.locale,
        )
        return Message(subject.strip(), text, html, payload, person.locale)
