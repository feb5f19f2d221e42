"""What crosses the API of access, and what a file may say of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic.config import JsonDict

from access.scope import Right, Role
from kit.errors import Said
from kit.i18n import Locale
from kit.moments import Moment

NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
MAIL = r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$"
Name = Annotated[str, Field(pattern=NAME)]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            Said("{value!r} is not a zone; write Asia/Shanghai", value=value)
        ) from None
    return value


Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Title = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")
]
Mail = Annotated[str, Field(max_length=254, pattern=MAIL), AfterValidator(str.lower)]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class PersonOut(BaseModel):
    """Somebody who signs in or is notified; `clients` null means every client."""

    name: str
    title: str
    role: Role
    locale: str
    timezone: str
    clients: list[str] | None
    mail: str | None = None
    disabled: bool
    origin: str | None

    @classmethod
    def of(cls, row: object, *, seen_by: frozenset[str] | None) -> Self:
        """Return what the API shows of a row to somebody who reaches the clients `seen_by`."""
        shown = cls.model_validate(row, from_attributes=True)
        if seen_by is not None and shown.clients is not None:
            shown.clients = sorted(seen_by.intersection(shown.clients))
        return shown


PERSON: JsonDict = {
    "name": "li",
    "title": "李雷",
    "role": "engineer",
    "locale": "zh-CN",
    "timezone": "Asia/Shanghai",
    "clients": None,
    "mail": "li@example.com",
}


class PersonIn(BaseModel):
    """Somebody new; `clients` null: every client. They sign in after an invitation."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [PERSON]})

    name: Name
    title: Title
    role: Role = Role.ENGINEER
    locale: Locale = Locale.ZH
    timezone: Zone = "Asia/Shanghai"
    clients: list[Name] | None = Field(None, max_length=1000)
    mail: Mail | None = None

    @model_validator(mode="after")
    def _reader_has_a_client(self) -> Self:
        if self.role is Role.CLIENT and not self.clients:
            raise ValueError("a reader for a client needs at least one client")
        return self


class PersonPatch(BaseModel):
    """What is to be changed of a person; what is not named stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"role": "manager", "clients": ["shop"]}]},
    )

    title: Title = ""
    role: Role = Role.ENGINEER
    locale: Locale = Locale.ZH
    timezone: Zone = "Asia/Shanghai"
    clients: list[Name] | None = Field(None, max_length=1000)
    mail: Mail | None = None


class OwnPatch(BaseModel):
    """What people change of themselves; what is not named stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"title": "李雷", "locale": "en"}]}
    )

    title: Title = ""
    locale: Locale = Locale.ZH
    timezone: Zone = "Asia/Shanghai"


class PasswordIn(BaseModel):
    """One's own password, changed: the old one proves who asks."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"old": "correct horse battery", "new": "staple of a better horse"}]
        },
    )

    old: SecretStr = Field(max_length=1024)
    new: SecretStr = Field(max_length=1024)


class SessionOut(BaseModel):
    """A browser in which somebody is signed in; `here`: the one that asks."""

    id: UUID
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str
    here: bool = False

    @classmethod
    def of(cls, row: Any, *, here: str = "") -> Self:
        """Return what the API shows of a row; `here` is the digest of the browser that asks."""
        shown = cls.model_validate(row, from_attributes=True)
        shown.here = row.digest == here
        return shown


class SessionList(BaseModel):
    """All browsers of a person; there are never so many that a page is needed."""

    items: list[SessionOut]
    next: str | None = None


class RoleOut(BaseModel):
    """What a role allows."""

    role: Role
    rights: list[Right]


class RoleList(BaseModel):
    """Every role."""

    items: list[RoleOut]
    next: str | None = None


class TokenIn(BaseModel):
    """A token to be made; `client` null: for all clients."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "grafana",
                    "client": None,
                    "rights": ["read"],
                    "expires_at": "2027-12-31T00:00:00+08:00",
                }
            ]
        }
    )

    name: Name
    client: Name | None = None
    rights: list[Right] = Field(min_length=1)
    expires_at: Moment | None = None


class TokenOut(BaseModel):
    """A token; `token` itself is there once, in the answer to its making."""

    name: str
    client: str | None
    rights: list[Right]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = None
    origin: str | None
    token: str | None = None

    @classmethod
    def of(cls, row: object, *, raw: str | None = None) -> Self:
        """Return what the API shows of a row."""
        shown = cls.model_validate(row, from_attributes=True)
        shown.token = raw
        return shown


class AuditOut(BaseModel):
    """Who did what to which thing when."""

    id: int
    at: datetime
    who: str
    did: str
    on: str
    client: str | None
    facts: dict[str, Any]

    @classmethod
    def of(cls, row: object) -> Self:
        """Return what the API shows of a row."""
        return cls.model_validate(row, from_attributes=True)


@dataclass(frozen=True)
class ClientSpec:
    """A client as a file wants it, or somebody by hand (no origin)."""

    name: str
    title: str
    origin: str | None
    locale: str = "zh-CN"
    timezone: str = "Asia/Shanghai"
    sla: str = "standard"
    escalation: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SystemSpec:
    """A system as a file wants it; `position` orders the systems whose `match` is asked."""

    client: str
    name: str
    title: str
    origin: str | None
    core: bool = False
    match: Mapping[str, str] = field(default_factory=dict)
    escalation: str | None = None
    position: int = 0


@dataclass(frozen=True)
class PersonSpec:
    """A person as a file wants them; without a password the one they have stays."""

    name: str
    title: str
    origin: str
    role: Role = Role.ENGINEER
    locale: str = "zh-CN"
    timezone: str = "Asia/Shanghai"
    clients: Sequence[str] | None = None
    mail: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TokenSpec:
    """A token as a file wants it; its secret comes from the environment."""

    name: str
    raw: str = field(repr=False)
    rights: Sequence[Right]
    origin: str
    client: str | None = None


@dataclass(frozen=True)
class TargetSpec:
    """A target as a file wants it, or somebody by hand; lengths in milliseconds.

    `secret` is sealed. `keeps_secret`: the one that the target has stays.
    """

    client: str
    name: str
    kind: str
    url: str
    origin: str | None
    system: str | None = None
    interval_ms: int = 15_000
    timeout_ms: int = 10_000
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    user: str | None = None
    secret: str | None = None
    keeps_secret: bool = False


@dataclass(frozen=True)
class Wanted:
    """Everything that files say of access."""

    clients: Sequence[ClientSpec] = ()
    systems: Sequence[SystemSpec] = ()
    people: Sequence[PersonSpec] = ()
    tokens: Sequence[TokenSpec] = ()
    targets: Sequence[TargetSpec] = ()


class PersonList(BaseModel):
    """One page of people."""

    items: list[PersonOut]
    next: str | None


class TokenList(BaseModel):
    """One page of tokens."""

    items: list[TokenOut]
    next: str | None


class AuditList(BaseModel):
    """One page of the audit trail, newest first."""

    items: list[AuditOut]
    next: str | None
