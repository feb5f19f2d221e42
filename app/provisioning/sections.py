"""The sections of the files whose rows access owns, as people write them; the rooms have theirs."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from access.directory import pattern
from access.schemas import Mail, Name
from access.scope import Right, Role
from alerting.schemas import Overrides, ThresholdSpec
from incidents.schemas import SlaSpec
from kit.durations import Duration
from kit.errors import Invalid, Said
from kit.net import whole
from oncall.schemas import ContactIn, PolicyIn, ScheduleIn

RESERVED = frozenset({"client", "drill"})
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(seconds=1), timedelta(days=1)
_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            Said("{value!r} is not a time zone; write Asia/Shanghai", value=value)
        ) from None
    return value


def _regex(value: str) -> str:
    try:
        pattern(value)
    except Invalid as refusal:
        raise ValueError(refusal.detail) from None
    return value


def _free(value: str) -> str:
    if value in RESERVED or value.startswith("__"):
        raise ValueError(Said("the label {label} is set by us alone", label=value))
    return value


def _http(value: str) -> str:
    if not whole(value):
        raise ValueError(Said("write an address like http://10.0.0.5:9100/metrics"))
    if "@" in urlsplit(value).netloc:
        raise ValueError(Said("write the user and the secret into fields of their own"))
    return value


def _sendable(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable():
        raise ValueError(Said("there is a control character in this text"))
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Title = Annotated[str, Field(min_length=1, max_length=200)]
Zone = Annotated[str, AfterValidator(_zone)]
Regex = Annotated[str, Field(max_length=1000), AfterValidator(_regex)]
Label = Annotated[str, Field(pattern=_LABEL), AfterValidator(_free)]
LabelValue = Annotated[str, Field(min_length=1, max_length=500)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=4000), AfterValidator(_sendable)]
Status = Annotated[int, Field(ge=100, le=599)]
Statuses = Annotated[list[Status], BeforeValidator(_as_list), Field(min_length=1)]
Language = Literal["zh-CN", "en"]


class Section(BaseModel):
    """A field that is not known is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class ClientIn(Section):
    """A client."""

    title: Title
    locale: Language = "zh-CN"
    timezone: Zone = "Asia/Shanghai"
    sla: Name = "standard"
    escalation: Name | None = None
    overrides: Overrides = Field(default_factory=dict)

    @property
    def changed(self) -> dict[str, dict[str, Any]]:
        """The overrides as they are written."""
        found: dict[str, dict[str, Any]] = self.model_dump(
            mode="json", by_alias=True, include={"overrides"}
        )["overrides"]
        return found


class SystemIn(Section):
    """A client's system; `match` tells which series are its own."""

    client: Name
    title: Title
    core: bool = False
    match: dict[Label, Regex] = Field(default_factory=dict)
    escalation: Name | None = None


class PersonIn(Section):
    """A person and how to reach them, the first contact first."""

    title: Title
    role: Role = Role.ENGINEER
    locale: Language = "zh-CN"
    timezone: Zone = "Asia/Shanghai"
    clients: list[Name] | None = None
    mail: Mail | None = None
    password_env: Variable | None = None
    contacts: list[ContactIn] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _reader_has_a_client(self) -> Self:
        if self.role is Role.CLIENT and not self.clients:
            raise ValueError(Said("a person with the role client needs `clients`"))
        return self


class TokenIn(Section):
    """A token whose secret comes from the environment; without a client: for all."""

    client: Name | None = None
    scopes: list[Right] = Field(min_length=1)
    secret_env: Variable


class TargetIn(Section):
    """Something that we go and ask: an exporter to scrape, an address to probe.

    It is shown `secret` as a Bearer token, or with `user` as the password of Basic.
    """

    client: Name
    system: Name | None = None
    kind: Literal["scrape", "http"]
    url: Annotated[str, AfterValidator(_http)]
    interval: Duration = timedelta(seconds=15)
    timeout: Duration = timedelta(seconds=10)
    labels: dict[Label, LabelValue] = Field(default_factory=dict)
    expect_status: Statuses | None = None
    contains: str | None = Field(None, min_length=1, max_length=1000)
    user: str | None = Field(None, pattern=r"^[^\x00-\x1f:]{1,200}$")
    secret: Secret | None = None
    secret_env: Variable | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret and self.secret_env:
            raise ValueError(Said("give secret or secret_env, not both"))
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not SHORTEST_INTERVAL <= self.interval <= LONGEST_INTERVAL:
            raise ValueError(Said("an interval lies between 1s and 1d"))
        if not timedelta() < self.timeout <= self.interval:
            raise ValueError(Said("a timeout is not longer than the interval"))
        if self.kind == "scrape" and self.options:
            raise ValueError(Said("expect_status and contains are for targets of the kind http"))
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What is asked of the answer."""
        said = {"expect_status": self.expect_status, "contains": self.contains}
        return {name: value for name, value in said.items() if value is not None}


SECTIONS: dict[str, type[BaseModel]] = {
    "clients": ClientIn,
    "systems": SystemIn,
    "people": PersonIn,
    "schedules": ScheduleIn,
    "escalations": PolicyIn,
    "slas": SlaSpec,
    "tokens": TokenIn,
    "targets": TargetIn,
    "thresholds": ThresholdSpec,
}
OF_CLIENTS = frozenset({"systems", "targets"})
"""Sections whose names are unique for one client, not for all."""
