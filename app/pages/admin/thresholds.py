"""The pages /admin/thresholds: what is watched, with its limits, and for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from access import queries as access
from access.scope import Right, Scope
from alerting import queries as alerting
from alerting.lifecycle import Priority, Test
from alerting.thresholds import CompiledRule
from app.configuration import KINDS
from app.pages.admin import limits, options
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes
from app.pages.admin.options import Options
from app.pages.admin.trying import Tried, tried
from app.pages.frame import Frame, Framed
from app.pages.levels import LevelView, ladder
from app.pages.nested import Tree
from incidents.content import titled

if TYPE_CHECKING:
    from alerting.tables import Rule

router = APIRouter(prefix="/admin/thresholds", tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class ThresholdRow:
    """One threshold in the list."""

    name: str
    title: str
    expr: str
    limits: Sequence[LevelView]
    clients: Sequence[str] | None
    systems: Sequence[str] | None
    core: bool | None
    escalation: str | None
    firing: int
    broken: str | None
    origin: str | None


@dataclass(frozen=True)
class ThresholdsView:
    """The list; `text` narrows it."""

    thresholds: Sequence[ThresholdRow]
    text: str
    removed: str


@dataclass(frozen=True)
class ThresholdView:
    """One threshold; without a row it is still to be made."""

    edit: Editing
    clients: Options
    systems: Options
    policies: Options
    row: ThresholdRow | None = None
    priorities: Sequence[str] = tuple(priority.value for priority in Priority)
    tests: Sequence[str] = tuple(test.value for test in Test)
    units: Sequence[str] = ("percent", "ratio", "bytes", "bytes_per_second", "seconds")


@dataclass(frozen=True)
class TriedView:
    """What the threshold of a form would have done."""

    tried: Tried


@router.get("")
async def show_thresholds(
    frame: Framed,
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    removed: Removed = "",
) -> Response:
    """Show every threshold by name: those made by hand, then those of files."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        rows = await alerting.rows_of_rules(session)
        firing = await alerting.firing_by_rule(session, scope)
    shown = [
        _row(row, frame, firing.get(row.name, 0)) for row in rows if alerting.concerns(row, scope)
    ]
    wanted = text.strip().lower()
    found = [one for one in shown if wanted in f"{one.name} {one.title} {one.expr}".lower()]
    found.sort(key=lambda one: (one.origin is not None, one.name))
    return frame.show("admin/thresholds.html", ThresholdsView(found, text, removed), here="admin")


async def _page(asked: Asked) -> Response:
    frame, key = asked.frame, asked.key
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        row = await alerting.rule(session, scope, *key) if key else None
        firing = await alerting.firing_by_rule(session, scope)
        clients = await options.clients(session, scope)
        systems = await access.systems(session, scope, limit=None)
        policies = await options.policies(session, scope)
    edit = DESK.edit(asked, row)
    titles = dict(clients)
    view = ThresholdView(
        edit=edit,
        clients=clients,
        systems=[
            (f"{one.client}/{one.name}", f"{titles[one.client]} › {one.title}") for one in systems
        ],
        policies=policies,
        row=_row(row, frame, firing.get(row.name, 0)) if row else None,
    )
    return asked.answer("admin/threshold.html", view)


async def _preview(frame: Frame, tree: Tree) -> str:
    """Return what the threshold of a form would have done in the last day."""
    found = await tried(frame, tree)
    return frame.render("admin/_tried.html", TriedView(found)) if found else ""


def _row(row: "Rule", frame: Frame, firing: int) -> ThresholdRow:
    locale, scope = frame.reader.locale, frame.caller.scope
    rule = CompiledRule(alerting.spec_of(row))
    return ThresholdRow(
        name=row.name,
        title=titled(row.title, locale),
        expr=row.expr,
        limits=ladder(rule.ladder, row.unit, locale),
        clients=_reached(row.clients, scope),
        systems=row.systems and [one for one in row.systems if alerting.of_scope(one, scope)],
        core=row.core,
        escalation=row.escalation,
        firing=firing,
        broken=frame.request.app.state.house.evaluator.broken.get(row.name),
        origin=row.origin,
    )


def _reached(clients: Sequence[str] | None, scope: Scope) -> Sequence[str] | None:
    return None if clients is None else [name for name in clients if scope.allows(name)]


DESK = Desk(
    kind=KINDS["thresholds"],
    said=limits.said,
    fields=limits.fields,
    show=_page,
    begin={f"{level}.test": "above" for level in ("P1", "P2", "P3", "P4")}
    | {"recover.test": "below"},
    preview=_preview,
)
add_routes(router, DESK)
