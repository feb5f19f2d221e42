"""Rows for the verbs: one incident for a caller, or all that a batch of alerts may move."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Uuid,
    and_,
    exists,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import EVERYTHING, Scope
from access.tables import Client, System
from incidents.clocks import Clock, Kind
from incidents.lifecycle import OPEN, VersionPassed, What
from incidents.records import AlertRecord
from incidents.schemas import STANDARD, SlaSpec
from incidents.tables import Incident, IncidentAlert, SlaClock, SlaInterval, SlaPolicy, TimelineNote
from kit.errors import NotFound
from kit.slices import sliced
from oncall import queries as oncall
from oncall.escalation import Policy

FRESH = {"populate_existing": True}
"""Clocks are written past the session, which must not answer from memory."""

Clocks = Mapping[Kind, tuple[Clock, int]]
"""Both clocks of an incident, each with the mark that was told last."""


async def get(
    session: AsyncSession,
    scope: Scope,
    number: int,
    *,
    lock: bool = False,
    version: int | None = None,
) -> Incident:
    """Return an incident, held until the end of the transaction if `lock`; else refuse."""
    return await _one(
        session, scope, Incident.number == number, str(number), lock=lock, version=version
    )


async def by_id(session: AsyncSession, id: UUID, *, lock: bool = False) -> Incident:
    """Return the incident that a notification is about."""
    return await _one(session, EVERYTHING, Incident.id == id, str(id), lock=lock)


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Incident]:
    """Return the incidents that notifications are about; those about other things have none."""
    found = await session.scalars(select(Incident).where(Incident.id.in_(ids)))
    return {incident.id: incident for incident in found}


async def _one(
    session: AsyncSession,
    scope: Scope,
    which: ColumnElement[bool],
    name: str,
    *,
    lock: bool,
    version: int | None = None,
) -> Incident:
    stmt = select(Incident).where(which)
    if lock:
        stmt = stmt.with_for_update().execution_options(populate_existing=True)
    found = await session.scalar(stmt)
    if found is None or not scope.allows(found.client):
        raise NotFound("there is no incident {incident}", incident=name)
    refuse_if_passed(found, version)
    return found


def refuse_if_passed(incident: Incident, version: int | None) -> None:
    """Refuse a decision on a version of the incident that is no longer the newest."""
    if version is not None and version != incident.version:
        raise VersionPassed(
            "incident {number} is at version {version}, not {decided_on}",
            number=incident.number,
            version=incident.version,
            decided_on=version,
        )


async def concerned(
    session: AsyncSession, client: str, *, places: Collection[tuple[str, str]], alerts: list[UUID]
) -> list[tuple[Incident, bool]]:
    """Return, locked and out of the session, the incidents that these alerts may move.

    The open ones of the systems (and drills), and any in which an alert has not ended yet; with
    each, whether an alert that is not one of these has not ended.
    """
    ids, place = literal(alerts, ARRAY(Uuid)), tuple_(Incident.system, Incident.drill)
    going_on = IncidentAlert.resolved_at.is_(None)
    there = select(Incident.id).where(
        Incident.client == client, Incident.status.in_(OPEN), place.in_(places)
    )
    holding = select(IncidentAlert.incident_id).where(
        IncidentAlert.alert_id == func.any(ids), going_on
    )
    others = exists().where(
        IncidentAlert.incident_id == Incident.id, IncidentAlert.alert_id != func.all(ids), going_on
    )
    stmt = (
        select(Incident, others)
        .where(Incident.client == client, Incident.id.in_(union_all(there, holding)))
        .order_by(Incident.id)  # one order, so that two batches cannot deadlock
        .with_for_update(of=Incident)
        .execution_options(populate_existing=True)
    )
    rows = [(row, more) for row, more in await session.execute(stmt)]
    for row, _ in rows:
        session.expunge(row)
    return rows


RECORD = tuple(getattr(IncidentAlert, name.name) for name in fields(AlertRecord))


async def alerts_of(
    session: AsyncSession, incidents: Collection[UUID], *, alerts: list[UUID]
) -> list[AlertRecord]:
    """Return those alerts of the incidents."""
    if not incidents:
        return []
    stmt = select(*RECORD).where(
        IncidentAlert.incident_id.in_(incidents),
        IncidentAlert.alert_id == func.any(literal(alerts, ARRAY(Uuid))),
    )
    return [AlertRecord(*row) async for row in sliced(await session.execute(stmt))]


@dataclass(frozen=True)
class Terms:
    """What holds for a client's incidents that open now."""

    zone: str
    locale: str
    sla: SlaSpec
    escalation: str | None
    of_system: Mapping[str, str | None]
    policies: Mapping[str, Policy]

    def policy(self, system: str, of_rule: str | None) -> Policy:
        """Return the escalation policy: the rule's, else the system's, the client's, `default`."""
        name = of_rule or self.of_system.get(system) or self.escalation
        return oncall.named(self.policies, name)


async def terms(session: AsyncSession, client: str, systems: Collection[str]) -> Terms:
    """Return the terms of a client and those of its systems, in two statements."""
    stmt = (
        select(Client, SlaPolicy, System.name, System.escalation)
        .outerjoin(SlaPolicy, SlaPolicy.name == Client.sla)
        .outerjoin(System, and_(System.client == Client.name, System.name.in_(systems)))
        .where(Client.name == client)
    )
    rows = (await session.execute(stmt)).all()
    owner, sla = rows[0][0], rows[0][1]
    return Terms(
        zone=owner.timezone,
        locale=owner.locale,
        sla=STANDARD if sla is None else SlaSpec(name=sla.name, **sla.levels),
        escalation=owner.escalation,
        of_system={name: escalation for _, _, name, escalation in rows if name is not None},
        policies=await oncall.policies(session),
    )


async def clocks(session: AsyncSession, incidents: Collection[UUID]) -> dict[UUID, Clocks]:
    """Return the clocks of many incidents in two statements."""
    if not incidents:
        return {}
    spans = select(SlaInterval).where(SlaInterval.incident_id.in_(incidents))
    intervals: dict[tuple[UUID, Kind], list[SlaInterval]] = {}
    for span in await session.scalars(spans.order_by(SlaInterval.since), execution_options=FRESH):
        intervals.setdefault((span.incident_id, span.kind), []).append(span)
    found: dict[UUID, dict[Kind, tuple[Clock, int]]] = {}
    rows = select(SlaClock).where(SlaClock.incident_id.in_(incidents))
    for row in await session.scalars(rows, execution_options=FRESH):
        clock = row.clock(intervals[row.incident_id, row.kind])
        found.setdefault(row.incident_id, {})[row.kind] = clock, row.told
    return dict(found)


async def another_gathers(session: AsyncSession, incident: Incident) -> bool:
    """Tell whether alerts of the same client, system and drill already join another incident."""
    other = exists().where(
        Incident.client == incident.client,
        Incident.system == incident.system,
        Incident.drill == incident.drill,
        Incident.id != incident.id,
        Incident.status.in_(OPEN),
        Incident.gathers,
    )
    return bool(await session.scalar(select(other)))


async def known_to_have_failed(session: AsyncSession, incident: UUID, notification: UUID) -> bool:
    """Tell whether the timeline already says that this notification reached nobody."""
    line = exists().where(
        TimelineNote.incident_id == incident,
        TimelineNote.what == What.NOTIFICATION_FAILED,
        TimelineNote.facts["notification"].astext == str(notification),
    )
    return bool(await session.scalar(select(line)))
