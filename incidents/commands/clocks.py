"""The SLA clocks of running incidents: marks that are told, pauses and exclusions by hand."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from access.scope import Identity
from incidents import clocks, queries
from incidents.clocks import BREACH, MARKS, Clock, Kind
from incidents.commands.escalation import Answer
from incidents.commands.ledger import Ledger
from incidents.lifecycle import Status, Tell, What
from incidents.tables import Incident
from kit.errors import Conflict, Invalid
from notifications import commands as notifications
from notifications import queries as notified
from notifications.schemas import Reachable, Told
from oncall import queries as oncall
from oncall.roster import Roster


class ClockNotRunning(Conflict):
    """The clock is not in a state in which this can be done to it."""

    slug, title = "sla-clock-stands", "The SLA clock does not stand so that this is possible"


async def tell_marks(
    tx: AsyncSession, *, now: datetime, limit: int, but: Collection[UUID] = ()
) -> int:
    """Tell the marks that clocks of up to `limit` incidents have reached; return how many did."""
    due = await queries.at_a_mark(tx, now=now, limit=limit, but=but)
    if not due:
        return 0
    ids: list[UUID] = [incident.id for incident in due]
    held = await queries.clocks(tx, ids)
    told = await notified.told_each(tx, ids)
    roster = await oncall.roster(tx, now=now)
    ledger = Ledger(now)
    for incident in due:
        for kind, (clock, before) in held[incident.id].items():
            passed = clocks.marks_passed(clock, now=now)
            if marks := [mark for mark in MARKS if before < mark <= passed]:
                heard = told.get(incident.id, ())
                people = _concerned(incident, passed, told=heard, roster=roster)
                _tell_marks(ledger, incident, kind=kind, clock=clock, marks=marks, people=people)
            ledger.keep(incident, kind, clock, told=max(passed, before))
    await ledger.write(tx)
    await notifications.queue(tx, ledger.promises, now=now)
    return len(due)


def _tell_marks(
    ledger: Ledger,
    incident: Incident,
    *,
    kind: Kind,
    clock: Clock,
    marks: Sequence[int],
    people: dict[str, list[Reachable]],
) -> None:
    """Write a line for each mark, and tell the greatest: after a standstill one word is enough."""
    for mark in marks:
        what = What.SLA_BREACHED if mark == BREACH else What.SLA_AT_RISK
        ledger.note(incident, what, clock=kind, percent=mark, limit=str(clock.goal.limit))
    passed = marks[-1]
    tell = Tell.SLA_BREACHED if passed == BREACH else Tell.SLA_AT_RISK
    # time that was excluded or paused may bring a mark back: then it is told again
    label = f"{kind}.{len(clock.goals)}.{len(clock.intervals)}.{passed}"
    facts = {"clock": kind.value, "percent": passed}
    ledger.promise(incident, tell, people.items(), label=label, facts=facts)


def _concerned(
    incident: Incident, passed: int, *, told: Iterable[Told], roster: Roster
) -> dict[str, list[Reachable]]:
    """Return the owner of what is at risk, else all who heard; of a breach everybody hears."""
    targets = [f"person:{incident.acknowledged_by}"]
    owner = roster.reach(targets) if incident.status is Status.ACKNOWLEDGED else []
    if owner and passed < BREACH:
        return {one.person: list(one.contacts) for one in owner}
    people: dict[str, list[Reachable]] = {}
    for one in sorted(told, key=lambda t: (t.person, t.contact.channel, t.contact.address)):
        people.setdefault(one.person, []).append(one.contact)
    if passed == BREACH:
        everybody = [target for step in incident.steps.steps for target in step.notify]
        for reached in (*owner, *roster.reach(everybody)):
            people[reached.person] = list(reached.contacts)
    return people


async def pause(
    tx: AsyncSession, number: int, kind: Kind, *, reason: str, by: Identity, now: datetime
) -> Answer:
    """Stop counting for a while, and say why (waiting for the client, say)."""

    def change(clock: Clock) -> Clock:
        return clocks.paused(clock, at=now, reason=reason, who=by.name)

    facts = {"clock": kind.value, "reason": reason}
    return await _by_hand(
        tx, number, kind, change=change, what=What.CLOCK_PAUSED, facts=facts, by=by, now=now
    )


async def resume(
    tx: AsyncSession, number: int, kind: Kind, *, by: Identity, now: datetime
) -> Answer:
    """Count again after a pause."""

    def change(clock: Clock) -> Clock:
        return clocks.resumed(clock, at=now)

    facts = {"clock": kind.value}
    return await _by_hand(
        tx, number, kind, change=change, what=What.CLOCK_RESUMED, facts=facts, by=by, now=now
    )


async def exclude(
    tx: AsyncSession,
    number: int,
    kind: Kind,
    span: tuple[datetime, datetime],
    *,
    reason: str,
    by: Identity,
    now: datetime,
) -> Answer:
    """Take running time of the past out of the sum, and say why; a breach may vanish by it."""
    since, until = span
    if not since < until <= now:
        raise Invalid("an excluded time ends after it begins, and not in the future", field="until")

    def change(clock: Clock) -> Clock:
        return clocks.excluded(clock, since, until, reason=reason, who=by.name)

    facts = {
        "clock": kind.value,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "reason": reason,
    }
    return await _by_hand(
        tx, number, kind, change=change, what=What.TIME_EXCLUDED, facts=facts, by=by, now=now
    )


async def _by_hand(
    tx: AsyncSession,
    number: int,
    kind: Kind,
    *,
    change: Callable[[Clock], Clock],
    what: What,
    facts: dict[str, str],
    by: Identity,
    now: datetime,
) -> Answer:
    incident = await queries.get(tx, by.scope, number, lock=True)
    clock, told = (await queries.clocks(tx, [incident.id]))[incident.id][kind]
    changed = change(clock)
    if changed == clock:
        raise ClockNotRunning(
            "the {kind} clock of incident {number} has ended or stands already",
            kind=kind,
            number=number,
        )
    ledger = Ledger(now)
    passed = clocks.marks_passed(changed, now=now)
    ledger.keep(incident, kind, changed, told=min(told, passed))
    ledger.note(incident, what, who=by.name, **facts)
    audit(
        tx,
        who=by.name,
        did=f"incident.{what}",
        on=str(number),
        client=incident.client,
        facts=facts,
        now=now,
    )
    await ledger.write(tx)
    return incident, None
