"""What the templates show: plain values, words already chosen, nothing left to look up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from markupsafe import Markup

from app.pages.entries import Entry

AT_RISK = 0.8
"""The share of a clock from which its digits warn."""


@dataclass(frozen=True)
class ShellView:
    """The frame of every page: where we are, who looks, and the token that forms carry."""

    here: str  # the name of an entry of the menu, or ""
    path: str  # path and query of this page: where a change of language leads back to
    csrf: str
    person: str | None  # the title of who is signed in
    menu: Sequence[Entry] = ()  # what they may open
    muted: str = ""  # why nobody is told anything
    may_lift: bool = False


@dataclass(frozen=True)
class ClockView:
    """One SLA clock at the moment of rendering; lengths are of its own calendar."""

    kind: str  # response | recovery
    state: str  # running | paused | met | breached
    limit: timedelta
    elapsed: timedelta
    due_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None  # why it is paused

    @property
    def left(self) -> timedelta:
        """What remains; below zero once breached."""
        return self.limit - self.elapsed

    @property
    def share(self) -> float:
        """How much is used, from 0 to 1."""
        return min(1.0, self.elapsed / self.limit) if self.limit else 1.0

    @property
    def ticking(self) -> bool:
        """Time counts for it at this moment."""
        return self.ended_at is None and self.state in ("running", "breached")

    @property
    def tone(self) -> str:
        """calm, warn (80 % used), late (breached) or done (met in time)."""
        if self.state == "breached" or self.left < timedelta():
            return "late"
        if self.ended_at or self.state == "met":
            return "done"
        return "warn" if self.share >= AT_RISK else "calm"


@dataclass(frozen=True)
class AlertView:
    """One alert of an incident with its evidence."""

    id: str
    title: str
    labels: Sequence[tuple[str, str]]
    value: str | None
    limit: str | None
    priority: str | None
    state: str  # pending | firing | resolved | unknown
    since: datetime
    ended_at: datetime | None = None
    chart: Markup | None = None
    annotations: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class ReceiptView:
    """What became of one message to one person."""

    person: str
    channel: str
    state: str  # waiting | sent | failed | cancelled | held
    at: datetime | None = None
    error: str | None = None
    late: bool = False  # so long after its line that the time is worth telling


@dataclass(frozen=True)
class TimelineLine:
    """One line of an incident's history; `kind` chooses its mark."""

    id: str
    at: datetime
    kind: str
    text: str
    who: str | None = None
    receipts: Sequence[ReceiptView] = ()


@dataclass(frozen=True)
class NextStep:
    """Whom the escalation tells next, and when, unless somebody takes it; nobody: it is over."""

    at: datetime
    people: Sequence[str]


@dataclass(frozen=True)
class RowView:
    """An incident as one line of a list shows it."""

    number: int
    title: str
    client_title: str
    system_title: str | None
    priority: str
    status: str  # triggered | acknowledged | resolved | closed
    opened_at: datetime
    response: ClockView | None = None
    recovery: ClockView | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    drill: bool = False
    needs_admin: bool = False  # nobody is left whom the escalation could tell
    silent: bool = False  # the data of one of its alerts stopped: does that still burn?

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/incidents/{self.number}"

    @property
    def is_open(self) -> bool:
        """Somebody still has to work on it."""
        return self.status in ("triggered", "acknowledged")

    @cached_property
    def clocks(self) -> tuple[ClockView, ...]:
        """Its clocks, the one to look at first: what still runs, and breaks first."""
        both = [clock for clock in (self.response, self.recovery) if clock]
        return tuple(sorted(both, key=lambda clock: (clock.ended_at is not None, clock.left)))


@dataclass(frozen=True)
class IncidentView(RowView):
    """An incident as its page, a signed link and a mail show it."""

    acknowledged_at: datetime | None = None
    core: bool = False
    summary: str | None = None  # the worst alert in one line: value, limit, where
    alerts: Sequence[AlertView] = ()
    timeline: Sequence[TimelineLine] = ()
    next_step: NextStep | None = None
    actions: frozenset[str] = frozenset()  # acknowledge unacknowledge escalate resolve reopen note
    links: Sequence[tuple[str, str]] = ()  # (words, address)

    @property
    def first_action(self) -> str | None:
        """What the big button does."""
        return next((a for a in ("acknowledge", "resolve", "reopen") if a in self.actions), None)

    @property
    def other_actions(self) -> tuple[str, ...]:
        """What stands behind the small button."""
        known = ("escalate", "resolve", "unacknowledge")
        return tuple(a for a in known if a in self.actions and a != self.first_action)

    @property
    def firing(self) -> int:
        """How many of its alerts are not over."""
        return sum(alert.state != "resolved" for alert in self.alerts)


