"""The pages /admin/schedules: who is on call when, two weeks ahead, and where nobody is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from access import queries as access
from access.schemas import Name
from access.scope import Right
from app.pages.admin import uses
from app.pages.admin.turns import DAYS, Turns, turns
from app.pages.admin.uses import Use
from app.pages.frame import Frame, Framed
from app.pages.oncall_page import schedules as on_call_now
from app.pages.views import ScheduleView as Duty
from kit.i18n import t
from oncall import queries as oncall
from oncall.rotation import Hours, Layer
from oncall.schemas import LayerIn

if TYPE_CHECKING:
    from oncall.tables import Schedule

router = APIRouter(prefix="/admin/schedules", tags=["pages"], include_in_schema=False)

AHEAD = timedelta(days=DAYS + 2)


@dataclass(frozen=True)
class LayerView:
    """One layer as people say it."""

    people: Sequence[str]
    every: timedelta
    weekday: int | None
    at: time
    start: date | None
    only: Sequence["HoursView"]


@dataclass(frozen=True)
class HoursView:
    """Certain hours of certain days."""

    days: str
    opens: time
    closes: time


@dataclass(frozen=True)
class ScheduleRow:
    """One schedule in the list: who has it now, and the gaps of two weeks."""

    name: str
    zone: str
    duty: Duty
    turns: Turns
    layers: Sequence[LayerView]
    uses: Sequence[Use]
    origin: str | None


@dataclass(frozen=True)
class SchedulesView:
    """Every schedule."""

    schedules: Sequence[ScheduleRow]


@dataclass(frozen=True)
class ScheduleView:
    """One schedule."""

    row: ScheduleRow


@router.get("")
async def show_schedules(frame: Framed) -> Response:
    """Show every schedule by name."""
    frame.caller.need(Right.ADMIN)
    rows = await _rows(frame)
    return frame.show("admin/schedules.html", SchedulesView(rows), here="admin")


@router.get("/{name}")
async def show_schedule(name: Name, frame: Framed) -> Response:
    """Show one schedule."""
    frame.caller.need(Right.ADMIN)
    (row,) = await _rows(frame, name)
    return frame.show("admin/schedule.html", ScheduleView(row), here="admin")


async def _rows(frame: Frame, name: str | None = None) -> list[ScheduleRow]:
    """Return the schedules inside the caller's scope, or the one that is named."""
    now, scope = frame.clock(), frame.caller.scope
    async with frame.db.snapshot() as session:
        wanted = {name: await oncall.get_schedule(session, scope, name)} if name else {}
        known = wanted or {row.name: row for row in await oncall.schedules_inside(session, scope)}
        titles = await access.titles_of_people(session)
        plans = await oncall.plans(session, now - timedelta(days=1), now + AHEAD)
        duties = {one.name: one for one in await on_call_now(session, scope, now)}
        used = await uses.of_schedules(session, scope)
    found = []
    for row in known.values():
        if row.name in duties:
            plan = plans[row.name]
            locale, duty = frame.reader.locale, duties[row.name]
            ahead = turns(plan, titles, locale=locale, now=now)
            found.append(_row(row, duty, ahead, titles, used.get(row.name, ()), locale))
    return found


def _row(
    row: "Schedule",
    duty: Duty,
    ahead: Turns,
    titles: Mapping[str, str],
    used: Sequence[Use],
    locale: str,
) -> ScheduleRow:
    layers = [_layer(LayerIn.model_validate(layer).layer(), titles, locale) for layer in row.layers]
    return ScheduleRow(row.name, row.timezone, duty, ahead, layers, used, row.origin)


def _layer(layer: Layer, titles: Mapping[str, str], locale: str) -> LayerView:
    people = [titles.get(name, name) for name in layer.people]
    only = [_hours(hours, locale) for hours in layer.only]
    return LayerView(people, layer.every, layer.weekday, layer.at, layer.start, only)


def _hours(hours: Hours, locale: str) -> HoursView:
    return HoursView(days_said(sorted(hours.days), locale), hours.opens, hours.closes)


def days_said(days: Sequence[int], locale: str) -> str:
    """Return days of the week in words: the first and the last of three or more in a row."""
    names = [t(f"weekday.{day}", locale) for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return t("weekday.range", locale, first=names[0], last=names[-1])
    return t("unit.list", locale).join(names)
