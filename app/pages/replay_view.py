"""What a replay comes to as its page shows it: a sentence, a chart of lanes, two tables. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import urlencode

from markupsafe import Markup

from alerting.course import Firing
from alerting.rehearsal import Would
from app.pages import series
from app.pages.words import Words
from app.replay.difference import Difference, Fired, difference
from app.replay.nights import NIGHT_FROM, NIGHT_UNTIL, nights
from app.replay.playing import Played
from app.replay.telling import Folder
from kit import bars
from kit.bars import Bar, Lane
from kit.clock import milliseconds
from kit.i18n import t
from kit.wording import duration, moment

LANES_MOST = 12
ALERTS_SHOWN = 20
INCIDENTS_SHOWN = 10
PEOPLE_NAMED = 3
AROUND = timedelta(minutes=30)
"""So much before and after an alert is shown of its samples."""
ONLY_BEFORE, ONLY_NOW, BOTH = "only_before", "only_now", "both"

Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AlertRow:
    """One alert that would have fired; `of` says which of two versions has it, "" for one."""

    priority: str
    since: datetime
    until: datetime | None
    lasted: timedelta
    where: str
    client: str
    client_title: str
    system_title: str | None
    samples: str
    of: str = ""


@dataclass(frozen=True)
class IncidentRow:
    """One incident that would have been opened."""

    priority: str
    opened_at: datetime
    lasted: timedelta | None
    client: str
    client_title: str
    system_title: str | None
    alerts: int
    calls: int
    night: int


@dataclass(frozen=True)
class Outcome:
    """What came of it; `more_…`: how many there are that are not shown."""

    verdict: str
    before: str
    differ: str
    near: str
    calm: bool
    series: int
    chart: Markup | None
    nights: str
    elsewhere: bool
    alerts: Sequence[AlertRow]
    incidents: Sequence[IncidentRow]
    more_lanes: int = 0
    more_alerts: int = 0
    more_incidents: int = 0


@dataclass(frozen=True)
class Seeing:
    """Who looks at which rule, over which time; `words` knows how people and systems are called."""

    words: Words
    rule: str
    title: str
    expr: str
    window: tuple[datetime, datetime]
    now: datetime

    def said(self, key: str, **facts: object) -> str:
        """Return a text of the page."""
        return t(f"replay.{key}", self.words.locale, **facts)

    def lasted(self, since: datetime, until: datetime | None) -> timedelta:
        """Return how long something was, up to the end of the time if it still is."""
        return (until or self.window[1]) - since

    def stretch(self, since: datetime, until: datetime, zone: str) -> str:
        """Return from when to when, and how long that is."""
        edges = [moment(at, self.words.locale, zone, now=self.now) for at in (since, until)]
        return f"{edges[0]} – {edges[1]} · {duration(until - since, self.words.locale)}"


@dataclass
class Series:
    """One series with its alerts in each version."""

    would: Would
    firings: list[list[Firing]] = field(default_factory=list)

    def rank(self, seeing: Seeing) -> tuple[str, timedelta]:
        """Return its place: the gravest first, of these what fired longest."""
        every = [firing for each in self.firings for firing in each]
        length = sum((seeing.lasted(one.since, one.until) for one in every), timedelta())
        return min(one.priority for one in every), -length


def shown(versions: Sequence[Played], seeing: Seeing) -> Outcome:
    """Return the outcome of one version, or of the former and the new one."""
    now = versions[-1]
    before = versions[0] if len(versions) > 1 else None
    differing = difference(before.found, now.found) if before else None
    burnt = _burnt(versions)
    burnt.sort(key=lambda one: one.rank(seeing))
    names = series.telling(one.labels for version in versions for one in version.found)
    zone, zones = _zone(versions, seeing)
    fired = _fired(now, differing)
    return Outcome(
        verdict=_verdict(now, seeing, "changed" if before else "would"),
        before=_verdict(before, seeing, "standing") if before else "",
        differ=_differ(differing, seeing) if differing else "",
        near="" if now.fired else _near(now, seeing),
        calm=not fired,
        series=max(version.series for version in versions),
        chart=_chart(versions, burnt[:LANES_MOST], names, zone, seeing) if burnt else None,
        nights=seeing.said("nights", zone=zone, first=NIGHT_FROM, last=f"{NIGHT_UNTIL:02}"),
        elsewhere=len(zones) > 1,
        alerts=[_alert(*one, names, seeing) for one in fired[:ALERTS_SHOWN]],
        incidents=[_incident(one, seeing) for one in now.folders[:INCIDENTS_SHOWN]],
        more_lanes=max(len(burnt) - LANES_MOST, 0),
        more_alerts=max(len(fired) - ALERTS_SHOWN, 0),
        more_incidents=max(len(now.folders) - INCIDENTS_SHOWN, 0),
    )


def _burnt(versions: Sequence[Played]) -> list[Series]:
    found: dict[Key, Series] = {}
    for number, version in enumerate(versions):
        for would in version.found:
            if would.firings:
                key = tuple(sorted(would.labels.items()))
                one = found.setdefault(key, Series(would, [[] for _ in versions]))
                one.firings[number].extend(would.firings)
    return list(found.values())


def _fired(now: Played, differing: Difference | None) -> list[tuple[Fired, str]]:
    if differing is None:
        return [(one, "") for one in now.fired]
    parts = {
        ONLY_BEFORE: differing.only_before,
        ONLY_NOW: differing.only_now,
        BOTH: differing.both,
    }
    every = [(one, of) for of, part in parts.items() for one in part]
    return sorted(every, key=lambda each: each[0][1].since)


def _zone(versions: Sequence[Played], seeing: Seeing) -> tuple[str, set[str]]:
    """Return the zone in which most would have been called, and all there are."""
    counts = Counter(one.zone for version in versions for one in version.notices)
    counts = counts or Counter(one.zone for version in versions for one in version.folders)
    most = counts.most_common(1)
    return most[0][0] if most else seeing.words.zone, set(counts)


def _verdict(played: Played, seeing: Seeing, lead: str) -> str:
    sums = played.sums
    if not sums.alerts:
        return seeing.said(f"{lead}_nothing", n=played.series)
    return seeing.said(
        lead,
        alerts=seeing.said("alerts", n=sums.alerts),
        incidents=seeing.said("incidents", n=sums.incidents),
        calls=_calls(played, seeing),
    )


def _near(played: Played, seeing: Seeing) -> str:
    """Return how near it came, where something waited and did not fire."""
    waits = [one.near for one in played.found if one.near]
    if not waits:
        return ""
    return seeing.said("near", n=len(waits), length=duration(max(waits), seeing.words.locale))


def _calls(played: Played, seeing: Seeing) -> str:
    sums = played.sums
    if not sums.notifications:
        return seeing.said("no_calls")
    calls = seeing.said("calls", n=sums.notifications)
    if not sums.night:
        return seeing.said("none_at_night", calls=calls)
    woken = list(sums.night_by_person.items())
    who = [
        seeing.said("woken", who=seeing.words.person(name), n=count)
        for name, count in woken[:PEOPLE_NAMED]
    ]
    if len(woken) > PEOPLE_NAMED:
        who.append(seeing.said("others", n=len(woken) - PEOPLE_NAMED))
    people = t("unit.list", seeing.words.locale).join(who)
    return seeing.said("at_night", calls=calls, n=sums.night, people=people)


def _differ(found: Difference, seeing: Seeing) -> str:
    return seeing.said(
        "differ",
        both=len(found.both),
        before=len(found.only_before),
        now=len(found.only_now),
    )


def _chart(
    versions: Sequence[Played],
    burnt: Sequence[Series],
    names: frozenset[str],
    zone: str,
    seeing: Seeing,
) -> Markup:
    since, until = seeing.window
    lanes = [Lane(_lane_name(one, names, seeing), _rows(one, seeing)) for one in burnt]
    if any(version.notices for version in versions):
        lanes.insert(0, Lane(seeing.said("lane_of_calls"), list(_call_rows(versions))))
    return bars.bars(
        lanes,
        title=seeing.said("chart", title=seeing.title),
        text=seeing.said("chart_text", verdict=_verdict(versions[-1], seeing, "would")),
        zone=zone,
        window=seeing.window,
        shades=[(milliseconds(a), milliseconds(b)) for a, b in nights(since, until, zone)],
        say=lambda first, last: seeing.stretch(first, last, zone),
    )


def _lane_name(one: Series, names: frozenset[str], seeing: Seeing) -> str:
    priority, _ = one.rank(seeing)
    return f"{t(f'priority.{priority}', seeing.words.locale)} · {_where(one.would, names)}"


def _where(would: Would, names: frozenset[str]) -> str:
    return series.where(would.labels, names)


def _rows(one: Series, seeing: Seeing) -> list[list[Bar]]:
    """Return the bars of each version, the former one's outlined."""
    end = milliseconds(seeing.window[1])
    marks = ["before", ""] if len(one.firings) > 1 else [""]
    return [
        [bar for firing in firings for bar in _bars(firing, end, mark)]
        for firings, mark in zip(one.firings, marks, strict=True)
    ]


