"""Reads: policies, whose turn it is, and how the people of a step are reached."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.scope import Scope
from access.tables import Person
from kit.errors import NotFound
from kit.kept import LONG_AGO, keep
from oncall import schedule as pure
from oncall.escalation import EVERY_ADMIN, Policy
from oncall.roster import ContactFacts, Reached, Roster
from oncall.schemas import GapOut, LayerIn, OnCallOut, ShiftOut, WeekOut
from oncall.tables import Contact, EscalationPolicy, Override, Schedule

DEFAULT = "default"
WEEK = timedelta(days=7)
SCHEDULES_MOST = 1000
PEOPLE_MOST = 1000
Shown = TypeVar("Shown", Schedule, OnCallOut)


def named(policies: Mapping[str, Policy], name: str | None) -> Policy:
    """Return the policy of that name, else `default`, else the one that tells every admin."""
    return policies.get(name or DEFAULT) or policies.get(DEFAULT) or EVERY_ADMIN


async def policies(session: AsyncSession) -> dict[str, Policy]:
    """Return every escalation policy by name."""
    rows = (await session.scalars(select(EscalationPolicy))).all()
    return {row.name: _policy(row) for row in rows}


async def policy(session: AsyncSession, name: str | None) -> Policy:
    """Return the policy of that name, or what stands in for it."""
    wanted = {name or DEFAULT, DEFAULT}
    rows = await session.scalars(select(EscalationPolicy).where(EscalationPolicy.name.in_(wanted)))
    return named({row.name: _policy(row) for row in rows}, name)


def _policy(row: EscalationPolicy) -> Policy:
    given = {"name": row.name, "steps": row.steps, "repeat": row.repeat}
    return Policy.model_validate(given)


async def schedules(session: AsyncSession) -> Sequence[Schedule]:
    """Return the rows of all schedules by name."""
    rows = select(Schedule).order_by(Schedule.name).limit(SCHEDULES_MOST)
    return (await session.scalars(rows)).all()


async def schedules_inside(session: AsyncSession, scope: Scope) -> Sequence[Schedule]:
    """Return by name the schedules whose people all work for clients inside the scope."""
    rows = await inside(session, scope, await schedules(session))
    return [row for row in rows if scope.clients is None or list(_named(row))]


async def policies_inside(session: AsyncSession, scope: Scope) -> Sequence[EscalationPolicy]:
    """Return by name the policies all of whose people and schedules are inside the scope."""
    rows = await session.scalars(select(EscalationPolicy).order_by(EscalationPolicy.name))
    if scope.clients is None:
        return rows.all()
    people = await access.people(session, scope, limit=PEOPLE_MOST)
    known = {f"person:{row.name}" for row in people}
    known |= {f"schedule:{row.name}" for row in await schedules_inside(session, scope)}
    return [row for row in rows if known.issuperset(_people_of(row))]


def _people_of(row: EscalationPolicy) -> Iterable[str]:
    named = (target for step in row.steps for target in step["notify"])
    return (target for target in named if not target.startswith("role:"))


async def get_policy(session: AsyncSession, scope: Scope, name: str) -> EscalationPolicy:
    """Return a policy's row; one that names people of other clients does not exist."""
    for row in await policies_inside(session, scope):
        if row.name == name:
            return row
    raise NotFound("there is no escalation policy {name!r}", name=name)


async def overrides(session: AsyncSession, schedule: str, *, now: datetime) -> Sequence[Override]:
    """Return who stands in on a schedule now and later, the next one first."""
    theirs = select(Override).where(Override.schedule == schedule, Override.ends_at > now)
    return (await session.scalars(theirs.order_by(Override.starts_at, Override.id))).all()


async def override(session: AsyncSession, schedule: str, id: UUID) -> Override:
    """Return one override of a schedule."""
    row = await session.get(Override, id)
    if row is None or row.schedule != schedule:
        raise NotFound("this schedule has no such override")
    return row


async def get_schedule(session: AsyncSession, scope: Scope, name: str) -> Schedule:
    """Return a schedule's row; one with people of other clients does not exist."""
    row = await session.get(Schedule, name)
    if row is None or not await _all_inside(session, scope, row):
        raise NotFound("there is no schedule {name!r}", name=name)
    return row


async def _all_inside(session: AsyncSession, scope: Scope, row: Schedule) -> bool:
    if scope.clients is None:
        return True
    named = {person for layer in row.layers for person in layer.get("people", ())}
    shares = await session.scalars(select(Person.clients).where(Person.name.in_(named)))
    return all([scope.clients.intersection(clients or ()) for clients in shares] or [False])


