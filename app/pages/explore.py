"""The metrics explorer: expressions as a chart and a table, everything in the address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Query
from markupsafe import Markup
from starlette.responses import Response

from access.schemas import NAME as NAMED
from access.scope import Right, Scope
from alerting import queries as alerting
from app.pages.explore_limits import Eye, Looked, RuleLimits, drawn, limits_of
from app.pages.frame import Framed
from kit.clock import from_milliseconds, milliseconds
from kit.curves import Points
from kit.errors import Invalid, Refusal
from kit.sparklines import sparkline
from kit.web import on_the_loop
from kit.wording import number
from metrics.asked import Resolution, Span
from metrics.columns import NAME, Labels
from metrics.drawing import Drawing, Line, drawing, evened, step_of
from metrics.promql.plan import Plan
from metrics.promql.signatures import Kind
from metrics.promql.syntax import parse
from metrics.promql.tenancy import scoped
from metrics.promql.terms import Terms
from metrics.queries import Reader, computed
from metrics.resolution import gathered, picked
from metrics.store import Store

router = APIRouter(prefix="/explore", tags=["pages"], include_in_schema=False)

EXPRESSIONS_MOST = 6
NAMES_MOST = 20
LETTERS = "ABCDEF"
RANGES = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
BEFORE = {"day": timedelta(days=1), "week": timedelta(days=7)}
WINDOW = "window"
"""Compared with the time just before, as long as what is looked at."""
MS_MOST = 4 * 10**12
LEAST_MS = 10_000
"""Nobody looks nearer than this."""
WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*$")


@dataclass(frozen=True)
class Row:
    """One line of the chart as the table has it; `before`: of the day or week before."""

    letter: str
    name: str
    last: str
    least: str
    most: str
    mean: str
    spark: Markup
    before: bool = False


@dataclass(frozen=True)
class Asking:
    """One expression: its letter, what was typed, and what is wrong with it."""

    letter: str
    expr: str
    error: str = ""
    shown: int = 0
    found: int = 0


@dataclass(frozen=True)
class ExploreView:
    """The page."""

    asked: Sequence[Asking]
    rows: Sequence[Row]
    range: str
    compare: str
    window: tuple[datetime, datetime]
    step: timedelta
    ranges: Sequence[tuple[str, str]]
    moves: Sequence[tuple[str, str]]  # (earlier later wider nearer, address)
    kept: str  # the address that shows the very same tomorrow
    data: str
    rule: str = ""
    own: tuple[int, int] | None = None  # the window that the address has, in ms
    limits: Sequence[RuleLimits] = ()
    rolled: str = ""  # of which rollups it was computed, if of any

    @property
    def empty(self) -> bool:
        """Nothing was asked for yet."""
        return not any(one.expr for one in self.asked)


@dataclass(frozen=True)
class Found:
    """What one expression gave, over the time asked for and over the one before."""

    letter: str
    expr: str
    now: Drawing | None = None
    before: Drawing | None = None
    error: str = ""


@dataclass(frozen=True)
class Desk:
    """Who looks at what, and over which time."""

    frame: Framed
    expr: Annotated[list[Annotated[str, Query(max_length=5000)]], Query(default_factory=list)]
    range: Annotated[str, Query(pattern=f"^({'|'.join(RANGES)})$")] = "1h"
    compare: Annotated[str, Query(pattern=f"^({'|'.join(BEFORE)}|{WINDOW})?$")] = ""
    since: Annotated[int | None, Query(ge=0, le=MS_MOST)] = None
    until: Annotated[int | None, Query(ge=0, le=MS_MOST)] = None
    rule: Annotated[str, Query(pattern=f"{NAMED}|^$")] = ""

    @property
    def expressions(self) -> list[str]:
        """What was typed, without what was left empty."""
        return [one.strip() for one in self.expr if one.strip()][:EXPRESSIONS_MOST]

    @property
    def window(self) -> tuple[int, int]:
        """From when to when, in ms."""
        if self.since is not None and self.until is not None and self.since < self.until:
            return evened(self.since, self.until)
        end = milliseconds(self.frame.clock())
        return evened(end - RANGES[self.range] // timedelta(milliseconds=1), end)

    @property
    def zoomed(self) -> bool:
        """Whether the address has a window of its own."""
        return self.since is not None and self.until is not None and self.since < self.until

    @property
    def back(self) -> int:
        """How many ms before that time what it is compared with lies, 0 for nothing."""
        if self.compare == WINDOW:
            return self.window[1] - self.window[0]
        return BEFORE.get(self.compare, timedelta()) // timedelta(milliseconds=1)

    def address(self, path: str = "/explore", **other: Any) -> str:
        """Return the address of the same with something changed; None leaves a part out."""
        own = {"range": self.range, "compare": self.compare, "rule": self.rule}
        if self.zoomed:
            own |= {"since": str(self.since), "until": str(self.until)}
        said = {name: value for name, value in (own | other).items() if value}
        return f"{path}?{urlencode([*(('expr', one) for one in self.expressions), *said.items()])}"

    async def found(self) -> list[Found]:
        """Return what every expression gives."""
        start, end = self.window
        store: Store = self.frame.request.app.state.store
        scope, back = self.frame.caller.scope, self.back
        answers = []
        for letter, expr in zip(LETTERS, self.expressions, strict=False):
            try:
                now = await _drawn(store, expr, scope, start, end)
                then = await _drawn(store, expr, scope, start - back, end - back) if back else None
                answers.append(Found(letter, expr, now, then))
            except Refusal as refusal:
                answers.append(Found(letter, expr, error=refusal.detail))
        return answers

    async def limits(self, found: Sequence[Found]) -> list[RuleLimits]:
        """Return the limits of the thresholds that read what was found."""
        frame = self.frame
        async with frame.db.snapshot() as session:
            rules = await alerting.rules_for(session, frame.caller.scope)
        eye = Eye(frame.caller.scope, frame.reader.locale, frame.request.app.state.house.directory)
        looked = [
            Looked(one.letter, one.expr, [line.labels for line in one.now.lines])
            for one in found
            if one.now
        ]
        return limits_of(looked, rules, eye, named=self.rule)

    def moves(self) -> list[tuple[str, str]]:
        """Return where half a window earlier or later is, and twice or half as much."""
        (start, end), now = self.window, milliseconds(self.frame.clock())
        half = (end - start) // 2
        ahead = max(min(half, now - end), 0)
        windows = {
            "earlier": (start - half, end - half),
            "later": (start + ahead, end + ahead),
            "nearer": (start + half // 2, end - half // 2),
            "wider": (start - half, end + ahead),
        }
        return [
            (name, self.address(since=max(since, 0), until=until))
            for name, (since, until) in windows.items()
            if (since, until) != (start, end) and until - max(since, 0) >= LEAST_MS
        ]


AtDesk = Annotated[Desk, Depends(on_the_loop(Desk))]


@router.get("")
async def show_explorer(desk: AtDesk) -> Response:
    """Show the expressions of the address as a chart and a table."""
    frame = desk.frame
    frame.caller.need(Right.READ)
    found, (start, end) = await desk.found(), desk.window
    asked = [
        Asking(
            one.letter,
            one.expr,
            one.error,
            len(one.now.lines) if one.now else 0,
            one.now.found if one.now else 0,
        )
        for one in found
    ]
    view = ExploreView(
        asked=asked or [Asking("A", "")],
        rows=_rows(found, desk),
        range="" if desk.zoomed else desk.range,
        compare=desk.compare,
        window=(from_milliseconds(start), from_milliseconds(end)),
        step=timedelta(milliseconds=step_of(start, end)),
        ranges=[(name, desk.address(range=name, since=None, until=None)) for name in RANGES],
        moves=desk.moves(),
        kept="" if desk.zoomed else desk.address(since=start, until=end),
        data=desk.address("/explore/data", since=start, until=end),
        rule=desk.rule,
        own=desk.window if desk.zoomed else None,
        limits=await desk.limits(found),
        rolled=", ".join(sorted({one.now.rolled for one in found if one.now and one.now.rolled})),
    )
    return frame.show("explore.html", view, here="explore")


@router.get("/data")
async def send_data(desk: AtDesk) -> Response:
    """Return what the chart draws, as columns."""
    desk.frame.caller.need(Right.READ)
    start, end = desk.window
    step = step_of(start, end)
    lines: list[dict[str, Any]] = []
    found = await desk.found()
    for one in found:
        for part, before in ((one.now, False), (one.before, True)):
            for line in part.lines if part else ():
                name = f"{one.letter} {_said(line.labels)}"
                lines.append({"name": name, "before": before, "values": _plain(line.values)})
    times = (np.arange(start, end + 1, step) / 1000).tolist()
    body = {
        "times": times,
        "lines": lines,
        "shift": desk.back / 1000,
        "limits": drawn(await desk.limits(found), len(found)),
    }
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


@router.get("/names")
async def send_names(
    frame: Framed, text: Annotated[str, Query(max_length=5000, pattern=r"^[^\x00]*$")] = ""
) -> Response:
    """Return the names of metrics that the last word of `text` may become."""
    frame.caller.need(Right.READ)
    word = WORD.search(text)
    names: list[str] = []
    if word:
        store: Store = frame.request.app.state.store
        clients = frame.caller.scope.clients
        names = store.index.values(NAME, word[0], limit=NAMES_MOST, clients=clients)
    before = text[: word.start()] if word else text
    body = [before + name for name in sorted(names)]
    return Response(orjson.dumps(body), media_type="application/json")


async def _drawn(store: Reader, expr: str, scope: Scope, start: int, end: int) -> Drawing:
    span = Span(start, end, step_of(start, end))
    tree = parse(expr, span.frame)
    if scope.clients is not None:
        tree = scoped(tree, *scope.clients)
    plan = Plan(tree)
    if plan.kind not in (Kind.VECTOR, Kind.SCALAR):
        raise Invalid("a chart needs one value at each moment, for example rate(…[5m])")
    terms = Terms()
    rolled = picked(store, plan, span, Resolution.AUTO, terms=terms)
    data = await gathered(store, plan, span, rolled, terms=terms)
    found = drawing(await computed(plan, data, span, terms))
    return replace(found, rolled=rolled.name if rolled else "")


def _rows(found: Sequence[Found], desk: Desk) -> list[Row]:
    start, end = desk.window
    times = np.arange(start, end + 1, step_of(start, end), dtype=np.int64)
    return [
        _row(one.letter, line, times, desk.frame.reader.locale, before=before)
        for one in found
        for part, before in ((one.now, False), (one.before, True))
        for line in (part.lines if part else ())
    ]


def _row(letter: str, line: Line, times: np.ndarray[Any, Any], locale: str, *, before: bool) -> Row:
    name = _said(line.labels)
    spark = sparkline(Points(times[: len(line.values)], line.values), title=name)
    return Row(
        letter=letter,
        name=name,
        last=number(line.last, locale),
        least=number(line.least, locale),
        most=number(line.most, locale),
        mean=number(line.mean, locale),
        spark=spark,
        before=before,
    )


def _said(labels: Labels) -> str:
    named = dict(labels)
    name = named.pop(NAME, "")
    rest = ", ".join(f'{key}="{value}"' for key, value in sorted(named.items()))
    return f"{name}{{{rest}}}" if rest else name or "{}"


def _plain(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
