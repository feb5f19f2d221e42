"""Reads of incidents. Those for a caller take its scope; another client's incident is not found."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from alerting.lifecycle import Priority
from incidents.clocks import Clock, Kind
from incidents.lifecycle import OPEN, Status
from incidents.tables import Incident, IncidentAlert, SlaClock, SlaInterval, SlaPolicy, TimelineNote
from kit.errors import NotFound

Clocks = Mapping[Kind, tuple[Clock, int]]
"""Both clocks of an incident, each with the mark that was told last."""


async def get(
    session: AsyncSession, scope: Scope, number: int, *, lock: bool = False
) -> Incident:
    """Return an incident, held until the end of the transaction if `lock`; else refuse."""
    stmt = select(Incident).where(Incident.number == number)
    if lock:
        stmt = stmt.with_for_update().execution_options(populate_existing=True)
    found = await session.scalar(stmt)
    if found is None or not scope.allows(found.client):
        raise NotFound(f"there is no incident {number}", number=number)
    return found


async def clocks(session: AsyncSession, incidents: Collection[UUID]) -> dict[UUID, Clocks]:
    """Return the clocks of many incidents in two statements."""
    if not incidents:
        return {}
    spans = select(SlaInterval).where(SlaInterval.incident_id.in_(incidents))
    intervals: dict[tuple[UUID, Kind], list[SlaInterval]] = {}
    for span in await session.scalars(spans.order_by(SlaInterval.since)):
        intervals.setdefault((span.incident_id, span.kind), []).append(span)
    found: dict[UUID, dict[Kind, tuple[Clock, int]]] = {}
    for row in await session.scalars(select(SlaClock).where(SlaClock.incident_id.in_(incidents))):
        clock = row.clock(intervals[row.incident_id, row.kind])
        found.setdefault(row.incident_id, {})[row.kind] = clock, row.told
    return dict(found)
