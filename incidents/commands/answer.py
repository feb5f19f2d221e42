"""What people do with an incident: take it, hand it back, write to it, end it, open it again."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from access.scope import SYSTEM, Identity
from incidents import clocks, queries
from incidents.clocks import Kind
from incidents.commands.escalation import Answer, restart, take_step
from incidents.commands.ledger import Ledger
from incidents.lifecycle import Move, MoveNotAllowed, Status, Tell, What, after
from incidents.tables import Incident
from kit.db import lock
from notifications import commands as notifications
from notifications import queries as notified
from notifications.schemas import ContactFacts, Told
from oncall import queries as oncall

CALLS = (Tell.TRIGGERED, Tell.ESCALATED, Tell.RAISED)
"""What asks somebody to come; of no use once somebody has."""


def each_contact(told: Iterable[Told]) -> list[tuple[str, tuple[ContactFacts, ...]]]:
    """Return whom to tell the end: everybody at every contact that heard of the beginning."""
    known = {(one.person, one.contact.channel, one.contact.address): one for one in told}
    return [(known[key].person, (known[key].contact,)) for key in sorted(known)]


async def _finish(
    tx: AsyncSession, ledger: Ledger, incident: Incident, *, by: Identity, did: str
) -> Answer:
    audit(
        tx,
        who=by.name,
        did=f"incident.{did}",
        on=str(incident.number),
        client=incident.client,
        now=ledger.now,
    )
    await ledger.write(tx)
    await notifications.queue(tx, ledger.promises, now=ledger.now)
    return incident, None


async def acknowledge(
    tx: AsyncSession, number: int, *, by: Identity, now: datetime, version: int | None = None
) -> Answer:
    """Take the incident: its escalation stops. Too late or twice is answered with a message."""
    incident = await queries.get(tx, by.scope, number, lock=True)
    taken = incident.status is Status.ACKNOWLEDGED
    if taken and incident.acknowledged_by != by.name:
        who = incident.acknowledged_by
        raise MoveNotAllowed(
            "{acknowledged_by} already has incident {number}", acknowledged_by=who, number=number
        )
    status = incident.status if taken else after(incident.status, Move.ACKNOWLEDGE)
    if status is incident.status:
        return incident, f"already {status}"
    queries.refuse_if_passed(incident, version)
    held = await _clocks(tx, incident)
    incident.status, incident.next_step_at = status, None
    incident.acknowledged_by, incident.acknowledged_at = by.name, now
    incident.needs_admin = False
    ledger = Ledger(now)
    ledger.note(incident, What.ACKNOWLEDGED, who=by.name)
    ledger.stop(incident, held, Kind.RESPONSE)
    await notifications.cancel(tx, about=incident.id, events=CALLS, now=now)
    told = await notified.told(tx, incident.id)
    others = each_contact(one for one in told if one.person != by.name)
    ledger.promise(incident, Tell.ACKNOWLEDGED, others, label=str(incident.retriggers))
    return await _finish(tx, ledger, incident, by=by, did="acknowledge")


async def unacknowledge(
    tx: AsyncSession, number: int, *, by: Identity, now: datetime, version: int | None = None
) -> Answer:
    """Hand the incident back: its escalation begins again; that somebody answered stays true."""
    incident = await queries.get(tx, by.scope, number, lock=True, version=version)
    status, roster = after(incident.status, Move.UNACKNOWLEDGE), await oncall.roster(tx, now=now)
    incident.status = status
    restart(incident, now=now)
    ledger = Ledger(now)
    ledger.note(incident, What.UNACKNOWLEDGED, who=by.name)
    take_step(ledger, incident, roster, tell=Tell.TRIGGERED)
    return await _finish(tx, ledger, incident, by=by, did="unacknowledge")


async def note(tx: AsyncSession, number: int, text: str, *, by: Identity, now: datetime) -> Answer:
    """Add what somebody has to say; possible at any time, also after the end."""
    incident = await queries.get(tx, by.scope, number, lock=True)
    ledger = Ledger(now)
    ledger.note(incident, What.NOTE, who=by.name, text=text)
    return await _finish(tx, ledger, incident, by=by, did="note")


async def resolve(
    tx: AsyncSession,
    number: int,
    *,
    by: Identity,
    now: datetime,
    reason: str | None = None,
    version: int | None = None,
) -> Answer:
    """End the incident: its clocks stop and everybody who was told of it hears so."""
    incident = await queries.get(tx, by.scope, number, lock=True)
    if after(incident.status, Move.RESOLVE) is incident.status:
        return incident, f"already {incident.status}"
    queries.refuse_if_passed(incident, version)
    ledger = Ledger(now)
    await _end(tx, ledger, [incident], who=by.name, reason=reason)
    return await _finish(tx, ledger, incident, by=by, did="resolve")


async def resolve_some(
    tx: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID] = ()
) -> int:
    """Resolve up to `limit` incidents whose alerts have been over for long enough."""
    due = await queries.to_resolve(tx, now=now, limit=limit, but=but)
    if not due:
        return 0
    ledger = Ledger(now)
    ledger.adopt(tx, due)
    await _end(tx, ledger, due, who=SYSTEM.name, reason=None)
    await ledger.write(tx)
    await notifications.queue(tx, ledger.promises, now=now)
    return len(due)


async def _end(
    tx: AsyncSession,
    ledger: Ledger,
    incidents: Collection[Incident],
    *,
    who: str,
    reason: str | None,
) -> None:
    ids: list[UUID] = [incident.id for incident in incidents]
    held = await queries.clocks(tx, ids)
    await notifications.cancel(tx, about=ids, now=ledger.now)
    told = await notified.told_each(tx, ids)
    for incident in incidents:
        incident.status = after(incident.status, Move.RESOLVE)
        incident.resolved_at, incident.resolved_by = ledger.now, who
        incident.next_step_at = incident.resolve_at = None
        incident.needs_admin = False
        ledger.stop(incident, held[incident.id], *Kind)
        ledger.note(incident, What.RESOLVED, who=who, **({"reason": reason} if reason else {}))
        people = each_contact(told.get(incident.id, ()))
        ledger.promise(incident, Tell.RESOLVED, people, label=str(incident.retriggers))


async def reopen(
    tx: AsyncSession,
    number: int,
    *,
    by: Identity,
    now: datetime,
    reason: str | None = None,
    version: int | None = None,
) -> Answer:
    """Open a resolved incident again: what the resolution had stopped runs on."""
    known = await queries.get(tx, by.scope, number)
    await lock(tx, "client", known.client)  # no new incident of its system opens meanwhile
    incident = await queries.get(tx, by.scope, number, lock=True, version=version)
    status = after(incident.status, Move.REOPEN)
    gathers = not await queries.another_gathers(tx, incident)
    held, ended_at = await _clocks(tx, incident), incident.resolved_at
    roster = await oncall.roster(tx, now=now)
    incident.status, incident.gathers = status, gathers
    incident.resolved_at = incident.resolved_by = None
    incident.recovered_at = incident.resolve_at = None
    restart(incident, now=now)
    ledger = Ledger(now)
    for kind, (clock, told) in held.items():
        if clock.ended_at == ended_at:
            again = clocks.restarted(clock, at=now, reason="resolved", who=by.name)
            ledger.keep(incident, kind, again, told=told)
    ledger.note(incident, What.REOPENED, who=by.name, **({"reason": reason} if reason else {}))
    take_step(ledger, incident, roster, tell=Tell.TRIGGERED)
    return await _finish(tx, ledger, incident, by=by, did="reopen")


async def _clocks(tx: AsyncSession, incident: Incident) -> queries.Clocks:
    return (await queries.clocks(tx, [incident.id]))[incident.id]
