"""The page of a replay: what a rule, or it with other limits, would have made of what is stored."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.schemas import NAME
from access.scope import Right
from alerting.groups.rules import FileRule
from alerting.groups.schemas import RuleSpec
from alerting.lifecycle import Priority, Test
from alerting.rehearsal import Span
from alerting.schemas import ThresholdSpec
from alerting.thresholds import PARTS, ladder_as_written
from app.api.preview import TimeIn, span_of
from app.pages.admin import keeping, limits
from app.pages.admin.keeping import Draft
from app.pages.forms import FormRefused, understood
from app.pages.frame import Framed
from app.pages.nested import flat, grown
from app.pages.replay_view import Outcome, Seeing, shown
from app.pages.words import Words
from app.replay.playing import Played, Question, Version, name_of, played, standing
from incidents.content import titled
from kit.clock import from_milliseconds
from kit.durations import parse, text
from kit.errors import Invalid, Refusal
from kit.i18n import t, told
from kit.web import on_the_loop
from kit.wording import duration

router = APIRouter(tags=["pages"], include_in_schema=False)

PERIODS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
WAITS = ("for", "keep_firing_for")
"""What may be others in an alerting rule of a file."""
NEVER = "never"
TOO_MUCH = frozenset({"most", "seconds"})
"""A refusal that has one of these says what the limit is, and a shorter time helps."""
ANSWERED = ("5m", "15m", "1h", NEVER)
MINUTE = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?)?$"
"""What a browser's field for a moment sends."""


@dataclass
class ReplayView:
    """The page; without an outcome `refused` says why, and `too_much` that a shorter time helps."""

    rule: str
    filed: bool
    title: str
    expr: str
    path: str
    form: Draft
    over: str
    wait: timedelta
    answer_words: Sequence[tuple[str, str]]
    periods: Sequence[tuple[str, str]]
    shorter: Sequence[tuple[str, str]]
    clients: Sequence[tuple[str, str]]
    keeps: Sequence[str]
    window: tuple[datetime, datetime] | None = None
    outcome: Outcome | None = None
    refused: str = ""
    too_much: bool = False
    priorities: Sequence[str] = tuple(priority.value for priority in Priority)
    tests: Sequence[str] = tuple(test.value for test in Test)


@dataclass(frozen=True)
class Desk:
    """Who looks at which rule, over which time, and with which limits."""

    frame: Framed
    over: Annotated[str, Query(pattern=f"^({'|'.join(PERIODS)})$")] = "1d"
    since: Annotated[str, Query(pattern=MINUTE)] = ""
    until: Annotated[str, Query(pattern=MINUTE)] = ""
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = ""
    answered: Annotated[str, Query(pattern=f"^({'|'.join(ANSWERED)})$")] = ANSWERED[0]

    @property
    def typed(self) -> dict[str, str]:
        """The limits that the address has."""
        sent = self.frame.request.query_params
        known = {*PARTS, *WAITS}
        return {name: sent[name] for name in sent if name.partition(".")[0] in known}

    @property
    def own_time(self) -> bool:
        """Whether the address has a time of its own."""
        return bool(self.since or self.until)

    @property
    def wait(self) -> timedelta | None:
        """After how long somebody answers."""
        return None if self.answered == NEVER else parse(self.answered)

    def address(self, **other: str) -> str:
        """Return the address of the same with something else."""
        asked, typed = self.frame.request, self.typed
        own = {"rule": asked.query_params.get("rule", ""), "client": self.client}
        own |= {"answered": self.answered, **typed, **other}
        said = {name: value for name, value in own.items() if value or name in typed}
        return f"{asked.url.path}?{urlencode(said)}"

    def span(self, now: datetime) -> Span:
        """Return the time that is asked for, or refuse."""
        zone = ZoneInfo(self.frame.reader.zone)
        until = _moment(self.until, zone, "until") or now
        since = _moment(self.since, zone, "since") or until - PERIODS[self.over]
        return span_of(TimeIn(since=since, until=until), now)

    def wanted(self, stands: Version, form: Draft) -> Version:
        """Return the rule with the limits of the address; `form` has what is wrong with them."""
        locale = self.frame.reader.locale
        if isinstance(stands, FileRule):
            waits = {name: self.typed.get(name) or "0s" for name in WAITS}
            written = stands.spec.model_dump(mode="json", by_alias=True)
            return replace(stands, spec=understood(RuleSpec, {**written, **waits}, form, locale))
        written = stands.model_dump(mode="json", by_alias=True)
        typed = limits.said(grown(self.typed))
        said = {**written, **{part: typed[part] for part in PARTS}}
        return understood(ThresholdSpec, said, form, locale)


AtDesk = Annotated[Desk, Depends(on_the_loop(Desk))]


def _moment(text: str, zone: ZoneInfo, field: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone) if text else None
    except ValueError:
        raise Invalid("there is no such moment", field=field) from None


@router.get("/rules/{name}/replay")
async def show_replay(desk: AtDesk, name: Annotated[str, Path(pattern=NAME)]) -> Response:
    """Show what a threshold would have made of what is stored; nobody is told anything."""
    return await _page(desk, name)


