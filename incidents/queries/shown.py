"""Incidents as people look at them: lists, the board, and one with all that belongs to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    String,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from alerting import queries as alerting
from alerting.lifecycle import Priority
from incidents import clocks as pure
from incidents.clocks import Clock, ClockView, Kind
from incidents.lifecycle import OPEN, Status
from incidents.queries.rows import by_id, clocks, get
from incidents.records import AlertRecord, Line
from incidents.tables import Incident, IncidentAlert, TimelineNote
from kit.db import among
from kit.errors import NotFound
from kit.kept import keep
from notifications import queries as notifications
from notifications.schemas import NotificationOut

BOARD_MOST = 500
IN_LIST = 20
IN_DETAIL = 500
IN_MESSAGE = 20
"""How many alerts and lines of the timeline are shown of each incident."""


@dataclass(frozen=True)
class Standing:
    """Where an incident stands at one moment, without how it came about."""

    incident: Incident
    clocks: Mapping[Kind, Clock]
    now: datetime

    def clock(self, kind: Kind) -> ClockView:
        """Return how one of its SLA clocks stands."""
        return pure.view(self.clocks[kind], now=self.now)


@dataclass(frozen=True)
class Row(Standing):
    """An incident as one line of a list; `silent`: the data of one of its alerts stopped."""

    silent: bool


@dataclass(frozen=True)
class Shown(Standing):
    """An incident at one moment; alerts the gravest first, of the timeline the newest lines."""

    alert_count: int
    firing_count: int
    alerts: Sequence[AlertRecord]
    timeline: Sequence[Line]
    annotations: Mapping[UUID, Mapping[str, str]]


@dataclass(frozen=True)
class Detail:
    """All that one page shows: the incident, and what became of every notification about it."""

    shown: Shown
    receipts: Sequence[NotificationOut]


class Wanted(TypedDict, total=False):
    """Which incidents of a list: below the number `cursor`, of these kinds, of one client.

    `text` is a number, or a part of a title, a system's name or a label's value.
    """

    cursor: int | None
    status: Collection[Status]
    priority: Collection[Priority]
    client: str | None
    text: str


async def listed(
    session: AsyncSession, scope: Scope, *, now: datetime, limit: int, **wanted: Unpack[Wanted]
) -> list[Shown]:
    """Return incidents inside the scope, newest first."""
    found = (await session.scalars(_wanted(scope, wanted).limit(limit))).all()
    return await _shown(session, found, now=now, most=IN_LIST)


async def lines(
    session: AsyncSession, scope: Scope, *, now: datetime, limit: int, **wanted: Unpack[Wanted]
) -> list[Row]:
    """Return the same as single lines, without what belongs to each: for pages of many."""
    found = (await session.scalars(_wanted(scope, wanted).limit(limit))).all()
    return await _rows(session, found, now=now)


def _wanted(scope: Scope, wanted: Wanted) -> Select[tuple[Incident]]:
    stmt = _inside(scope)
    if (cursor := wanted.get("cursor")) is not None:
        stmt = stmt.where(Incident.number < cursor)
    if status := wanted.get("status"):
        stmt = stmt.where(Incident.status.in_(status))
    if priority := wanted.get("priority"):
        stmt = stmt.where(Incident.priority.in_(priority))
    if (client := wanted.get("client")) is not None:
        stmt = stmt.where(Incident.client == client)
    if text := wanted.get("text", "").strip():
        stmt = stmt.where(_speaks_of(text))
    return stmt.order_by(Incident.number.desc())


async def numbered(
    session: AsyncSession, scope: Scope, numbers: Collection[int], *, now: datetime
) -> list[Shown]:
    """Return these incidents, as far as they are inside the scope, newest first."""
    stmt = _inside(scope).where(among(Incident.number, numbers)).order_by(Incident.number.desc())
    return await _shown(session, (await session.scalars(stmt)).all(), now=now, most=IN_LIST)


def _speaks_of(text: str) -> ColumnElement[bool]:
    if text.removeprefix("#").isdecimal():  # "²" is a digit, too
        return Incident.number == int(text.removeprefix("#")[:18])
    inside = exists().where(
        IncidentAlert.incident_id == Incident.id,
        cast(IncidentAlert.labels, String).icontains(text, autoescape=True),
    )
    return or_(
        cast(Incident.title, String).icontains(text, autoescape=True),
        Incident.system.icontains(text, autoescape=True),
        inside,
    )


async def open_of_alerts(session: AsyncSession, alerts: Collection[UUID]) -> dict[UUID, int]:
    """Return the newest open incident of each of these alerts that has one, by number."""
    found = await session.execute(OPEN_OF_ALERTS, {"these": list(alerts)})
    return {alert: number for alert, number in found}


async def last_resolved_at(session: AsyncSession, scope: Scope) -> datetime | None:
    """Return when the last incident inside the scope ended; None if there never was one."""
    latest = select(func.max(Incident.resolved_at))
    if scope.clients is not None:
        latest = latest.where(Incident.client.in_(scope.clients))
    found: datetime | None = await session.scalar(latest)
    return found


async def board(session: AsyncSession, scope: Scope, now: datetime) -> list[Row]:
    """Return what is open: what nobody has taken first, the gravest first, then the oldest."""
    taken = case((Incident.status == Status.TRIGGERED, 0), else_=1)
    stmt = _inside(scope).where(Incident.status.in_(OPEN))
    stmt = stmt.order_by(taken, Incident.priority, Incident.number).limit(BOARD_MOST)
    return await _rows(session, (await session.scalars(stmt)).all(), now=now)


async def _rows(
    session: AsyncSession, incidents: Sequence[Incident], *, now: datetime
) -> list[Row]:
    ids = [incident.id for incident in incidents]
    held, silent = await _clocks(session, ids), await _silent(session, ids)
    return [Row(one, held[one.id], now, one.id in silent) for one in incidents]


async def detail(session: AsyncSession, scope: Scope, number: int, *, now: datetime) -> Detail:
    """Return one incident with its clocks, alerts, timeline and receipts."""
    return await _detail(session, await get(session, scope, number), now=now)


async def detail_of(session: AsyncSession, id: UUID, *, now: datetime) -> Detail:
    """Return the incident that a notification is about."""
    return await _detail(session, await by_id(session, id), now=now)


async def shown_of(
    session: AsyncSession, ids: Collection[UUID], *, now: datetime
) -> dict[UUID, Shown]:
    """Return the incidents that notifications are about, as messages tell of them."""
    found = (await session.scalars(ABOUT, {"these": list(ids)})).all()
    if missing := set(ids) - {incident.id for incident in found}:
        raise NotFound("there is no incident {incident}", incident=min(missing))
    shown = await _shown(session, found, now=now, most=IN_MESSAGE)
    return {one.incident.id: one for one in shown}


async def one(
    session: AsyncSession, incident: Incident, *, now: datetime, most: int = IN_DETAIL
) -> Shown:
    """Return one incident with its clocks, alerts and timeline, as it stands in this session."""
    (shown,) = await _shown(session, [incident], now=now, most=most)
    return shown


async def _detail(session: AsyncSession, incident: Incident, *, now: datetime) -> Detail:
    shown = await one(session, incident, now=now)
    return Detail(shown, await notifications.of_incident(session, incident.id))


def _inside(scope: Scope) -> Select[tuple[Incident]]:
    stmt = select(Incident)
    return stmt if scope.clients is None else stmt.where(Incident.client.in_(scope.clients))


async def _shown(
    session: AsyncSession,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    most: int,
) -> list[Shown]:
    ids = [incident.id for incident in incidents]
    if not ids:
        return []
    held = await _clocks(session, ids)
    alerts = await _alerts(session, ids, most=most)
    timeline = await _timeline(session, ids, most=most)
    listed_ = [alert.alert_id for each in alerts.values() for alert in each.first]
    said = await alerting.annotations(session, listed_) if listed_ else {}
    return [
        Shown(
            incident,
            held[incident.id],
            now,
            theirs.count,
            theirs.firing,
            theirs.first,
            timeline.get(incident.id, ()),
            said,
        )
        for incident in incidents
        for theirs in (alerts.get(incident.id, NO_ALERTS),)
    ]


async def _clocks(
    session: AsyncSession, incidents: Collection[UUID]
) -> dict[UUID, dict[Kind, Clock]]:
    held = await clocks(session, incidents)
    return {id: {kind: clock for kind, (clock, _) in both.items()} for id, both in held.items()}


async def _silent(session: AsyncSession, incidents: Collection[UUID]) -> set[UUID]:
    return set(await session.scalars(SILENT, {"these": list(incidents)}))


def _first_alerts() -> Select[Any]:
    over = case((IncidentAlert.resolved_at.is_(None), 0), else_=1)
    order = (over, IncidentAlert.priority, IncidentAlert.fired_at, IncidentAlert.alert_id)
    going_on = func.count().filter(IncidentAlert.resolved_at.is_(None))
    counts = func.count().over().label("all"), going_on.over().label("firing")
    theirs = select(IncidentAlert, *counts).where(IncidentAlert.incident_id == Incident.id)
    each = theirs.order_by(*order).limit(MOST).correlate(Incident).lateral()
    # of each incident the first few, so that the others need not be sorted among all
    columns = [each.c[column.name] for column in fields(AlertRecord)]
    stmt = select(*columns, each.c["all"], each.c.firing)
    return stmt.select_from(Incident).join(each, true()).where(OF_THESE)


def _newest_lines(*, brief: bool) -> Select[Any]:
    facts: ColumnElement[Any] = TimelineNote.facts.expression
    if brief:  # up to 1,000 ids
        facts = facts.op("-", return_type=JSONB())(literal("alerts", Text))
    others = (getattr(TimelineNote, column.name) for column in fields(Line)[:-1])
    theirs = select(*others, facts.label("facts")).where(TimelineNote.incident_id == Incident.id)
    newest = theirs.order_by(TimelineNote.id.desc()).limit(MOST).correlate(Incident)
    each = newest.lateral()
    columns = [each.c[column.name] for column in fields(Line)]
    stmt = select(*columns).select_from(Incident).join(each, true()).where(OF_THESE)
    return stmt.order_by(each.c.id)


def _open_of_alerts() -> Select[Any]:
    newest = select(IncidentAlert.alert_id, func.max(Incident.number))
    joined = newest.join(Incident, Incident.id == IncidentAlert.incident_id)
    these = IncidentAlert.alert_id == func.any(THESE), Incident.status.in_(OPEN)
    return joined.where(*these).group_by(IncidentAlert.alert_id)


def _unheard() -> Select[Any]:
    these = IncidentAlert.incident_id == func.any(THESE)
    going_on, silent = IncidentAlert.resolved_at.is_(None), IncidentAlert.unknown_since.is_not(None)
    return select(IncidentAlert.incident_id).where(these, going_on, silent).distinct()


THESE, MOST = bindparam("these", type_=ARRAY(Uuid)), bindparam("most", type_=Integer)
OF_THESE = Incident.id == func.any(THESE)
ABOUT = select(Incident).where(OF_THESE)
FIRST_ALERTS, NEWEST_LINES = _first_alerts(), _newest_lines(brief=False)
NEWEST_BRIEFLY = _newest_lines(brief=True)
OPEN_OF_ALERTS, SILENT = _open_of_alerts(), _unheard()
"""Built once: every page and every message asks for them, and building costs more than asking."""
keep(lambda: (ABOUT, {"these": []}))
keep(lambda: (SILENT, {"these": []}))
keep(lambda: (FIRST_ALERTS, {"these": [], "most": 0}))
keep(lambda: (NEWEST_LINES, {"these": [], "most": 0}))
keep(lambda: (NEWEST_BRIEFLY, {"these": [], "most": 0}))


@dataclass
class _Alerts:
    """The first alerts of an incident; how many it has in all, and how many have not ended."""

    first: list[AlertRecord] = field(default_factory=list)
    count: int = 0
    firing: int = 0


NO_ALERTS = _Alerts()


async def _alerts(
    session: AsyncSession, incidents: Collection[UUID], *, most: int
) -> dict[UUID, _Alerts]:
    found: dict[UUID, _Alerts] = {}
    rows = await session.execute(FIRST_ALERTS, {"these": incidents, "most": most})
    for *columns, count, firing in rows:
        alert = AlertRecord(*columns)
        theirs = found.setdefault(alert.incident_id, _Alerts([], count, firing))
        theirs.first.append(alert)
    for theirs in found.values():
        theirs.first.sort(key=_gravest_first)
    return found


def _gravest_first(alert: AlertRecord) -> tuple[bool, Priority, datetime, str]:
    return alert.resolved_at is not None, alert.priority, alert.fired_at, str(alert.alert_id)


async def _timeline(
    session: AsyncSession, incidents: Collection[UUID], *, most: int
) -> dict[UUID, list[Line]]:
    found: dict[UUID, list[Line]] = {}
    stmt = NEWEST_LINES if most >= IN_DETAIL else NEWEST_BRIEFLY
    for row in await session.execute(stmt, {"these": incidents, "most": most}):
        line = Line(*row)
        found.setdefault(line.incident_id, []).append(line)
    return found
