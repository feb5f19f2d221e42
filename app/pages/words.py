"""What turns rows into words: the reader's language and zone, and who and what names stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from markupsafe import Markup

from access.directory import Directory
from kit.i18n import t
from oncall.roster import Roster

ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class Words:
    """In which language and zone, and who and what the names stand for.

    `roster` is who is reached when the next step is due; without it no next step is told.
    """

    locale: str
    directory: Directory
    people: Mapping[str, str]
    zone: str = ZONE
    charts: Mapping[UUID, Markup] = field(default_factory=dict)
    limits: Mapping[UUID, str] = field(default_factory=dict)
    roster: Roster | None = None

    def person(self, name: str | None) -> str | None:
        """Return how a person is called, or a token that acted by itself."""
        if name is not None and name.startswith("token:"):
            return self.target(name)
        return None if name is None else self.people.get(name, name)

    def persons(self, names: object) -> list[str]:
        """Return how people are called; whoever is missing is left out."""
        if not isinstance(names, (list, tuple)):
            return []
        return [self.people.get(name, name) for name in names if name]

    def target(self, target: str) -> str:
        """Return how a target of an escalation step is called: a person, a schedule, a role."""
        kind, _, name = target.partition(":")
        if kind == "person":
            return self.people.get(name, name)
        return t(f"target.{kind}", self.locale, name=name)

    def client(self, name: str) -> str:
        """Return how a client is called."""
        known = self.directory.clients.get(name)
        return known.title if known else name

    def system(self, client: str, name: str) -> str | None:
        """Return how a system is called; None for no system."""
        known = self.directory.system(client, name)
        return known.title if known else (name or None)
