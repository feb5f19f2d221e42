"""The pages /admin/thresholds: what is watched, with its limits, and for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from access.schemas import Name
from access.scope import Right, Scope
from alerting import queries as alerting
from alerting.thresholds import CompiledRule
from app.pages.frame import Frame, Framed
from app.pages.levels import LevelView, ladder
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
    """One threshold."""

    row: ThresholdRow


@router.get("")
async def show_thresholds(
    frame: Framed,
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    removed: Annotated[str, Query(max_length=200)] = "",
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


@router.get("/{name}")
async def show_threshold(name: Name, frame: Framed) -> Response:
    """Show one threshold."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        row = await alerting.rule(session, frame.caller.scope, name)
        firing = await alerting.firing_by_rule(session, frame.caller.scope)
    view = ThresholdView(_row(row, frame, firing.get(name, 0)))
    return frame.show("admin/threshold.html", view, here="admin")


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
