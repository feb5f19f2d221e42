"""Checks of the work itself: what the service says of itself, and what waits for a person."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.patient import Patient
from incidents import queries as incidents
from kit import outbox
from notifications import queries as notifications

LATELY = timedelta(days=1)


async def health(patient: Patient) -> list[Finding]:
    """What /healthz of the running service says: late ticks, rules, queues."""
    if patient.health is None:
        return []
    wrong = [fail("unwell", what=str(what)) for what in patient.health.get("wrong", ())]
    return wrong or [ok("well")]


async def parked(session: AsyncSession, patient: Patient) -> Finding:
    """News between rooms that failed ten times."""
    _, n = await outbox.waiting(session)
    return fail("parked", n=n) if n else ok("parked_none")


async def muted(session: AsyncSession, patient: Patient) -> Finding:
    """Whether anybody is told anything."""
    found = await notifications.muted(session)
    if found is None:
        return ok("unmuted")
    return warn("muted", since=f"{found.since:%Y-%m-%d %H:%M} UTC", why=found.why)


async def failed(session: AsyncSession, patient: Patient) -> Finding:
    """Notifications of the last day that reached nobody by any contact."""
    n = await notifications.failed_since(session, patient.now - LATELY)
    return warn("failed", n=n) if n else ok("failed_none")


async def unheard(session: AsyncSession, patient: Patient) -> list[Finding]:
    """Open incidents of which nobody has heard."""
    rows = await incidents.unreached(session)
    return [fail("unheard", number=row.number) for row in rows]
