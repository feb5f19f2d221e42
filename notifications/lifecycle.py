"""What becomes of a notification after an attempt. Pure: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

LEASE = timedelta(seconds=30)
TIMEOUT = timedelta(seconds=10)
"""The longest an attempt may take: well inside the lease."""

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 10, 20, 40, 60))
RETRY_AFTER_MOST = timedelta(seconds=60)
HELD_FOR = timedelta(seconds=30)
MUTED = "muted"
"""Why nothing leaves a copy of an installation."""

PATIENCE = timedelta(hours=1)
PATIENCE_WITH_ANOTHER = {1: timedelta(seconds=30)}
PATIENCE_WITH_ANOTHER_ELSE = timedelta(seconds=60)

GRAVE = 2
"""P1 and P2 never wait for a place that others have."""

ALWAYS_PASS = frozenset({"resolved", "acknowledged"})
"""Events that no silence holds back: who was told of the fire is told of its end."""


class Status(StrEnum):
    """Where a notification stands."""

    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (Status.DUE, Status.SENDING)


class Kind(StrEnum):
    """How an attempt ended; `lost`: its worker died before it could tell."""

    SENT = "sent"
    TRY_AGAIN = "try_again"
    REFUSED = "refused"
    HELD = "held"
    LOST = "lost"


@dataclass(frozen=True)
class Outcome:
    """What a channel, or the gate, made of one attempt."""

    kind: Kind
    code: int | None = None
    detail: str = ""
    reference: str | None = None
    retry_after: timedelta | None = None


class Tried(Protocol):
    """What a verdict depends on: the tries at the present contact, and who is left."""

    @property
    def attempts(self) -> int: ...
    @property
    def tried_since(self) -> datetime: ...
    @property
    def at_contact(self) -> int: ...
    @property
    def contacts(self) -> Sequence[object]: ...
    @property
    def priority(self) -> int: ...


@dataclass(frozen=True)
class Verdict:
    """The next state: at which contact, when, after how many tries there."""

    status: Status
    at_contact: int
    attempts: int
    next_try_at: datetime
    tried_since: datetime | None
    why: str = ""


def judge(tried: Tried, outcome: Outcome, *, now: datetime) -> Verdict:
    """Decide what follows from `outcome`; `tried.attempts` counts the attempt it came from."""
    here, since = tried.at_contact, tried.tried_since
    if outcome.kind is Kind.SENT:
        return Verdict(Status.SENT, here, tried.attempts, now, since)
    if outcome.kind is Kind.HELD:
        before = tried.attempts - 1
        return Verdict(Status.DUE, here, before, now + HELD_FOR, since if before else None)
    another = here + 1 < len(tried.contacts)
    wait = _wait(tried.attempts, outcome)
    if outcome.kind is not Kind.REFUSED and now + wait - since <= _patience(tried, another):
        return Verdict(Status.DUE, here, tried.attempts, now + wait, since)
    if another:
        return Verdict(Status.DUE, here + 1, 0, now, None)
    return Verdict(Status.FAILED, here, tried.attempts, now, since, reason(outcome))


def _wait(attempts: int, outcome: Outcome) -> timedelta:
    planned = BACKOFF[min(max(attempts, 1), len(BACKOFF)) - 1]
    asked = min(outcome.retry_after or timedelta(), RETRY_AFTER_MOST)
    return max(planned, asked)


def _patience(tried: Tried, another: bool) -> timedelta:
    if not another:
        return PATIENCE
    return PATIENCE_WITH_ANOTHER.get(tried.priority, PATIENCE_WITH_ANOTHER_ELSE)


def reason(outcome: Outcome) -> str:
    """Return in a few words what went wrong."""
    code = f"{outcome.code} " if outcome.code else ""
    return f"{outcome.kind}: {code}{outcome.detail}".strip()


def key_for(key: str, at_contact: int) -> str:
    """Return the key that a receiver sees: one for each contact, the same at each repeat."""
    return key if at_contact == 0 else f"{key}:{at_contact + 1}"


def receiver_host(channel: str, address: str) -> str:
    """Return whom a contact makes wait: the host of a URL, or the channel as a whole."""
    if "://" not in address:
        return channel
    try:
        return urlsplit(address).netloc.rpartition("@")[2].lower() or channel
    except ValueError:  # the channel will refuse it; others' pages must not fail with it
        return channel
