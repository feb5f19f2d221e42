"""Two weeks of a schedule as people see them: who is on call, layer by layer, and the gaps."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.pages.oncall_page import HUES
from app.pages.views import ShiftView
from kit.i18n import t
from kit.wording import day
from oncall import schedule as pure
from oncall.schedule import Schedule

DAYS = 14
WEEK = 7
Span = tuple[str | None, datetime, datetime]


@dataclass(frozen=True)
class Row:
    """One line of a week: everything together, one layer, or who stands in."""

    kind: str  # final | layer | standin
    number: int
    shifts: Sequence[ShiftView]


@dataclass(frozen=True)
class Week:
    """Seven days: what they are called in the schedule's zone, the lines, and where now is."""

    days: Sequence["Day"]
    rows: Sequence[Row]
    now: float | None


@dataclass(frozen=True)
class Day:
    """What a day is called: in full, and where there is little room."""

    name: str
    short: str


@dataclass(frozen=True)
class Turns:
    """The next two weeks; `gaps` is when nobody is on call, `missing` how long that is."""

    weeks: Sequence[Week]
    gaps: Sequence[tuple[datetime, datetime]]
    zone: str

    @property
    def missing(self) -> timedelta:
        """How much of the two weeks has nobody."""
        return sum((end - start for start, end in self.gaps), timedelta())


def turns(plan: Schedule, titles: Mapping[str, str], *, locale: str, now: datetime) -> Turns:
    """Return the two weeks that begin today in the schedule's zone."""
    zone = ZoneInfo(plan.timezone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    edges = [(midnight + timedelta(days=n)).astimezone(UTC) for n in range(DAYS + 1)]
    names = [_named(midnight + timedelta(days=n), locale, now) for n in range(DAYS)]
    weeks = [
        _week(plan, titles, names[n : n + WEEK], (edges[n], edges[n + WEEK]), now)
        for n in range(0, DAYS, WEEK)
    ]
    return Turns(weeks, pure.gaps(plan, now, edges[-1]), plan.timezone)


def _named(at: datetime, locale: str, now: datetime) -> Day:
    full = day(at, locale, str(at.tzinfo), now=now, weekday=True)
    return Day(full, f"{t(f'weekday.{at.weekday()}', locale)}\n{at.day}")


def _week(
    plan: Schedule,
    titles: Mapping[str, str],
    names: Sequence[Day],
    window: tuple[datetime, datetime],
    now: datetime,
) -> Week:
    start, end = window
    passed = (now - start) / (end - start) if start <= now < end else None
    rows = [_row(kind, number, one, titles, window) for kind, number, one in _parts(plan)]
    return Week(names, [row for row in rows if row.kind != "standin" or row.shifts], passed)


def _parts(plan: Schedule) -> Iterator[tuple[str, int, Schedule]]:
    """Yield the whole and, where there is more than one part, each of them alone."""
    yield "final", 0, plan
    if len(plan.layers) + bool(plan.overrides) < 2:
        return
    for number, layer in enumerate(plan.layers, 1):
        yield "layer", number, Schedule(plan.timezone, (layer,))
    if plan.overrides:
        yield "standin", 0, Schedule(plan.timezone, (), plan.overrides)


def _row(
    kind: str,
    number: int,
    plan: Schedule,
    titles: Mapping[str, str],
    window: tuple[datetime, datetime],
) -> Row:
    start, end = window
    spans: list[Span] = [(one.person, one.start, one.end) for one in pure.shifts(plan, start, end)]
    if kind == "final":
        spans += [(None, begin, over) for begin, over in pure.gaps(plan, start, end)]
    length = end - start
    return Row(
        kind,
        number,
        [
            ShiftView(
                titles.get(who, who) if who else None,
                begin,
                over,
                zlib.crc32((who or "").encode()) % HUES,
                (begin - start) / length,
                (over - start) / length,
            )
            for who, begin, over in sorted(_joined(spans), key=lambda span: span[1])
        ],
    )


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Return spans of one person that follow each other as one, whatever layer they come from."""
    found: list[Span] = []
    for who, begin, over in sorted(spans, key=lambda span: span[1]):
        if found and found[-1][0] == who and found[-1][2] == begin:
            found[-1] = (who, found[-1][1], over)
        else:
            found.append((who, begin, over))
    return found
