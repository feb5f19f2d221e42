"""What may happen to an incident, as one table of moves. Pure: no clock, no database."""

from datetime import datetime, timedelta
from enum import StrEnum

from alerting.lifecycle import Priority
from kit.errors import Conflict

JOINS_WITHIN = timedelta(minutes=30)
"""How long after its last new alert an open incident still takes alerts in."""


class Status(StrEnum):
    """Where an incident stands."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Move(StrEnum):
    """What people, alerts and time do to an incident."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    ESCALATE = "escalate"
    RAISE = "raise"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"


OPEN = (Status.TRIGGERED, Status.ACKNOWLEDGED)

MOVES: dict[tuple[Status, Move], Status] = {
    (Status.TRIGGERED, Move.ACKNOWLEDGE): Status.ACKNOWLEDGED,
    (Status.TRIGGERED, Move.ESCALATE): Status.TRIGGERED,
    (Status.TRIGGERED, Move.RAISE): Status.TRIGGERED,
    (Status.TRIGGERED, Move.RESOLVE): Status.RESOLVED,
    (Status.ACKNOWLEDGED, Move.UNACKNOWLEDGE): Status.TRIGGERED,
    (Status.ACKNOWLEDGED, Move.ESCALATE): Status.ACKNOWLEDGED,  # the owner calls for help
    (Status.ACKNOWLEDGED, Move.RAISE): Status.TRIGGERED,  # a graver alert is never swallowed
    (Status.ACKNOWLEDGED, Move.RESOLVE): Status.RESOLVED,
    (Status.RESOLVED, Move.ACKNOWLEDGE): Status.RESOLVED,  # too late is not wrong
    (Status.RESOLVED, Move.RESOLVE): Status.RESOLVED,  # nor is twice
    (Status.RESOLVED, Move.REOPEN): Status.TRIGGERED,
    (Status.RESOLVED, Move.CLOSE): Status.CLOSED,
    (Status.CLOSED, Move.ACKNOWLEDGE): Status.CLOSED,
    (Status.CLOSED, Move.RESOLVE): Status.CLOSED,
}


class MoveNotAllowed(Conflict):
    """The incident stands where this cannot be done to it."""

    slug, title = "incident-move-not-allowed", "The incident does not allow this move"


class VersionPassed(Conflict):
    """The caller decided on a version of the incident that is no longer the newest."""

    slug, title = "incident-version-passed", "The incident has changed since you read it"


class What(StrEnum):
    """What a line of the timeline tells."""

    OPENED = "opened"
    JOINED = "joined"
    ALERT_RAISED = "alert_raised"
    FELL = "fell"
    ALERT_RESOLVED = "alert_resolved"
    ALERT_UNKNOWN = "alert_unknown"
    ALERT_KNOWN = "alert_known"
    RAISED = "raised"
    ESCALATED = "escalated"
    NOBODY_REACHED = "nobody_reached"
    EXHAUSTED = "exhausted"
    OWNER_TOLD = "owner_told"
    NOTIFICATION_FAILED = "notification_failed"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    NOTE = "note"
    RECOVERED = "recovered"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    SLA_AT_RISK = "sla_at_risk"
    SLA_BREACHED = "sla_breached"
    CLOCK_PAUSED = "clock_paused"
    CLOCK_RESUMED = "clock_resumed"
    TIME_EXCLUDED = "time_excluded"


class Tell(StrEnum):
    """The events that people and webhooks are told of."""

    TRIGGERED = "triggered"
    ESCALATED = "escalated"
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    SLA_AT_RISK = "sla_at_risk"
    SLA_BREACHED = "sla_breached"


def after(status: Status, move: Move) -> Status:
    """Return the status `move` leads to, or refuse."""
    try:
        return MOVES[status, move]
    except KeyError:
        raise MoveNotAllowed(
            "cannot {move} an incident that is {stands}", move=move.value, stands=status.value
        ) from None


def takes_in(last_alert_at: datetime, *, at: datetime) -> bool:
    """Tell whether an open incident whose last new alert came then still takes one in `at`."""
    return at - last_alert_at < JOINS_WITHIN


def heard(status: Status, priority: Priority, called: Priority, *, fresh: bool) -> Tell | None:
    """Return how an open incident is heard of when alerts call, the gravest of them of `called`.

    Everybody again where they are graver; its owner where they are as grave and one is `fresh`.
    """
    if called < priority:
        return Tell.RAISED
    owned = status is Status.ACKNOWLEDGED and called is priority
    return Tell.TRIGGERED if owned and fresh else None
