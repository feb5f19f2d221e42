"""Who is on call: layers, the later over the earlier, and overrides over them all. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from oncall.rotation import Layer, changes, holder

OVERRIDE = -1
"""The layer number of a shift that comes from an override."""

HORIZONS = tuple(timedelta(days=days) for days in (2, 16, 128, 400))


@dataclass(frozen=True)
class StandIn:
    """Somebody who takes over whatever the layers say, in [start, end)."""

    person: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Schedule:
    """Layers in one zone, and who stands in; of several stand-ins the last one listed wins.

    The turns of those who are `gone` fall to the layers below, or to nobody.
    """

    timezone: str
    layers: tuple[Layer, ...]
    overrides: tuple[StandIn, ...] = ()
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shift:
    """An unbroken time in which one person is on call through one layer."""

    person: str
    start: datetime
    end: datetime
    layer: int


def _found(schedule: Schedule, at: datetime) -> tuple[str, int] | None:
    for override in reversed(schedule.overrides):
        if override.start <= at < override.end and override.person not in schedule.gone:
            return override.person, OVERRIDE
    zone = ZoneInfo(schedule.timezone)
    for number in range(len(schedule.layers) - 1, -1, -1):
        person = holder(schedule.layers[number], zone, at)
        if person is not None and person not in schedule.gone:
            return person, number
    return None


def on_call(schedule: Schedule, at: datetime) -> list[str]:
    """Return who is on call at `at`; nobody in a gap."""
    found = _found(schedule, at)
    return [found[0]] if found else []


def _moments(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    zone = ZoneInfo(schedule.timezone)
    found = {moment for layer in schedule.layers for moment in changes(layer, zone, start, end)}
    for override in schedule.overrides:
        found |= {edge for edge in (override.start, override.end) if start < edge < end}
    return sorted(found)


def shifts(schedule: Schedule, start: datetime, end: datetime) -> list[Shift]:
    """Return the shifts in [start, end), cut at its edges; what no shift covers is a gap."""
    found: list[Shift] = []
    edges = [start, *_moments(schedule, start, end), end]
    for begins, ends in pairwise(edges):
        who = _found(schedule, begins)
        if who is None:
            continue
        before = found[-1] if found else None
        if before and (before.person, before.layer, before.end) == (*who, begins):
            found[-1] = replace(before, end=ends)
        else:
            found.append(Shift(who[0], begins, ends, who[1]))
    return found


def gaps(schedule: Schedule, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return the times in [start, end) in which nobody is on call."""
    found, covered = [], start
    for shift in shifts(schedule, start, end):
        if shift.start > covered:
            found.append((covered, shift.start))
        covered = shift.end
    return [*found, (covered, end)] if covered < end else found


def next_change(schedule: Schedule, at: datetime) -> datetime | None:
    """Return when somebody else, or nobody, will be on call; None: not within 400 days."""
    present, since = on_call(schedule, at), at
    for horizon in HORIZONS:
        for moment in _moments(schedule, since, at + horizon):
            if on_call(schedule, moment) != present:
                return moment
        since = at + horizon - timedelta(microseconds=1)
    return None
