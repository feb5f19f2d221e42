"""Schedules, escalation policies and who stands in for whom, kept by hand."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import Hand, by_hand, refuse_narrow
from access.queries import person
from access.scope import Identity
from kit.errors import Invalid, Said
from oncall import queries
from oncall.commands.provisioning import policy_row, schedule_row
from oncall.schemas import OverrideIn, PolicyIn, ScheduleIn
from oncall.tables import EscalationPolicy, Override, Schedule


async def keep_schedule(tx: AsyncSession, given: ScheduleIn, hand: Hand, *, new: bool) -> Schedule:
    """Make a schedule, or bring it to what is wanted; its overrides stay."""
    refuse_narrow(hand, what=Said("a schedule"))
    verb = by_hand.make if new else by_hand.change
    return await verb(tx, schedule_row(given, None), kind="schedule", hand=hand)


async def drop_schedule(tx: AsyncSession, name: str, hand: Hand) -> None:
    """Delete a schedule and its overrides."""
    refuse_narrow(hand, what=Said("a schedule"))
    await by_hand.remove(tx, Schedule(name=name), kind="schedule", hand=hand)


async def keep_policy(
    tx: AsyncSession, given: PolicyIn, hand: Hand, *, new: bool
) -> EscalationPolicy:
    """Make a policy, or bring it to what is wanted; what runs keeps its copy."""
    refuse_narrow(hand, what=Said("an escalation policy"))
    verb = by_hand.make if new else by_hand.change
    return await verb(tx, policy_row(given, None), kind="escalation", hand=hand)


async def drop_policy(tx: AsyncSession, name: str, hand: Hand) -> None:
    """Delete a policy; incidents that are open keep their copy."""
    refuse_narrow(hand, what=Said("an escalation policy"))
    await by_hand.remove(tx, EscalationPolicy(name=name), kind="escalation", hand=hand)


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


async def stand_down(tx: AsyncSession, schedule: str, id: UUID, *, by: Identity) -> Override:
    """Take back that somebody stands in; return what was taken back."""
    await queries.get_schedule(tx, by.scope, schedule)
    row = await queries.override(tx, schedule, id)
    await tx.delete(row)
    return row
