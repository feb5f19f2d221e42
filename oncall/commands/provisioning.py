"""What files say of contacts, schedules and policies, and who stands in for somebody."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.queries import person
from access.scope import Identity
from access.tables import Person
from kit.errors import Invalid
from kit.sync import Change, sync
from oncall import queries
from oncall.escalation import Policy
from oncall.schemas import ContactIn, OverrideIn, PolicyIn, ScheduleIn
from oncall.tables import Contact, EscalationPolicy, Override, Schedule

Seal = Callable[[str], str]


async def provision(
    tx: AsyncSession,
    *,
    schedules: Sequence[tuple[ScheduleIn, str]],
    policies: Sequence[tuple[PolicyIn, str]],
    contacts: Mapping[str, Sequence[tuple[ContactIn, str]]],
    seal: Seal,
    environ: Mapping[str, str],
) -> list[Change]:
    """Bring rows to what files say; each thing comes with its origin, contacts by person.

    People are provisioned before: a name that nobody has is refused.
    """
    ways = [
        _contact(whose, position, way, origin, _secret(way, origin, seal, environ))
        for whose, given in contacts.items()
        for position, (way, origin) in enumerate(given)
    ]
    changes = await sync(tx, Schedule, [_schedule(*given) for given in schedules], kind="schedule")
    changes += await sync(
        tx, EscalationPolicy, [_policy(*given) for given in policies], kind="escalation"
    )
    key = ("person", "channel", "address")
    changes += await sync(tx, Contact, ways, kind="contact", key=key, secret={"secret"})
    await _refuse_strangers(tx, schedules, policies)
    return changes


def _schedule(given: ScheduleIn, origin: str) -> Schedule:
    layers = [layer.model_dump(mode="json", by_alias=True) for layer in given.layers]
    return Schedule(name=given.name, timezone=given.timezone, layers=layers, origin=origin)


def _policy(given: Policy, origin: str) -> EscalationPolicy:
    steps = [step.model_dump(mode="json") for step in given.steps]
    return EscalationPolicy(name=given.name, steps=steps, repeat=given.repeat, origin=origin)


def _contact(
    whose: str, position: int, given: ContactIn, origin: str, secret: str | None
) -> Contact:
    return Contact(
        person=whose,
        channel=given.channel,
        address=given.address,
        secret=secret,
        position=position,
        origin=origin,
    )


def _secret(given: ContactIn, origin: str, seal: Seal, environ: Mapping[str, str]) -> str | None:
    if given.secret:
        return seal(given.secret.get_secret_value())
    if not given.secret_env:
        return None
    if not environ.get(given.secret_env):
        raise Invalid(
            "{origin}: the variable {secret_env} is not set",
            field="secret_env",
            origin=origin,
            secret_env=given.secret_env,
        )
    return seal(environ[given.secret_env])


async def _refuse_strangers(
    tx: AsyncSession,
    schedules: Sequence[tuple[ScheduleIn, str]],
    policies: Sequence[tuple[PolicyIn, str]],
) -> None:
    people = set(await tx.scalars(select(Person.name)))
    known = {f"person:{name}" for name in people}
    known |= {f"schedule:{name}" for name in await tx.scalars(select(Schedule.name))}
    for schedule, origin in schedules:
        taking_turns = (name for layer in schedule.layers for name in layer.people)
        _refuse_unknown(f"schedule {schedule.name}", origin, taking_turns, people)
    for policy, origin in policies:
        named = (target for step in policy.steps for target in step.notify)
        asked = (target for target in named if not target.startswith("role:"))
        _refuse_unknown(f"escalation {policy.name}", origin, asked, known)


def _refuse_unknown(what: str, origin: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise Invalid(
                "{origin}: {what} names {name}, who is not known",
                field=name,
                origin=origin,
                what=what,
                name=name,
            )


async def stand_in(
    tx: AsyncSession, schedule: str, given: OverrideIn, *, by: Identity, now: datetime
) -> UUID:
    """Let somebody stand in for a while; return the override's id."""
    await queries.get_schedule(tx, by.scope, schedule)
    await person(tx, by.scope, given.person)
    if given.ends_at <= now:
        raise Invalid("it is over already", field="ends_at")
    row = Override(
        id=uuid4(),
        schedule=schedule,
        person=given.person,
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        made_at=now,
        made_by=by.name,
    )
    tx.add(row)
    await tx.flush()
    return row.id