@dataclass(frozen=True)
class ShiftView:
    """One person's time on call, or a gap (`person` None); `begin`, `end`: shares of its day."""

    person: str | None
    starts_at: datetime
    ends_at: datetime | None  # None: for good
    hue: int = 0  # 0 to 7, the same for a person everywhere
    begin: float = 0.0
    end: float = 1.0

    def fits(self, width: int) -> str:
        """Return as much of who it is as fits its part of a day that is `width` pixels long."""
        room = (self.end - self.begin) * width - 10
        words = (self.person, self.initials) if self.person else ()
        lengths = [(sum(7.5 if c.isascii() else 12.5 for c in word), word) for word in words]
        return next((word for length, word in lengths if length <= room), "")

    @property
    def initials(self) -> str:
        """Two letters, or the last two characters of a Chinese name."""
        first, *rest = (self.person or "").split() or ["–"]
        if rest:
            return (first[0] + rest[-1][0]).upper()
        return first[:2].upper() if first.isascii() else first[-2:]


@dataclass(frozen=True)
class DayView:
    """One day of a schedule."""

    at: datetime
    shifts: Sequence[ShiftView]
    now: float | None = None  # the share of it that has passed, when it is today

    @property
    def today(self) -> bool:
        """It is the present day in the schedule's zone."""
        return self.now is not None


@dataclass(frozen=True)
class ScheduleView:
    """A schedule: who is on call now and next, and its coming days."""

    name: str
    title: str
    zone: str
    current: Sequence[ShiftView]
    coming: ShiftView | None
    days: Sequence[DayView] = ()


@dataclass(frozen=True)
class OnCallView:
    """The page of all schedules."""

    schedules: Sequence[ScheduleView]


@dataclass(frozen=True)
class MetricView:
    """One number of a host with its last hours as a line."""

    kind: str  # cpu | memory | disk | load | network
    value: str | None
    priority: str | None = None  # of the alert that fires on it
    spark: Markup | None = None


@dataclass(frozen=True)
class HostView:
    """One machine."""

    client: str
    name: str
    client_title: str
    system_title: str | None
    state: str  # well | alert | unknown
    seen_at: datetime | None
    metrics: Sequence[MetricView]
    priority: str | None = None
    incident: int | None = None
    up: timedelta | None = None


@dataclass(frozen=True)
class HostsView:
    """The page of all machines."""

    hosts: Sequence[HostView]


@dataclass(frozen=True)
class ClientView:
    """One client on the board."""

    name: str
    title: str
    open: int
    priority: str | None = None  # the gravest that is open


@dataclass(frozen=True)
class WarningView:
    """Something wrong with Langyan itself, in words, and where to look."""

    text: str
    href: str | None = None


@dataclass(frozen=True)
class StepView:
    """One of the first steps: `links` are (its word in the catalogue, address)."""

    name: str
    done: bool
    links: Sequence[tuple[str, str]]
    line: str = ""


@dataclass(frozen=True)
class BoardView:
    """The first page: what burns, who is on call, how the machines are."""

    incidents: Sequence[RowView]
    schedules: Sequence[ScheduleView]
    hosts: Sequence[HostView]  # the first of `machines`
    clients: Sequence[ClientView]
    quiet_since: datetime | None = None
    warnings: Sequence[WarningView] = ()
    machines: int = 0
    steps: Sequence[StepView] = ()  # what an administrator has yet to do, once for all

    @property
    def waiting(self) -> int:
        """How many incidents nobody has taken."""
        return sum(incident.status == "triggered" for incident in self.incidents)


@dataclass(frozen=True)
class BoardPage:
    """The first page around its live part, which is drawn once for all who see the same.

    `since` is as of when it was drawn: with it the page asks for its stream.
    """

    board: BoardView
    live: Markup
    since: str


@dataclass(frozen=True)
class IncidentsView:
    """The list with its filters as they stand in the address."""

    incidents: Sequence[RowView]
    state: str  # open | resolved | all
    priority: str  # P1 … P4, or "" for any
    client: str  # a name, or "" for any
    text: str
    clients: Sequence[ClientView]
    older: str | None = None  # address of the next page
    csv: str | None = None
    events: str = ""  # address of what follows the list

    @property
    def filtered(self) -> bool:
        """Something narrows the list beyond its state."""
        return bool(self.priority or self.client or self.text)


@dataclass(frozen=True)
class AcknowledgeView:
    """What a signed link shows to somebody who is not signed in."""

    state: str  # ready | yours | taken | resolved | invalid
    action: str  # where the button posts to: the link itself
    incident: IncidentView | None = None
    person: str | None = None  # whose link it is
    page: str | None = None  # the incident's own page, for who can sign in


@dataclass(frozen=True)
class ProblemView:
    """A refusal as a page."""

    status: int
    slug: str
    title: str
    detail: str
    retry: str | None = None  # the address to try again

    @property
    def words(self) -> int:
        """The number whose words in the catalogue say it."""
        known = (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503)
        return self.status if self.status in known else 400 if self.status < 500 else 500


@dataclass(frozen=True)
class MailView:
    """One notification as mail."""

    event: str  # triggered escalated raised acknowledged resolved sla_at_risk sla_breached
    incident: IncidentView
    person: str
    page: str
    acknowledge: str | None = None  # None once there is nothing to take
    clock: str | None = None  # response | recovery, for the two SLA events
