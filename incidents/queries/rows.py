"""Rows for the verbs: one incident for a caller, or all that a batch of alerts may move."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Select,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import EVERYTHING, Scope
from access.tables import Client, System
from incidents.clocks import Clock, Interval, Kind
from incidents.lifecycle import OPEN, VersionPassed, What
from incidents.records import AlertRecord
from incidents.schemas import STANDARD, SlaSpec
from incidents.tables import (
    Incident,
    IncidentAlert,
    SlaClock,
    SlaInterval,
    SlaPolicy,
    TimelineNote,
    goal_of,
)
from kit.db import among, not_among
from kit.errors import NotFound
from kit.kept import keep
from kit.slices import sliced
from oncall import queries as oncall
from oncall.escalation import Policy

Clocks = Mapping[Kind, tuple[Clock, int]]
"""Both clocks of an incident, each with the mark that was told last."""


NUMBERED = select(Incident).where(Incident.number == bindparam("which"))
IDENTIFIED = select(Incident).where(Incident.id == bindparam("which"))


def _held(stmt: Select[tuple[Incident]]) -> Select[tuple[Incident]]:
    return stmt.with_for_update().execution_options(populate_existing=True)


HELD_NUMBERED, HELD_IDENTIFIED = _held(NUMBERED), _held(IDENTIFIED)
"""Built once: every verb asks for its incident."""
keep(lambda: (NUMBERED, {"which": 0}))
keep(lambda: (HELD_NUMBERED, {"which": 0}))


async def get(
    session: AsyncSession,
    scope: Scope,
    number: int,
    *,
    lock: bool = False,
    version: int | None = None,
) -> Incident:
    """Return an incident, held until the end of the transaction if `lock`; else refuse."""
    stmt = HELD_NUMBERED if lock else NUMBERED
    return await _one(session, scope, stmt, number, version=version)


async def by_id(session: AsyncSession, id: UUID, *, lock: bool = False) -> Incident:
    """Return the incident that a notification is about."""
    return await _one(session, EVERYTHING, HELD_IDENTIFIED if lock else IDENTIFIED, id)


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Incident]:
    """Return the incidents that notifications are about; those about other things have none."""
    found = await session.scalars(select(Incident).where(Incident.id.in_(ids)))
    return {incident.id: incident for incident in found}


async def _one(
    session: AsyncSession,
    scope: Scope,
    stmt: Select[tuple[Incident]],
    which: int | UUID,
    *,
    version: int | None = None,
) -> Incident:
    found = await session.scalar(stmt, {"which": which})
    if found is None or not scope.allows(found.client):
        raise NotFound("there is no incident {incident}", incident=str(which))
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
    place = tuple_(Incident.system, Incident.drill)
    going_on = IncidentAlert.resolved_at.is_(None)
    there = select(Incident.id).where(
        Incident.client == client, Incident.status.in_(OPEN), place.in_(places)
    )
    holding = select(IncidentAlert.incident_id).where(
        among(IncidentAlert.alert_id, alerts), going_on
    )
    others = exists().where(
        IncidentAlert.incident_id == Incident.id,
        not_among(IncidentAlert.alert_id, alerts),
        going_on,
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
        among(IncidentAlert.incident_id, incidents),
        among(IncidentAlert.alert_id, alerts),
    )
    return [AlertRecord(*row) async for row in sliced(await session.execute(stmt))]


@dataclass(frozen=True)
class Terms:
    """What holds for a client's incidents that open now."""

    zone: str
    locale: str
    sla: SlaSpec
    escalation: str | None
    of_system: dict[str, str | None]
    policies: Mapping[str, Policy]

    def policy(self, system: str, of_rule: str | None) -> Policy:
        """Return the escalation policy: the rule's, else the system's, the client's, `default`."""
        name = of_rule or self.of_system.get(system) or self.escalation
        return oncall.named(self.policies, name)


async def terms(session: AsyncSession, client: str, systems: Collection[str]) -> Terms:
    """Return the terms of a client and those of its systems, in two statements."""
    return (await terms_of(session, {client: systems}))[client]


async def terms_of(
    session: AsyncSession, systems: Mapping[str, Collection[str]]
) -> dict[str, Terms]:
    """Return the terms of each of these clients and those of its systems, in two statements."""
    named = set(chain.from_iterable(systems.values()))
    stmt = (
        select(Client, SlaPolicy, System.name, System.escalation)
        .outerjoin(SlaPolicy, SlaPolicy.name == Client.sla)
        .outerjoin(System, and_(System.client == Client.name, among(System.name, named)))
        .where(among(Client.name, systems))
    )
    policies = await oncall.policies(session)
    found: dict[str, Terms] = {}
    for owner, sla, name, escalation in await session.execute(stmt):
        theirs = found.setdefault(owner.name, _terms(owner, sla, policies))
        if name is not None:
            theirs.of_system[name] = escalation
    return found


def _terms(owner: Client, sla: SlaPolicy | None, policies: Mapping[str, Policy]) -> Terms:
    return Terms(
        zone=owner.timezone,
        locale=owner.locale,
        sla=STANDARD if sla is None else SlaSpec(name=sla.name, **sla.levels),
        escalation=owner.escalation,
        of_system={},
        policies=policies,
    )


OF_CLOCK = (SlaClock.incident_id, SlaClock.kind, SlaClock.zone, SlaClock.goals, SlaClock.told)
OF_SPAN = tuple(getattr(SlaInterval, name.name) for name in fields(Interval))


def _clocks() -> Select[Any]:
    same = and_(SlaInterval.incident_id == SlaClock.incident_id, SlaInterval.kind == SlaClock.kind)
    these = func.any(bindparam("these", type_=ARRAY(Uuid)))
    stmt = select(*OF_CLOCK, *OF_SPAN).join(SlaInterval, same)
    return stmt.where(SlaClock.incident_id == these).order_by(SlaInterval.since)


CLOCKS = _clocks()
"""Built once: building it costs as much as asking."""
keep(lambda: (CLOCKS, {"these": []}))


async def clocks(session: AsyncSession, incidents: Collection[UUID]) -> dict[UUID, Clocks]:
    """Return the clocks of many incidents in one statement."""
    if not incidents:
        return {}
    spans: dict[tuple[UUID, Kind], list[Interval]] = {}
    rows = {}
    for incident, kind, zone, goals, told, *span in await session.execute(
        CLOCKS, {"these": list(incidents)}
    ):
        rows[incident, kind] = zone, goals, told
        spans.setdefault((incident, kind), []).append(Interval(*span))
    found: dict[UUID, dict[Kind, tuple[Clock, int]]] = {}
    for (incident, kind), (zone, goals, told) in rows.items():
        clock = Clock(zone, tuple(map(goal_of, goals)), tuple(spans[incident, kind]))
        found.setdefault(incident, {})[kind] = clock, told
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
