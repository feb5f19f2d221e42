"""The page of who is on call, now and in the coming days."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.scope import Right, Scope
from app.pages.frame import Frame, Framed, of_topics_alone
from app.pages.views import DayView, OnCallView, ScheduleView, ShiftView
from kit import live
from oncall import queries as oncall
from oncall.schemas import OnCallOut, WeekOut

router = APIRouter(tags=["pages"], include_in_schema=False)

DAYS = 7
HUES = 8


@router.get("/oncall")
async def show_on_call(frame: Framed) -> Response:
    """Show every schedule's week."""
    since, view = frame.since(), await _seen(frame)
    return frame.show("oncall.html", view, here="oncall", since=since)


@router.get("/oncall/events")
async def follow_on_call(frame: Framed) -> Response:
    """Stream the same while the page is open: when a schedule changes; turns end on a minute."""
    frame.caller.need(Right.READ)

    async def fragment() -> str:
        return frame.render("_oncall_live.html", await _seen(frame), here="oncall")

    return frame.stream({live.CONFIGURATION}, fragment, version=of_topics_alone)


async def _seen(frame: Frame) -> OnCallView:
    frame.caller.need(Right.READ)
    now = frame.clock()
    async with frame.db.snapshot() as session:
        titles = await access.titles_of_people(session)
        return OnCallView(await schedules(session, frame.caller.scope, now, titles, days=True))


async def schedules(
    session: AsyncSession,
    scope: Scope,
    now: datetime,
    titles: Mapping[str, str],
    *,
    days: bool = False,
) -> Sequence[ScheduleView]:
    """Return the schedules inside the scope with who is on call; with coming days if asked.

    `titles` says how people are called, by name.
    """
    everywhere = await oncall.now_and_next(session, now)
    present = await oncall.inside(session, scope, everywhere)
    weeks: dict[str, WeekOut] = {}
    if days:  # a day more at each end: every zone's midnights lie inside
        length = timedelta(days=DAYS + 2)
        found = await oncall.week(session, now - timedelta(days=1), length=length)
        weeks = {week.schedule: week for week in found}
    return [_schedule(each, weeks.get(each.schedule), titles, now) for each in present]


def _schedule(
    present: OnCallOut, week: WeekOut | None, titles: Mapping[str, str], now: datetime
) -> ScheduleView:
    until = present.until
    current = [shift(name, now, until, titles) for name in present.now]
    then: list[str | None] = [*present.next] or [None]  # None: a gap begins
    coming = shift(then[0], until, until, titles) if until else None
    return ScheduleView(
        name=present.schedule,
        title=present.schedule,
        zone=present.timezone,
        current=current,
        coming=coming,
        days=_days(week, titles, now) if week else (),
    )


def shift(
    name: str | None, starts_at: datetime, ends_at: datetime | None, titles: Mapping[str, str]
) -> ShiftView:
    """Return one person's turn, in the colour that is theirs everywhere."""
    hue = zlib.crc32((name or "").encode()) % HUES
    return ShiftView(titles.get(name, name) if name else None, starts_at, ends_at, hue)


def _days(week: WeekOut, titles: Mapping[str, str], now: datetime) -> list[DayView]:
    zone = ZoneInfo(week.timezone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for ahead in range(DAYS):
        start = midnight + timedelta(days=ahead)
        end = midnight + timedelta(days=ahead + 1)
        passed = (now - start) / (end - start) if start <= now < end else None
        found.append(DayView(start, _parts(week, titles, start, end), passed))
    return found


def _parts(
    week: WeekOut, titles: Mapping[str, str], start: datetime, end: datetime
) -> list[ShiftView]:
    taken: list[tuple[str | None, datetime, datetime]] = [
        *((turn.person, turn.start, turn.end) for turn in week.shifts),
        *((None, gap.start, gap.end) for gap in week.gaps),
    ]
    inside = sorted(
        ((who, max(a, start), min(b, end)) for who, a, b in taken if a < end and b > start),
        key=lambda part: part[1],
    )
    length = end - start
    return [
        ShiftView(
            titles.get(who, who) if who else None,
            a,
            b,
            zlib.crc32((who or "").encode()) % HUES,
            (a - start) / length,
            (b - start) / length,
        )
        for who, a, b in inside
    ]
