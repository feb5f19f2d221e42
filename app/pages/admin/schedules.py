"""The pages /admin/schedules: who is on call when, two weeks ahead, and where nobody is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.schemas import Zone
from access.scope import EVERYTHING, Right
from app.configuration import KINDS
from app.pages import person_parts
from app.pages.admin import layers as fields_of_layers
from app.pages.admin import options, uses
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes, text
from app.pages.admin.options import Options
from app.pages.admin.turns import DAYS, Turns, turns
from app.pages.admin.uses import Use
from app.pages.frame import Frame, Framed
from app.pages.nested import Tree, grown
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
ZONE: TypeAdapter[str] = TypeAdapter(Zone)


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
    removed: str


@dataclass(frozen=True)
class ScheduleView:
    """One schedule; without a row it is still to be made. `turns`: what its form comes to."""

    edit: Editing
    people: Options
    turns: Turns
    row: ScheduleRow | None = None
    days: Sequence[str] = fields_of_layers.DAYS


@dataclass(frozen=True)
class TurnsView:
    """What the layers of a form come to."""

    turns: Turns


@router.get("")
async def show_schedules(frame: Framed, removed: Removed = "") -> Response:
    """Show every schedule by name."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        rows = await _rows(frame, session)
    return frame.show("admin/schedules.html", SchedulesView(rows, removed), here="admin")


async def _rows(frame: Frame, session: AsyncSession, name: str = "") -> list[ScheduleRow]:
    """Return the schedules inside the caller's scope, or the one that is named."""
    now, scope, locale = frame.clock(), frame.caller.scope, frame.reader.locale
    known = (
        [await oncall.get_schedule(session, scope, name)]
        if name
        else await oncall.schedules_inside(session, scope)
    )
    titles = await access.titles_of_people(session)
    plans = await oncall.plans(session, now - timedelta(days=1), now + AHEAD)
    duties = {one.name: one for one in await on_call_now(session, EVERYTHING, now, titles)}
    used = await uses.of_schedules(session, scope)
    return [
        _row(
            row,
            duties[row.name],
            turns(plans[row.name], titles, locale=locale, now=now),
            titles,
            used.get(row.name, ()),
            locale,
        )
        for row in known
    ]


def _said(tree: Tree) -> dict[str, Any]:
    named = {"name": text(tree, "name")} if "name" in tree else {}
    layers = fields_of_layers.said(tree)
    return {**named, "timezone": text(tree, "timezone"), "layers": layers}


def _fields(written: Mapping[str, Any]) -> dict[str, str]:
    layers = fields_of_layers.fields(written["layers"])
    return {"timezone": written["timezone"], **layers, "of": written["name"]}


async def _page(asked: Asked) -> Response:
    frame, key = asked.frame, asked.key
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        known = await oncall.get_schedule(session, scope, *key) if key else None
        row = (await _rows(frame, session, known.name))[0] if known else None
        people = await options.people(session, scope)
        edit = DESK.edit(asked, known)
        ahead = await _ahead(frame, session, grown(edit.form.values))
    view = ScheduleView(
        edit=edit,
        people=people,
        turns=ahead,
        row=row,
    )
    return asked.answer("admin/schedule.html", view, parts=person_parts)


async def _preview(frame: Frame, tree: Tree) -> str:
    """Return the two weeks that the layers of a form come to."""
    async with frame.db.snapshot() as session:
        view = TurnsView(await _ahead(frame, session, tree))
    return frame.render("admin/_ahead.html", view)


async def _ahead(frame: Frame, session: AsyncSession, tree: Tree) -> Turns:
    now, zone = frame.clock(), text(tree, "timezone")
    try:
        ZONE.validate_python(zone)
    except ValidationError:
        zone = frame.reader.zone  # half typed
    plans = await oncall.plans(session, now - timedelta(days=1), now + AHEAD)
    inside = {row.name for row in await oncall.schedules_inside(session, frame.caller.scope)}
    stands = plans[text(tree, "of")].overrides if text(tree, "of") in inside else ()
    plan = fields_of_layers.plan(tree, zone, stands)
    titles = await options.titles(session, frame.caller.scope)
    return turns(plan, titles, locale=frame.reader.locale, now=now)


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


DESK = Desk(
    kind=KINDS["schedules"],
    said=_said,
    fields=_fields,
    show=_page,
    begin={
        "timezone": "Asia/Shanghai",
        **{f"layers.0.{name}": value for name, value in fields_of_layers.BLANK["layers"].items()},
    },
    blank=fields_of_layers.BLANK,
    preview=_preview,
)
add_routes(router, DESK)
