"""What crosses YAML and REST: contacts, schedules and policies as people write them."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from kit.durations import Duration
from kit.errors import Said
from kit.moments import Moment
from kit.net import whole
from oncall.escalation import Policy
from oncall.rotation import DAY, WEEK, Hours, Layer

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ADDRESS_MOST = 2000
"""Characters: what is longer does not fit into the index by which messages wait their turn."""
SHORTEST_TURN = timedelta(hours=1)
_HANDOFF = re.compile(r"(?:([A-Za-z]+) +)?(\d{1,2}):(\d{2})")
_TARGET = re.compile(r"(?:person|schedule|role):[a-z0-9][a-z0-9_.-]{0,62}")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


def _wall(value: Any) -> Any:
    """YAML 1.1 takes an unquoted 10:30 for the number 630."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:
        return f"{value // 60:02}:{value % 60:02}"
    return value


def _wall_time(value: Any) -> Any:
    """Files are read strictly, and there a text is no time unless we read it."""
    wall = _wall(value)
    if not isinstance(wall, str):
        return wall
    try:
        return time.fromisoformat(wall)
    except ValueError:
        raise ValueError(Said('{wall!r} is not a time of day; write "20:00"', wall=wall)) from None


Wall = Annotated[time, BeforeValidator(_wall_time)]


def _weekday(word: str) -> int:
    try:
        return DAYS.index(word.strip().lower()[:3])
    except ValueError:
        raise ValueError(
            Said("{word!r} is not a day of the week; write Mon, Tue, …", word=word)
        ) from None


def _days(text: str) -> set[int]:
    first, dash, last = text.partition("-")
    begins = _weekday(first)
    length = (_weekday(last) - begins) % 7 if dash else 0
    return {(begins + n) % 7 for n in range(length + 1)}


class Strict(BaseModel):
    """A key that is not known is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def unfit_address(channel: str, address: str) -> Said | None:
    """Return why a channel cannot use an address; None if it can."""
    if channel == "webhook" and not whole(address):
        return Said("a webhook needs an http or https address")
    if channel == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        return Said("an email contact needs an address like li@example.com")
    return None


class ContactPatch(BaseModel):
    """What changes of a contact; `secret: null` takes it away, `place` counts from 0."""

    model_config = ConfigDict(extra="forbid")

    address: str | None = Field(default=None, min_length=1, max_length=ADDRESS_MOST)
    secret: SecretStr | None = None
    place: int | None = Field(default=None, ge=0, le=1000)


class ContactIn(Strict):
    """A way to reach a person: a URL or an address, and the secret that signs what is sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "webhook",
                    "address": "https://pager.example.com/li",
                    "secret": "what signs each call",
                },
                {"channel": "email", "address": "li@example.com"},
            ]
        }
    )

    channel: Literal["webhook", "email"]
    address: str = Field(
        min_length=1,
        max_length=ADDRESS_MOST,
        validation_alias=AliasChoices("address", "url", "email"),
    )
    secret: SecretStr | None = None
    secret_env: str | None = None

    @model_validator(mode="after")
    def _fits_its_channel(self) -> "ContactIn":
        if wrong := unfit_address(self.channel, self.address):
            raise ValueError(wrong)
        if self.secret and self.secret_env:
            raise ValueError("give secret or secret_env, not both")
        return self


class ContactOut(BaseModel):
    """A way to reach a person; of a webhook's address only the host is shown, no secret."""

    id: UUID
    channel: str
    address: str
    has_secret: bool
    origin: str | None


class ContactList(BaseModel):
    """All contacts of a person, the one tried first first."""

    items: list[ContactOut]
    next: str | None = None