def _bars(firing: Firing, end: int, mark: str) -> Iterator[Bar]:
    """Yield how long an alert waited, and what priority it had when."""
    if firing.pending_since is not None and firing.pending_since < firing.since:
        start, fired = milliseconds(firing.pending_since), milliseconds(firing.since)
        yield Bar(start, fired, f"wait {firing.moves[0][1]} {mark}".rstrip(), thin=True)
    last = milliseconds(firing.until) if firing.until else end
    edges = [*((milliseconds(at), priority) for at, priority in firing.moves), (last, None)]
    for (start, priority), (stop, _) in pairwise(edges):
        yield Bar(start, stop, f"{priority} {mark}".rstrip())


def _call_rows(versions: Sequence[Played]) -> Iterator[list[Bar]]:
    for version in versions:
        every = ((milliseconds(one.at), one.night) for one in version.notices)
        yield [Bar(at, at, "call night" if night else "call") for at, night in every]


def _alert(fired: Fired, of: str, names: frozenset[str], seeing: Seeing) -> AlertRow:
    would, firing = fired
    edges = firing.since - AROUND, min((firing.until or seeing.now) + AROUND, seeing.now)
    asked = {"expr": seeing.expr, "rule": seeing.rule} | {
        name: str(milliseconds(at)) for name, at in zip(("since", "until"), edges, strict=True)
    }
    return AlertRow(
        priority=firing.priority.value,
        since=firing.since,
        until=firing.until,
        lasted=seeing.lasted(firing.since, firing.until),
        where=_where(would, names),
        client=would.client,
        client_title=seeing.words.client(would.client),
        system_title=seeing.words.system(would.client, would.system),
        samples=f"/explore?{urlencode(asked)}",
        of=of,
    )


def _incident(folder: Folder, seeing: Seeing) -> IncidentRow:
    return IncidentRow(
        priority=folder.priority.value,
        opened_at=folder.opened_at,
        lasted=folder.resolved_at - folder.opened_at if folder.resolved_at else None,
        client=folder.client,
        client_title=seeing.words.client(folder.client),
        system_title=seeing.words.system(folder.client, folder.system),
        alerts=len(folder.alerts),
        calls=len(folder.notices),
        night=sum(one.night for one in folder.notices),
    )
