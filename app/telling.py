"""A notification in words: what is true of its incident at the moment it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.directory import Directory
from app.pages.incident_view import seen
from app.pages.views import MailView
from app.pages.words import Words
from incidents import queries as incidents
from incidents.content import webhook_payload, written
from incidents.lifecycle import Status
from incidents.links import links
from incidents.queries import Shown
from kit.clock import Clock
from kit.pages import Pages
from kit.signing import Signer
from kit.slices import sliced
from notifications.schemas import WORDLESS, Leaving, Message

if TYPE_CHECKING:
    from access.tables import Person


@dataclass(frozen=True)
class Facts:
    """What all messages of a batch are written with."""

    directory: Directory
    people: Mapping[str, str]
    now: datetime
    _written: dict[tuple[int, str], Mapping[str, Any]] = field(default_factory=dict)

    def written(self, shown: Shown, locale: str) -> Mapping[str, Any]:
        """Return an incident as a payload has it: once for all who read it in one language."""
        key = shown.incident.number, locale
        if key not in self._written:
            self._written[key] = written(shown, locale)
        return self._written[key]


@dataclass(frozen=True)
class Speaker:
    """Knows how to put a notification into words, for people and for programs."""

    pages: Pages
    signer: Signer
    url: str
    clock: Clock

    async def render(
        self, session: AsyncSession, leavings: Sequence[Leaving], directory: Directory
    ) -> list[Message]:
        """Return the messages in the language and zone of whoever reads them."""
        now = self.clock()
        shown = await incidents.shown_of(session, {one.about for one in leavings}, now=now)
        persons = await access.persons(session, {one.person for one in leavings})
        facts = Facts(directory, await access.titles_of_people(session), now)
        return [
            self._message(one, shown[one.about], persons[one.person], facts)
            async for one in sliced(leavings)
        ]

    def _message(self, leaving: Leaving, shown: Shown, person: "Person", facts: Facts) -> Message:
        led = links(self.signer, self.url, shown.incident, person=person.name, now=facts.now)
        payload = webhook_payload(
            facts.written(shown, person.locale),
            event=leaving.event,
            key=leaving.sent_key,
            links=led,
            facts=leaving.facts,
        )
        words = ("", "", "")
        if leaving.contact.channel not in WORDLESS:
            words = self._words(leaving, shown, person, led, facts)
        return Message(*words, payload, person.locale)

    def _words(
        self,
        leaving: Leaving,
        shown: Shown,
        person: "Person",
        led: Mapping[str, str],
        facts: Facts,
    ) -> tuple[str, str, str]:
        """Return subject, plain text and HTML."""
        untaken = shown.incident.status is Status.TRIGGERED
        view = MailView(
            event=leaving.event,
            incident=seen(
                shown, Words(person.locale, facts.directory, facts.people, person.timezone)
            ),
            person=person.title,
            page=led["page"],
            acknowledge=led["acknowledge"] if untaken else None,
            clock=leaving.facts.get("clock"),
        )
        subject, text, html = (
            self.pages.render(
                f"mail/{name}", person.locale, person.timezone, now=facts.now, view=view
            )
            for name in ("subject.txt", "notification.txt", "notification.html")
        )
        return subject.strip(), text, html
