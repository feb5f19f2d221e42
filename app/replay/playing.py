"""A version of a rule led through what is stored, and what it comes to: for REST and the page."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import Scope
from alerting import queries as alerting
from alerting.groups.answers import concerns
from alerting.groups.rehearsal import FileRehearsal
from alerting.groups.rules import FileRule
from alerting.lifecycle import Priority
from alerting.rehearsal import Span, Would, led, rehearse
from alerting.schemas import ThresholdSpec
from alerting.thresholds import CompiledRule
from app.api.preview import asked_for, within
from app.house import House
from app.replay.difference import Fired
from app.replay.telling import Folder, Notice, Office, Settled, Telling
from incidents import queries as incidents
from kit.clock import from_milliseconds
from oncall import queries as oncall

AT_ONCE = 2
"""Versions that are led through the past at one moment, of all who ask."""
PLACES = asyncio.Semaphore(AT_ONCE)

Version = ThresholdSpec | FileRule
"""What can be replayed: a threshold, or an alerting rule of a Prometheus file."""


@dataclass(frozen=True)
class Sums:
    """How many there are of what; `night` counts messages at night where the person is called."""

    alerts: int
    incidents: int
    notifications: int
    night: int
    by_priority: Mapping[Priority, int]
    by_person: Mapping[str, int]
    night_by_person: Mapping[str, int]


@dataclass(frozen=True)
class Played:
    """What one version would have made; `fired` and `notices` in the order of time."""

    rule: str
    found: Sequence[Would]
    series: int
    samples: int
    folders: Sequence[Folder]
    fired: Sequence[Fired]
    notices: Sequence[Notice]
    sums: Sums


@dataclass(frozen=True)
class Question:
    """What is asked of every version: over which time, for which clients, and who answers when."""

    span: Span
    scope: Scope
    client: str | None
    acknowledge_after: timedelta | None


async def standing(session: AsyncSession, house: House, scope: Scope, name: str) -> Version:
    """Return the rule that stands here: a threshold by its name, one of a file by its key."""
    for rule in house.files:
        if rule.key == name and rule.spec.alert and concerns(rule, scope):
            return rule
    return alerting.spec_of(await alerting.rule(session, scope, name))


async def played(house: House, version: Version, asked: Question, *, now: datetime) -> Played:
    """Lead one version through the past; what is too much to be gone through is refused."""
    span = asked.span
    start, end = from_milliseconds(span.start_ms), from_milliseconds(span.end_ms)
    async with PLACES:
        found, series, samples = await _rehearsed(house, version, asked)
        async with house.db.snapshot() as session:
            roster = await oncall.roster(session, now=now)
            office = Office(roster, await oncall.plans(session, start, end))
            settled = await _settled(session, house, version, found, asked.acknowledge_after)
        folders = await asyncio.to_thread(Telling(office, settled).lead, found, end)
        return await asyncio.to_thread(_summed, name_of(version), found, series, samples, folders)


def name_of(version: Version) -> str:
    """Return what its alerts are called by."""
    return version.key if isinstance(version, FileRule) else version.name


async def _rehearsed(
    house: House, version: Version, asked: Question
) -> tuple[Sequence[Would], int, int]:
    """Return what each series or alert comes to, and how many series and samples were read."""
    store, directory, scope, client = house.store, house.directory, asked.scope, asked.client
    if isinstance(version, FileRule):
        clients = asked_for(scope, client)
        playing = FileRehearsal(version, directory, store, asked.span, clients=clients)
        found, samples = await led(store, playing)
        return found, len(playing.seen), samples
    rule = CompiledRule(within(version, scope, client))
    found, samples = await rehearse(store, rule, directory, asked.span)
    return found, len(found), samples


async def _settled(
    session: AsyncSession,
    house: House,
    version: Version,
    found: Sequence[Would],
    acknowledge_after: timedelta | None,
) -> Settled:
    systems: dict[str, set[str]] = {}
    for would in found:
        if would.firings:
            systems.setdefault(would.client, set()).add(would.system)
    terms = await incidents.terms_of(session, systems)
    escalation = None if isinstance(version, FileRule) else version.escalation
    return Settled(
        policy=lambda client, system: terms[client].policy(system, escalation),
        zone=lambda client: terms[client].zone,
        resolve_after=house.settings.resolve_after,
        acknowledge_after=acknowledge_after,
    )


def _summed(
    name: str, found: Sequence[Would], series: int, samples: int, folders: Sequence[Folder]
) -> Played:
    fired = in_time([(would, firing) for would in found for firing in would.firings])
    notices = sorted((one for each in folders for one in each.notices), key=lambda one: one.at)
    counts = Counter(firing.priority for _, firing in fired)
    nightly = Counter(one.person for one in notices if one.night)
    sums = Sums(
        alerts=len(fired),
        incidents=len(folders),
        notifications=len(notices),
        night=nightly.total(),
        by_priority={priority: counts[priority] for priority in Priority},
        by_person=dict(Counter(one.person for one in notices).most_common()),
        night_by_person=dict(nightly.most_common()),
    )
    return Played(name, found, series, samples, folders, fired, notices, sums)


def in_time(fired: Sequence[Fired]) -> list[Fired]:
    """Return alerts in the order in which they fired."""
    return sorted(fired, key=lambda one: one[1].since)
