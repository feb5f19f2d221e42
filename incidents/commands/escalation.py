"""Running escalations: the next step of an incident is taken, by time, by a raise or by hand."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from access.scope import SYSTEM, Identity
from incidents import queries
from incidents.commands.ledger import Ledger
from incidents.lifecycle import Move, Status, Tell, What, after
from incidents.tables import Incident
from notifications import commands as notifications
from oncall import queries as oncall
from oncall.escalation import LOUD, start, take
from oncall.roster import ContactFacts, Reached, Roster

Answer = tuple[Incident, str | None]
"""An incident after a verb, and a message when there was nothing left to do."""


def ways(reached: Iterable[Reached]) -> list[tuple[str, tuple[ContactFacts, ...]]]:
    """Return people with their contacts, as promises want them."""
    return [(one.person, one.contacts) for one in reached]


def take_step(
    ledger: Ledger,
    incident: Incident,
    roster: Roster,
    *,
    tell: Tell = Tell.ESCALATED,
    who: str = SYSTEM.name,
) -> None:
    """Take the step that is due; those that reach nobody are skipped at once, in sight."""
    policy, now = incident.steps, ledger.now
    rank = incident.priority.rank
    taken = take(policy, incident.position, priority=rank, now=now, reaches=roster.reaches)
    for label in taken.skipped:
        targets = policy.steps[int(label.partition(".")[2])].notify
        ledger.note(incident, What.NOBODY_REACHED, step=label, targets=targets)
    incident.position = taken.position
    if taken.exhausted:
        ledger.note(incident, What.EXHAUSTED, who=who, rounds=policy.rounds)
    reached = roster.reach(taken.notify)
    incident.waits_for = [one.person for one in reached]
    incident.needs_admin = not reached
    if reached:
        label = f"{incident.retriggers}.{taken.label}"
        ledger.note(
            incident,
            What.ESCALATED,
            who=who,
            event=tell,
            step=taken.label,
            people=incident.waits_for,
        )
        ledger.promise(incident, tell, ways(reached), label=label, facts={"step": taken.label})


def restart(incident: Incident, *, now: datetime) -> None:
    """Put the escalation before its first step again; nobody has the incident now."""
    incident.retriggers += 1
    incident.position = start(now)
    incident.acknowledged_at = incident.acknowledged_by = None


def step_now(
    ledger: Ledger,
    incident: Incident,
    roster: Roster,
    *,
    tell: Tell = Tell.ESCALATED,
    who: str = SYSTEM.name,
) -> None:
    """Take the next step before its time; while somebody has the incident, no other follows."""
    if incident.priority.rank > LOUD and incident.round >= incident.steps.rounds:
        incident.retriggers += 1
        incident.position = start(ledger.now)
    incident.position = replace(incident.position, due_at=ledger.now)
    take_step(ledger, incident, roster, tell=tell, who=who)
    if incident.status is Status.ACKNOWLEDGED:
        incident.next_step_at, incident.needs_admin = None, False


async def escalate(
    tx: AsyncSession,
    number: int,
    *,
    by: Identity,
    now: datetime,
    version: int | None = None,
) -> Answer:
    """Take the next step now; one that is through begins again; an owner may call for help."""
    incident = await queries.get(tx, by.scope, number, lock=True, version=version)
    after(incident.status, Move.ESCALATE)
    roster = await oncall.roster(tx, now=now)
    ledger = Ledger(now)
    step_now(ledger, incident, roster, who=by.name)
    audit(
        tx,
        who=by.name,
        did="incident.escalate",
        on=str(number),
        client=incident.client,
        now=now,
    )
    await ledger.write(tx)
    await notifications.queue(tx, ledger.promises, now=now)
    return incident, None if incident.waits_for else "no step of the policy reaches anybody"


async def escalate_some(
    tx: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID] = ()
) -> int:
    """Take the due step of up to `limit` incidents that nobody has taken; return how many."""
    due = await queries.to_escalate(tx, now=now, limit=limit, but=but)
    if not due:
        return 0
    ledger = Ledger(now)
    ledger.adopt(tx, due)
    roster = await oncall.roster(tx, now=now)
    for incident in due:
        take_step(ledger, incident, roster)
    await ledger.write(tx)
    await notifications.queue(tx, ledger.promises, now=now)
    return len(due)


async def step_failed(
    tx: AsyncSession,
    about: UUID,
    notification: UUID,
    *,
    person: str,
    event: str = Tell.ESCALATED,
    why: str,
    now: datetime,
) -> None:
    """Note that somebody could not be told; when nobody of the step could, go on to the next."""
    incident = await queries.by_id(tx, about, lock=True)
    if await queries.known_to_have_failed(tx, incident.id, notification):
        return
    roster = await oncall.roster(tx, now=now)
    ledger = Ledger(now)
    ledger.note(
        incident,
        What.NOTIFICATION_FAILED,
        person=person,
        why=why,
        notification=str(notification),
    )
    waiting = [name for name in incident.waits_for if name != person]
    last = bool(incident.waits_for) and not waiting
    incident.waits_for = waiting
    if last and incident.status is Status.TRIGGERED and incident.next_step_at is not None:
        if incident.round < incident.steps.rounds:
            incident.position = replace(incident.position, due_at=now)
            take_step(ledger, incident, roster)
        else:  # the last step goes on at its own pace, or refusals would chase each other
            incident.needs_admin = True
    if incident.status is Status.ACKNOWLEDGED and event == Tell.TRIGGERED:
        _for_the_owner(ledger, incident, roster, person=person)
    await ledger.write(tx)
    await notifications.queue(tx, ledger.promises, now=now)


def _for_the_owner(ledger: Ledger, incident: Incident, roster: Roster, *, person: str) -> None:
    """Call the next step for an alert that the owner could not be told of."""
    if person == incident.acknowledged_by and incident.round < incident.steps.rounds:
        step_now(ledger, incident, roster, tell=Tell.TRIGGERED)
