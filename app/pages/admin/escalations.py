"""The pages /admin/escalations: who is told, in which order, until somebody takes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access.scope import Right, Role
from app.configuration import KINDS
from app.pages.admin import options, uses
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes, rows, text, words
from app.pages.admin.options import Options
from app.pages.admin.uses import Use
from app.pages.frame import Frame, Framed
from app.pages.nested import Tree, grown
from app.pages.words import Words
from oncall import queries as oncall
from oncall.escalation import Policy, Step
from oncall.roster import Roster

if TYPE_CHECKING:
    from oncall.tables import EscalationPolicy

ROLES = tuple(role.value for role in (Role.ADMIN, Role.ENGINEER, Role.MANAGER))
router = APIRouter(prefix="/admin/escalations", tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class TargetView:
    """One target of a step, and whom it would tell now; `others` are not the reader's to know."""

    words: str
    kind: str
    people: Sequence[str]
    others: int
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
        return any(target.people or target.others for target in self.targets)


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
    removed: str


@dataclass(frozen=True)
class PolicyView:
    """One policy; without a row it is still to be made. `course`: what would happen."""

    edit: Editing
    schedules: Options
    people: Options
    course: "Course"
    row: PolicyRow | None = None
    roles: Sequence[str] = ROLES


@dataclass(frozen=True)
class Course:
    """The steps of one policy, as far as its form can be understood."""

    steps: Sequence[StepView] = ()
    rounds: int = 1
    lasts: timedelta = timedelta()


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
        reached = [one.person for one in self.roster.reach([target])]
        known = [person for person in reached if person in self.words.people]
        href = {"person": f"/admin/people/{name}", "schedule": f"/admin/schedules/{name}"}.get(kind)
        people = self.words.persons(known)
        return TargetView(self.words.target(target), kind, people, len(reached) - len(known), href)


async def telling(session: AsyncSession, frame: Frame) -> Telling:
    """Return what the steps of policies are told with."""
    titles = await options.titles(session, frame.caller.scope)
    house = frame.request.app.state.house
    words = Words(frame.reader.locale, house.directory, titles, frame.reader.zone)
    return Telling(words, await oncall.roster(session, now=frame.clock()))


@router.get("")
async def show_policies(frame: Framed, removed: Removed = "") -> Response:
    """Show every policy by name."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        known = await oncall.policies_inside(session, frame.caller.scope)
        used = await uses.of_policies(session, frame.caller.scope, frame.reader.locale)
        told = await telling(session, frame)
    shown = [_row(policy_of(row), told, used.get(row.name, ()), row.origin) for row in known]
    return frame.show("admin/escalations.html", PoliciesView(shown, removed), here="admin")


def _said(tree: Tree) -> dict[str, Any]:
    steps = [
        {"notify": words(row.get("notify")), "wait": text(row, "wait")}
        for row in rows(tree.get("steps"))
    ]
    named = {"name": text(tree, "name")} if "name" in tree else {}
    return {**named, "steps": steps, "repeat": text(tree, "repeat")}


def _fields(written: Mapping[str, Any]) -> dict[str, str]:
    fields = {"repeat": str(max(written["repeat"], 1))}
    for number, step in enumerate(written["steps"]):
        fields |= {
            f"steps.{number}.notify": " ".join(step["notify"]),
            f"steps.{number}.wait": step["wait"],
        }
    return fields


async def _page(asked: Asked) -> Response:
    frame, key = asked.frame, asked.key
    scope, locale = frame.caller.scope, frame.reader.locale
    async with frame.db.snapshot() as session:
        row = await oncall.get_policy(session, scope, *key) if key else None
        used = await uses.of_policies(session, scope, locale)
        told = await telling(session, frame)
        schedules = await oncall.schedules_inside(session, scope)
        people = await options.people(session, scope)
    edit = DESK.edit(asked, row)
    shown = _row(policy_of(row), told, used.get(row.name, ()), row.origin) if row else None
    view = PolicyView(
        edit=edit,
        schedules=[(one.name, told.words.target(f"schedule:{one.name}")) for one in schedules],
        people=people,
        course=_course(grown(edit.form.values), told),
        row=shown,
    )
    return asked.answer("admin/escalation.html", view)


async def _preview(frame: Frame, tree: Tree) -> str:
    """Return what would happen by the steps of a form."""
    async with frame.db.snapshot() as session:
        told = await telling(session, frame)
    return frame.render("admin/_course.html", _course(tree, told))


def _course(tree: Tree, told: Telling) -> Course:
    said = _said(tree)
    steps = []
    for step in said["steps"]:
        try:
            steps.append(Step.model_validate(step))
        except ValidationError:
            continue  # half typed
    if not steps:
        return Course()
    rounds = int(said["repeat"]) if said["repeat"].isdecimal() else 1
    policy = Policy(name="draft", steps=tuple(steps), repeat=min(rounds, 100))
    row = _row(policy, told, (), None)
    return Course(row.steps, row.rounds, row.lasts)


def policy_of(row: "EscalationPolicy") -> Policy:
    """Return a row as the escalation knows it."""
    given = {"name": row.name, "steps": row.steps, "repeat": row.repeat}
    return Policy.model_validate(given)


def _row(policy: Policy, told: Telling, used: Sequence[Use], origin: str | None) -> PolicyRow:
    return PolicyRow(policy.name, told.steps(policy), policy.rounds, used, origin)


DESK = Desk(
    kind=KINDS["escalations"],
    said=_said,
    fields=_fields,
    show=_page,
    begin={"steps.0.notify": "", "steps.0.wait": "5m", "repeat": "2"},
    blank={"steps": {"notify": "", "wait": "5m"}},
    preview=_preview,
)
add_routes(router, DESK)
