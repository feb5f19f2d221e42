"""The pages /admin/slas: how soon somebody answers and the system is back, by priority."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import Response

from access.scope import Right
from alerting.lifecycle import Priority
from app.configuration import KINDS
from app.pages.admin import uses
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes, text
from app.pages.admin.uses import Use
from app.pages.frame import Framed
from app.pages.nested import Tree
from incidents import queries
from incidents.schemas import STANDARD as STANDARD_LIMITS
from incidents.schemas import SlaSpec
from kit.i18n import t
from kit.wording import duration

if TYPE_CHECKING:
    from incidents.tables import SlaPolicy

router = APIRouter(prefix="/admin/slas", tags=["pages"], include_in_schema=False)

STANDARD = "standard"
MOST = 1000
HOUR = timedelta(hours=1)
LEVEL = ("response", "recovery", "hours")


@dataclass(frozen=True)
class LevelRow:
    """What holds for one priority, in words."""

    priority: str
    response: str
    recovery: str
    hours: str


@dataclass(frozen=True)
class SlaRow:
    """One policy in the list, and which clients have it."""

    name: str
    levels: Sequence[LevelRow]
    uses: Sequence[Use]
    origin: str | None

    @property
    def stands_in(self) -> bool:
        """Whether clients have it that name no other."""
        return self.name == STANDARD


@dataclass(frozen=True)
class SlasView:
    """Every policy."""

    slas: Sequence[SlaRow]
    removed: str


@dataclass(frozen=True)
class SlaView:
    """One policy; without a row it is still to be made."""

    edit: Editing
    row: SlaRow | None = None
    priorities: Sequence[str] = tuple(priority.value for priority in Priority)


@router.get("")
async def show_slas(frame: Framed, removed: Removed = "") -> Response:
    """Show every policy by name."""
    frame.caller.need(Right.ADMIN)
    locale = frame.reader.locale
    async with frame.db.snapshot() as session:
        rows = await queries.slas(session, frame.caller.scope, limit=MOST)
        used = await uses.of_slas(session, frame.caller.scope)
    view = SlasView([_row(row, used.get(row.name, ()), locale) for row in rows], removed)
    return frame.show("admin/slas.html", view, here="admin")


def _said(tree: Tree) -> dict[str, Any]:
    said: dict[str, Any] = {"name": text(tree, "name")} if "name" in tree else {}
    for priority in Priority:
        level = tree.get(priority.value)
        if isinstance(level, dict):
            said[priority.value] = {name: text(level, name) for name in LEVEL}
    return said


def _fields(written: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{priority.value}.{name}": _written(written[priority.value][name])
        for priority in Priority
        for name in LEVEL
    }


def _written(value: str) -> str:
    """Return days as hours: a day of working time has nine of them."""
    return f"{int(value[:-1]) * 24}h" if value[-1:] == "d" and value[:-1].isdecimal() else value


async def _page(asked: Asked) -> Response:
    frame, key = asked.frame, asked.key
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        row = await queries.sla(session, scope, *key) if key else None
        used = await uses.of_slas(session, scope)
    edit = DESK.edit(asked, row)
    view = SlaView(
        edit,
        _row(row, used.get(row.name, ()), frame.reader.locale) if row else None,
    )
    return asked.answer("admin/sla.html", view)


def _row(row: "SlaPolicy", used: Sequence[Use], locale: str) -> SlaRow:
    spec = SlaSpec.model_validate({"name": row.name, **row.levels})
    levels = [(priority, getattr(spec, priority.value)) for priority in Priority]
    return SlaRow(
        row.name,
        [
            LevelRow(
                priority.value,
                _length(level.response, locale),
                _length(level.recovery, locale),
                level.hours.value,
            )
            for priority, level in levels
        ],
        used,
        row.origin,
    )


def _length(of: timedelta, locale: str) -> str:
    """Return a length in hours, not days: a day of working time has nine of them."""
    hours, rest = divmod(of, HOUR)
    return t("unit.hours", locale, n=hours) if hours and not rest else duration(of, locale)


DESK = Desk(
    kind=KINDS["slas"],
    said=_said,
    fields=_fields,
    show=_page,
    begin=_fields(STANDARD_LIMITS.model_dump(mode="json")),
)
add_routes(router, DESK)