@router.get("/replay")
async def show_replay_of_file(
    desk: AtDesk, rule: Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$")] = ""
) -> Response:
    """Show the same of an alerting rule of a file, known by its key; without one, choose."""
    desk.frame.caller.need(Right.READ)
    return await _page(desk, rule) if rule else RedirectResponse("/rules", 303)


async def _page(desk: Desk, name: str) -> Response:
    frame = desk.frame
    frame.caller.need(Right.READ)
    scope, now = frame.caller.scope, frame.clock()
    async with frame.db.snapshot() as session:
        stands = await standing(session, frame.request.app.state.house, scope, name)
        if desk.client:
            await access.client(session, scope, desk.client)
        people = await access.titles_of_people(session)
    view = _view(desk, stands)
    try:
        changed = desk.wanted(stands, view.form) if desk.typed else stands
        span = desk.span(now)
        versions = [stands] if _limits(stands) == _limits(changed) else [stands, changed]
        found = [await _played(desk, spec, span, now) for spec in versions]
        view.window = from_milliseconds(span.start_ms), from_milliseconds(span.end_ms)
        view.outcome = await _drawn(desk, view, found, view.window, people)
    except FormRefused:
        keeping.placed(view.form, frame.reader.locale)
    except Refusal as refusal:
        _refuse(view, refusal, frame.reader.locale)
    page = frame.show("replay.html", view, here="rules")
    page.status_code = view.form.status
    return page


async def _played(desk: Desk, version: Version, span: Span, now: datetime) -> Played:
    house, scope = desk.frame.request.app.state.house, desk.frame.caller.scope
    asked = Question(span, scope, desk.client or None, desk.wait)
    return await played(house, version, asked, now=now)


async def _drawn(
    desk: Desk,
    view: ReplayView,
    found: Sequence[Played],
    window: tuple[datetime, datetime],
    people: Mapping[str, str],
) -> Outcome:
    reader, house = desk.frame.reader, desk.frame.request.app.state.house
    words = Words(reader.locale, house.directory, people, reader.zone)
    rule = "" if view.filed else view.rule
    seeing = Seeing(words, rule, view.title, view.expr, window, desk.frame.clock())
    return await asyncio.to_thread(shown, found, seeing)


def _limits(version: Version) -> dict[str, Any]:
    """Return what the page lets be changed."""
    if isinstance(version, FileRule):
        return {"for": version.spec.hold, "keep_firing_for": version.spec.keep_firing_for}
    return ladder_as_written(version)


def _fields(version: Version) -> dict[str, str]:
    if isinstance(version, FileRule):
        return {name: text(held) if held else "" for name, held in _limits(version).items()}
    return dict(limits.levels(_limits(version)))


def _view(desk: Desk, stands: Version) -> ReplayView:
    frame, over = desk.frame, "" if desk.own_time else desk.over
    if isinstance(stands, FileRule):
        title, expr, named = stands.spec.alert, stands.spec.expr, stands.group.clients
    else:
        title, expr, named = titled(stands.title, frame.reader.locale), stands.expr, stands.clients
    fields = flat(grown(desk.typed)) if desk.typed else {}
    lengths = list(PERIODS)
    shorter = lengths[: lengths.index(desk.over)] if over else lengths[:1]
    clients = frame.request.app.state.house.directory.clients
    reached = {name: each for name, each in clients.items() if frame.caller.scope.allows(name)}
    return ReplayView(
        rule=name_of(stands),
        filed=isinstance(stands, FileRule),
        title=title,
        expr=expr,
        path=frame.request.url.path,
        form=Draft({**_fields(stands), **fields, **_asked(desk)}),
        over=over,
        wait=desk.wait or timedelta(),
        answer_words=[(each, _answer(each, frame.reader.locale)) for each in ANSWERED],
        periods=[(name, desk.address(over=name)) for name in PERIODS],
        shorter=[(name, desk.address(over=name)) for name in reversed(shorter)],
        clients=[
            (name, each.title)
            for name, each in sorted(reached.items())
            if named is None or name in named
        ],
        keeps=[each.title for each in reached.values() if name_of(stands) in each.overrides],
    )


def _answer(after: str, locale: str) -> str:
    if after == NEVER:
        return t("replay.answers_never", locale)
    return t("replay.answers_after", locale, after=duration(parse(after), locale))


def _asked(desk: Desk) -> dict[str, str]:
    said = {"since": desk.since, "until": desk.until}
    return {**said, "client": desk.client, "answered": desk.answered}


def _refuse(view: ReplayView, refusal: Refusal, locale: str) -> None:
    """Tell at its field what was asked wrongly; what is too much, in its place."""
    field = str(refusal.facts.get("field", ""))
    if field in ("since", "until"):
        view.form.errors[field] = told(refusal.detail, locale)
        view.form.status = 422
        return
    view.refused = told(refusal.detail, locale)
    view.too_much = bool(TOO_MUCH & refusal.facts.keys())
