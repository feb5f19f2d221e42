"""Who asks and whose rows they may reach. Pure: no clock, no database."""

from dataclasses import dataclass, field
from enum import StrEnum

from kit.errors import Forbidden

HOUSE = "house"
"""The built-in client that owns the operator's own machines."""


class Role(StrEnum):
    """What kind of work somebody does here."""

    ADMIN = "admin"
    ENGINEER = "engineer"
    MANAGER = "manager"
    CLIENT = "client"
    AGENT = "agent"


class Right(StrEnum):
    """What a token or a role allows; `admin` includes every other."""

    INGEST = "ingest"
    ALERTS = "alerts"
    READ = "read"
    WORK = "work"
    ADMIN = "admin"


class LinkPurpose(StrEnum):
    """Why somebody was given a link to choose a password."""

    INVITATION = "invitation"
    RESET = "password_reset"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.ENGINEER: frozenset({Right.READ, Right.WORK}),
    Role.MANAGER: frozenset({Right.READ, Right.WORK}),
    Role.CLIENT: frozenset({Right.READ}),
    Role.AGENT: frozenset(),
}


@dataclass(frozen=True)
class Scope:
    """Whose rows may be reached: `clients` None means every client's."""

    clients: frozenset[str] | None = None

    def allows(self, client: str) -> bool:
        """Tell whether rows of `client` are inside."""
        return self.clients is None or client in self.clients


EVERYTHING = Scope()


class RightMissing(Forbidden):
    """The caller is known, but this is not theirs to do."""

    slug, title = "right-missing", "This token or role does not allow that"


@dataclass(frozen=True)
class Identity:
    """Somebody or something that asks: a person through a browser, or a token."""

    name: str
    title: str
    role: Role
    scope: Scope = EVERYTHING
    rights: frozenset[Right] = field(default_factory=frozenset)
    locale: str | None = None

    def need(self, right: Right) -> None:
        """Refuse unless this identity has `right`."""
        if right not in self.rights and Right.ADMIN not in self.rights:
            raise RightMissing("{name} lacks the right {right}", right=right.value, name=self.name)


SYSTEM = Identity("langyan", "Langyan", Role.ADMIN, EVERYTHING, frozenset(Right))
"""The program itself, as the author of what it does unasked."""
