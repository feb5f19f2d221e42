"""Who can be reached at one moment, and how. Pure: no clock, no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ContactFacts:
    """One way to reach a person; `secret` is sealed."""

    channel: str
    address: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Reached:
    """A person who can be told, with contacts in the order in which they are tried."""

    person: str
    contacts: tuple[ContactFacts, ...]


@dataclass(frozen=True)
class Roster:
    """Everybody's contacts, roles and whose turn it is, read at one moment."""

    contacts: Mapping[str, tuple[ContactFacts, ...]]
    on_call: Mapping[str, tuple[str, ...]]
    roles: Mapping[str, tuple[str, ...]]

    def people(self, targets: Iterable[str]) -> list[str]:
        """Return whom `targets` (person:…, schedule:…, role:…) name, each once, in order."""
        named: dict[str, None] = {}
        for target in targets:
            kind, _, name = target.partition(":")
            named |= dict.fromkeys(self._named(kind, name))
        return list(named)

    def _named(self, kind: str, name: str) -> tuple[str, ...]:
        if kind == "person":
            return (name,)
        return {"schedule": self.on_call, "role": self.roles}.get(kind, {}).get(name, ())

    def reach(self, targets: Iterable[str]) -> list[Reached]:
        """Return those of `targets` who are there and have at least one contact."""
        found = ((person, self.contacts.get(person, ())) for person in self.people(targets))
        return [Reached(person, contacts) for person, contacts in found if contacts]

    def reaches(self, targets: Sequence[str]) -> bool:
        """Tell whether anybody would be told."""
        return bool(self.reach(targets))
