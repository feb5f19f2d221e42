"""The pages /admin/escalations: who is told, in which order, until somebody takes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.schemas import Name
from access.scope import Right
from app.pages.admin import uses
from app.pages.admin.uses import Use
from app.pages.frame import Frame, Framed
from app.pages.words import Words
from oncall import queries as oncall
from oncall.escalation import Policy
from oncall.roster import Roster

if TYPE_CHECKING:
    from oncall.tables import EscalationPolicy

router = APIRouter(prefix="/admin/escalations", tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class TargetView:
    """One target of a step, and the people who would be told now; none: it reaches nobody."""

    words: str
    kind: str
    people: Sequence[str]
    href: str | None


@dataclass(frozen=True)
class StepView:
    """One step: when it comes after the beginning, whom it tells, how long it waits."""

    number: int
    after: timedelta
    wait: timedelta
    targets: Sequence[TargetView]

    @property
    def reaches(self) -> bool:
        """Whether anybody would be told now."""
        return any(target.people for target in self.targets)


@dataclass(frozen=True)
class PolicyRow:
    """One policy in the list."""

    name: str
    steps: Sequence[StepView]
    rounds: int
    uses: Sequence[Use]
    origin: str | None

    @property
    def stands_in(self) -> bool:
        """Whether everything follows it that names no other."""
        return self.name == oncall.DEFAULT

    @property
    def lasts(self) -> timedelta:
        """How long all rounds take."""
        return self.rounds * sum((step.wait for step in self.steps), timedelta())


@dataclass(frozen=True)
class PoliciesView:
    """Every policy."""

    policies: Sequence[PolicyRow]


@dataclass(frozen=True)
class PolicyView:
    """One policy."""

    row: PolicyRow


@dataclass(frozen=True)
class Telling:
    """Whom targets reach now, and what they are called."""

    words: Words
    roster: Roster

    def steps(self, policy: Policy) -> list[StepView]:
        """Return the steps of one round."""
        return list(self._steps(policy))

    def _steps(self, policy: Policy) -> Iterator[StepView]:
        after = timedelta()
        for number, step in enumerate(policy.steps, 1):
            yield StepView(number, after, step.wait, [self._target(one) for one in step.notify])
            after += step.wait

    def _target(self, target: str) -> TargetView:
        kind, _, name = target.partition(":")
        people = [one.person for one in self.roster.reach([target])]
        href = {"person": f"/admin/people/{name}", "schedule": f"/admin/schedules/{name}"}.get(kind)
        return TargetView(self.words.target(target), kind, self.words.persons(people), href)


async def telling(session: AsyncSession, frame: Frame) -> Telling:
    """Return what the steps of policies are told with."""
    titles: Mapping[str, str] = await access.titles_of_people(session)
    house = frame.request.app.state.house
    words = Words(frame.reader.locale, house.directory, titles, frame.reader.zone)
    return Telling(words, await oncall.roster(session, now=frame.clock()))


@router.get("")
async def show_policies(frame: Framed) -> Response:
    """Show every policy by name."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        rows = await oncall.policies_inside(session, frame.caller.scope)
        used = await uses.of_policies(session, frame.caller.scope, frame.reader.locale)
        told = await telling(session, frame)
    shown = [_row(policy_of(row), told, used.get(row.name, ()), row.origin) for row in rows]
    return frame.show("admin/escalations.html", PoliciesView(shown), here="admin")


@router.get("/{name}")
async def show_policy(name: Name, frame: Framed) -> Response:
    """Show one policy."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        row = await oncall.get_policy(session, frame.caller.scope, name)
        used = await uses.of_policies(session, frame.caller.scope, frame.reader.locale)
        told = await telling(session, frame)
    shown = _row(policy_of(row), told, used.get(name, ()), row.origin)
    return frame.show("admin/escalation.html", PolicyView(shown), here="admin")


def policy_of(row: "EscalationPolicy") -> Policy:
    """Return a row as the escalation knows it."""
    given = {"name": row.name, "steps": row.steps, "repeat": row.repeat}
    return Policy.model_validate(given)


def _row(policy: Policy, told: Telling, used: Sequence[Use], origin: str | None) -> PolicyRow:
    return PolicyRow(policy.name, told.steps(policy), policy.rounds, used, origin)
