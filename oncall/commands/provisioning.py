"""What files say of contacts, schedules and policies, and who stands in for somebody."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.tables import Person
from kit.errors import Invalid
from kit.sync import Change, sync
from oncall.escalation import Policy
from oncall.schemas import ContactIn, PolicyIn, ScheduleIn
from oncall.tables import Contact, EscalationPolicy, Schedule

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
    planned = [schedule_row(*given) for given in schedules]
    changes = await sync(tx, Schedule, planned, kind="schedule")
    steps = [policy_row(*given) for given in policies]
    changes += await sync(tx, EscalationPolicy, steps, kind="escalation")
    key = ("person", "channel", "address")
    changes += await sync(tx, Contact, ways, kind="contact", key=key, secret={"secret"})
    await _refuse_strangers(tx, schedules, policies)
    return changes


def schedule_row(given: ScheduleIn, origin: str | None) -> Schedule:
    """Return the row that keeps a schedule."""
    layers = [layer.model_dump(mode="json", by_alias=True) for layer in given.layers]
    return Schedule(name=given.name, timezone=given.timezone, layers=layers, origin=origin)


def policy_row(given: Policy, origin: str | None) -> EscalationPolicy:
    """Return the row that keeps an escalation policy."""
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
