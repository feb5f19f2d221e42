"""The pages /admin/slas: how soon somebody answers and the system is back, by priority."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from access.schemas import Name
from access.scope import Right
from alerting.lifecycle import Priority
from app.pages.admin import uses
from app.pages.admin.uses import Use
from app.pages.frame import Framed
from incidents import queries
from incidents.schemas import SlaSpec
from kit.i18n import t
from kit.wording import duration

if TYPE_CHECKING:
    from incidents.tables import SlaPolicy

router = APIRouter(prefix="/admin/slas", tags=["pages"], include_in_schema=False)

STANDARD = "standard"
MOST = 1000
HOUR = timedelta(hours=1)


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


@dataclass(frozen=True)
class SlaView:
    """One policy."""

    row: SlaRow


@router.get("")
async def show_slas(frame: Framed) -> Response:
    """Show every policy by name."""
    frame.caller.need(Right.ADMIN)
    locale = frame.reader.locale
    async with frame.db.snapshot() as session:
        rows = await queries.slas(session, frame.caller.scope, limit=MOST)
        used = await uses.of_slas(session, frame.caller.scope)
    view = SlasView([_row(row, used.get(row.name, ()), locale) for row in rows])
    return frame.show("admin/slas.html", view, here="admin")


@router.get("/{name}")
async def show_sla(name: Name, frame: Framed) -> Response:
    """Show one policy."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        row = await queries.sla(session, frame.caller.scope, name)
        used = await uses.of_slas(session, frame.caller.scope)
    view = SlaView(_row(row, used.get(name, ()), frame.reader.locale))
    return frame.show("admin/sla.html", view, here="admin")


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