DISABLED = select(Person.name).where(Person.disabled)
TOUCHING = (
    select(Override)
    .where(Override.ends_at > bindparam("start"), Override.starts_at <= bindparam("end"))
    .order_by(Override.made_at, Override.id)
)
ACTIVE = select(Person.name, Person.role).where(Person.disabled.is_(False)).order_by(Person.name)
WAYS = (
    select(Contact)
    .join(Person, Person.name == Contact.person)
    .where(Person.disabled.is_(False))
    .order_by(Contact.person, Contact.position, Contact.id)
)
"""Built once: every step of an escalation and every look at the board asks them."""
keep(lambda: (TOUCHING, {"start": LONG_AGO, "end": LONG_AGO}))


async def plans(session: AsyncSession, start: datetime, end: datetime) -> dict[str, pure.Schedule]:
    """Return every schedule by name, with the overrides that touch [start, end].

    Somebody who is disabled has no turns.
    """
    gone = frozenset(await session.scalars(DISABLED))
    stand_ins: dict[str, list[pure.StandIn]] = {}
    for row in await session.scalars(TOUCHING, {"start": start, "end": end}):
        stand_in = pure.StandIn(row.person, row.starts_at, row.ends_at)
        stand_ins.setdefault(row.schedule, []).append(stand_in)
    return {
        row.name: pure.Schedule(
            row.timezone,
            tuple(LayerIn.model_validate(layer).layer() for layer in row.layers),
            tuple(stand_ins.get(row.name, ())),
            gone,
        )
        for row in await schedules(session)
    }


async def roster(session: AsyncSession, *, now: datetime) -> Roster:
    """Return whom any target names at `now`, and how they are reached; few statements for all."""
    on_call = {
        name: tuple(pure.on_call(plan, now))
        for name, plan in (await plans(session, now, now)).items()
    }
    roles: dict[str, list[str]] = {}
    for name, role in await session.execute(ACTIVE):
        roles.setdefault(role.value, []).append(name)
    contacts: dict[str, list[ContactFacts]] = {}
    for row in await session.scalars(WAYS):
        fact = ContactFacts(row.channel, row.address, row.secret)
        contacts.setdefault(row.person, []).append(fact)
    return Roster(
        {person: tuple(facts) for person, facts in contacts.items()},
        on_call,
        {role: tuple(names) for role, names in roles.items()},
    )


async def contacts_of(session: AsyncSession, name: str) -> Sequence[Contact]:
    """Return the ways to reach a person, the one tried first first."""
    theirs = select(Contact).where(Contact.person == name)
    return (await session.scalars(theirs.order_by(Contact.position, Contact.id))).all()


async def contact(session: AsyncSession, name: str, contact_id: UUID) -> Contact:
    """Return one way to reach a person."""
    row = await session.get(Contact, contact_id)
    if row is None or row.person != name:
        raise NotFound("this person has no such contact")
    return row


def shown_address(row: Contact) -> str:
    """Return an address for people's eyes: the rest of a webhook's is often its secret."""
    parts = urlsplit(row.address) if "://" in row.address else None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…" if parts else row.address


async def sealed(session: AsyncSession) -> set[str]:
    """Return every secret of a contact, sealed as it stands."""
    stmt = select(Contact.secret).where(Contact.secret.is_not(None)).distinct()
    return {secret for secret in await session.scalars(stmt) if secret is not None}


async def reach(session: AsyncSession, targets: Sequence[str], *, now: datetime) -> list[Reached]:
    """Return who is reached by `targets` at `now`; those without a contact are left out."""
    return (await roster(session, now=now)).reach(targets)


async def now_and_next(session: AsyncSession, now: datetime) -> list[OnCallOut]:
    """Return for each schedule who is on call, until when, and who comes then."""
    found = []
    for name, plan in (await plans(session, now, now + pure.HORIZONS[-1])).items():
        until = pure.next_change(plan, now)
        then = pure.on_call(plan, until) if until else []
        present = pure.on_call(plan, now)
        found.append(
            OnCallOut(schedule=name, timezone=plan.timezone, now=present, until=until, next=then)
        )
    return found


async def week(
    session: AsyncSession, start: datetime, *, length: timedelta = WEEK
) -> list[WeekOut]:
    """Return the shifts and gaps of each schedule in the `length` from `start`."""
    end = start + length
    return [
        WeekOut(
            schedule=name,
            timezone=plan.timezone,
            shifts=[ShiftOut(**vars(shift)) for shift in pure.shifts(plan, start, end)],
            gaps=[GapOut(start=a, end=b) for a, b in pure.gaps(plan, start, end)],
        )
        for name, plan in (await plans(session, start, end)).items()
    ]


async def inside(session: AsyncSession, scope: Scope, rows: Sequence[Shown]) -> list[Shown]:
    """Return those of the rows whose people all work for clients inside the scope."""
    if scope.clients is None:
        return list(rows)
    known = {row.name for row in await access.people(session, scope, limit=PEOPLE_MOST)}
    return [row for row in rows if known.issuperset(_named(row))]


def _named(row: Schedule | OnCallOut) -> Iterable[str]:
    if isinstance(row, OnCallOut):
        return [*row.now, *row.next]
    return [person for layer in row.layers for person in layer.get("people", ())]