class HoursIn(Strict):
    """Certain hours of certain days; `to` not after `from` means the next morning."""

    days: list[str] = Field(default_factory=lambda: ["Mon-Sun"])
    opens: Wall = Field(default=time(0), alias="from")
    closes: Wall = Field(default=time(0), alias="to")

    @field_validator("days", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("days")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for text in value:
            _days(text)
        return value

    def hours(self) -> Hours:
        """Return these hours as the rotation knows them."""
        days = frozenset().union(*(_days(text) for text in self.days))
        return Hours(days, self.opens, self.closes)


class Every(Strict):
    """A turn of any length from an hour up."""

    every: Duration

    @field_validator("every")
    @classmethod
    def _long_enough(cls, value: timedelta) -> timedelta:
        if value < SHORTEST_TURN:
            raise ValueError("a turn takes at least 1h")
        return value


class LayerIn(Strict):
    """People who take turns; the first turn is that of the first person."""

    rotation: Literal["daily", "weekly"] | Every = "weekly"
    handoff: Annotated[str, BeforeValidator(_wall)] = "09:00"
    people: list[Name] = Field(default_factory=list)
    start: date | None = None
    only: list[HoursIn] = Field(default_factory=list)

    @model_validator(mode="after")
    def _handoff_fits(self) -> "LayerIn":
        weekday, _ = self._read_handoff()
        if self.rotation == "daily" and weekday is not None:
            raise ValueError("a daily handoff has no day of the week")
        return self

    def _read_handoff(self) -> tuple[int | None, time]:
        found = _HANDOFF.fullmatch(self.handoff.strip())
        if not found:
            raise ValueError(
                Said(
                    '{handoff!r} is not a handoff; write "Mon 09:00" or "09:00"',
                    handoff=self.handoff,
                )
            )
        day, hour, minute = found.groups()
        return (_weekday(day) if day else None), time(int(hour), int(minute))

    def layer(self) -> Layer:
        """Return this layer as the rotation knows it."""
        weekday, at = self._read_handoff()
        every = {"daily": DAY, "weekly": WEEK}.get(str(self.rotation))
        return Layer(
            people=tuple(self.people),
            every=every or Every.model_validate(self.rotation).every,
            at=at,
            weekday=weekday,
            start=self.start,
            only=tuple(hours.hours() for hours in self.only),
        )


class ScheduleIn(Strict):
    """A schedule as it is written: a zone, and layers of which the later win."""

    name: Name
    timezone: str = "Asia/Shanghai"
    layers: list[LayerIn] = Field(default_factory=list)

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                Said("{value!r} is not a zone; write Asia/Shanghai", value=value)
            ) from None
        return value


class PolicyIn(Policy):
    """An escalation policy as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name

    @model_validator(mode="after")
    def _targets_are_known_kinds(self) -> "PolicyIn":
        for target in (target for step in self.steps for target in step.notify):
            if not _TARGET.fullmatch(target):
                raise ValueError(
                    Said(
                        "{target!r} is no target; write person:li or schedule:primary",
                        target=target,
                    )
                )
        return self


class OverrideIn(Strict):
    """Somebody stands in for whoever would be on call."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person": "han",
                    "starts_at": "2026-11-08T18:00:00+08:00",
                    "ends_at": "2026-11-09T09:00:00+08:00",
                }
            ]
        }
    )

    person: Name
    starts_at: Moment
    ends_at: Moment

    @model_validator(mode="after")
    def _takes_time(self) -> "OverrideIn":
        if self.starts_at >= self.ends_at:
            raise ValueError("it has to end after it starts")
        return self


class ShiftOut(BaseModel):
    """A shift; `layer` -1 is an override."""

    person: str
    start: datetime
    end: datetime
    layer: int


class GapOut(BaseModel):
    """A time in which nobody is on call."""

    start: datetime
    end: datetime


class OnCallOut(BaseModel):
    """Who is on call now, until when, and who is next; `next` empty: nobody."""

    schedule: str
    timezone: str
    now: list[str]
    until: datetime | None
    next: list[str]


class WeekOut(BaseModel):
    """The shifts and gaps of a schedule in one week."""

    schedule: str
    timezone: str
    shifts: list[ShiftOut]
    gaps: list[GapOut]


class OnCallList(BaseModel):
    """Who is on call, one line for each schedule."""

    items: list[OnCallOut]
    next: str | None = None


class OverrideOut(OverrideIn):
    """An override that was made."""

    id: UUID
    schedule: str


class OverrideList(BaseModel):
    """Who stands in now and later, the next one first."""

    items: list[OverrideOut]
    next: str | None = None
