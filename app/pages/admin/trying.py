"""A threshold tried on the last day while it is typed: its chart, and what would have fired."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from markupsafe import Markup
from pydantic import ValidationError

from alerting.course import Firing
from alerting.lifecycle import Priority
from alerting.rehearsal import BUCKETS, Span, Would, rehearse
from alerting.schemas import ThresholdSpec
from alerting.thresholds import CompiledRule
from app.api.preview import within
from app.pages import series
from app.pages.admin import limits
from app.pages.evidence import lines_of, whole
from app.pages.frame import Frame
from app.pages.nested import Tree
from incidents.content import titled
from kit import charts
from kit.clock import from_milliseconds, milliseconds
from kit.curves import Points
from kit.errors import Refusal, unfit
from kit.i18n import t, told
from kit.wording import duration, quantity

DAY = timedelta(days=1)
STEP_MS = 30_000
AT_ONCE = 2
"""Trials under way at one moment, of all who type."""

LINES_MOST = 20
ALERTS_SHOWN = 8
TONES = 8
NEVER = {"priority": Priority.P4.value, "for": "365d"}
"""Lets the series of a threshold be seen before it has a limit."""

GHOST = "ghost"
PLACES = asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True)
class Burnt:
    """One alert that would have fired."""

    where: str
    priority: str
    since: datetime
    until: datetime | None
    lasted: timedelta
    tone: str


@dataclass(frozen=True)
class Seen:
    """One series as it is drawn: what tells it from the others, and its colour."""

    would: Would
    where: str
    tone: str


@dataclass(frozen=True)
class Tried:
    """What became of a trial; `wrong`: why there is none."""

    words: str = ""
    still: int = 0
    series: int = 0
    shown: int = 0
    chart: Markup | None = None
    alerts: Sequence[Burnt] = ()
    more: int = 0
    wrong: str = ""


async def tried(frame: Frame, tree: Tree) -> Tried | None:
    """Return what a form's threshold would have done; None: nobody waits for it any more."""
    return await trial(frame, limits.said(tree))


async def trial(frame: Frame, said: dict[str, Any], *, client: str | None = None) -> Tried | None:
    """Return what a threshold would have done, or what one client's limits of it would have."""
    locale = frame.reader.locale
    if not said.get("expr"):
        return Tried(wrong=t("thresholds.type_it", locale))
    if not any(said[name] for name in (*Priority, "absent")):
        said["absent"] = NEVER
    try:
        spec = ThresholdSpec.model_validate({**said, "name": said.get("name") or "draft"})
    except ValidationError as error:
        why = told(unfit(error.errors()[0]), locale)
        return Tried(wrong=t("thresholds.not_yet", locale, why=why))
    async with PLACES:
        if await frame.request.is_disconnected():
            return None
        if client is not None:  # under a name that none has, so that no override is laid over it
            spec = spec.model_copy(update={"name": "as typed"})
        return await _tried(frame, within(spec, frame.caller.scope, client))


async def _tried(frame: Frame, spec: ThresholdSpec) -> Tried:
    house, now, locale = frame.request.app.state.house, frame.clock(), frame.reader.locale
    rule = CompiledRule(spec)
    span = Span(milliseconds(now - DAY), milliseconds(now), STEP_MS)
    try:
        found, _ = await rehearse(house.store, rule, house.directory, span)
    except Refusal as refusal:
        return Tried(wrong=told(refusal.detail, locale))
    drawn = [one for one in found if not np.isnan(one.line).all()]
    drawn.sort(key=lambda one: (not one.firings, -float(np.nanmax(one.line))))
    names = series.telling(one.labels for one in found)
    seen = [
        Seen(one, series.where(one.labels, names), _tone(number, one, len(drawn)))
        for number, one in enumerate(drawn[:LINES_MOST])
    ]
    named = {id(one.would): one for one in seen}
    alerts = [
        _burnt(named.get(id(one)) or Seen(one, series.where(one.labels, names), GHOST), firing, now)
        for one in found
        for firing in one.firings
    ]
    alerts.sort(key=lambda one: (one.priority, -one.lasted))
    return Tried(
        words=_words(alerts, locale),
        still=sum(one.until is None for one in alerts),
        series=len(found),
        shown=len(seen),
        chart=_chart(seen, alerts, rule, span, frame) if seen else None,
        alerts=alerts[:ALERTS_SHOWN],
        more=max(0, len(alerts) - ALERTS_SHOWN),
    )


def _burnt(one: Seen, firing: Firing, now: datetime) -> Burnt:
    lasted = (firing.until or now) - firing.since
    priority = firing.priority.value
    return Burnt(one.where, priority, firing.since, firing.until, lasted, one.tone)


def _tone(number: int, one: Would, drawn: int) -> str:
    """Return the colour of a line: each its own, grey for what did not fire among many."""
    return f"hue-{number % TONES}" if one.firings or drawn <= TONES else GHOST


def _words(alerts: Sequence[Burnt], locale: str) -> str:
    if not alerts:
        return t("thresholds.would_nothing", locale)
    counts = Counter(one.priority for one in alerts)
    each = [
        t("thresholds.count", locale, n=counts[p.value], priority=t(f"priority.{p}", locale))
        for p in Priority
        if counts[p.value]
    ]
    longest = max(one.lasted for one in alerts)
    return t(
        "thresholds.would",
        locale,
        counts=t("unit.list", locale).join(each),
        length=duration(longest, locale),
    )


def _chart(
    drawn: Sequence[Seen],
    alerts: Sequence[Burnt],
    rule: CompiledRule,
    span: Span,
    frame: Frame,
) -> Markup:
    locale, spec = frame.reader.locale, rule.spec
    times = span.start_ms + span.bucket_ms * np.arange(BUCKETS, dtype=np.int64)
    curves = [charts.Curve(Points(times, one.would.line), one.where, one.tone) for one in drawn]
    marks = [
        charts.Mark(
            milliseconds(one.since),
            milliseconds(one.until) if one.until else span.end_ms,
            one.priority.lower(),
        )
        for one in sorted(alerts, key=lambda one: one.priority, reverse=True)
    ]
    most = max(float(np.nanmax(np.abs(one.would.line))) for one in drawn)
    title = titled(spec.title, locale)
    return charts.lines(
        curves[::-1],  # those that fired are drawn over the others
        title=title,
        text=t("thresholds.chart", locale, title=title),
        zone=frame.reader.zone,
        window=(from_milliseconds(span.start_ms), from_milliseconds(span.end_ms)),
        limits=lines_of(rule.ladder.levels, spec.unit, locale),
        marks=marks,
        say=lambda value: quantity(value, spec.unit, locale),
        unit=whole(spec.unit, most),
    )
