"""Whose turn it is in one layer. Pure: no clock, no database.

Turns change at wall time: a handoff at 09:00 is at 09:00 on both sides of a change of the clocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FIRST_MONDAY = date(2024, 1, 1)
"""Turns without a start are counted from here, in both directions."""

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Hours:
    """A part of certain days; when `closes` is not after `opens`, it ends on the day after."""

    days: frozenset[int]
    opens: time
    closes: time

    def span(self, day: date) -> tuple[datetime, datetime]:
        """Return the local beginning and end of the part that begins on `day`."""
        ends = day if self.closes > self.opens else day + DAY
        return datetime.combine(day, self.opens), datetime.combine(ends, self.closes)


@dataclass(frozen=True)
class Layer:
    """People who take turns of `every`, each beginning at `at`, on `weekday` if there is one.

    With a `start` the first turn is the one it lies in, and nobody is on call before it. With
    `only` the layer has somebody inside these hours alone.
    """

    people: tuple[str, ...]
    every: timedelta = WEEK
    at: time = time(9)
    weekday: int | None = None
    start: date | None = None
    only: tuple[Hours, ...] = ()


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    """Read wall time; a moment that the clocks skip is as late as they were about to show."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _first_turn(layer: Layer) -> datetime:
    day = layer.start or FIRST_MONDAY
    if layer.weekday is not None:
        day -= timedelta(days=(day.weekday() - layer.weekday) % 7)
    return datetime.combine(day, layer.at)


def _begins(layer: Layer, zone: ZoneInfo) -> datetime | None:
    return _utc(datetime.combine(layer.start, layer.at), zone) if layer.start else None


def turn(layer: Layer, zone: ZoneInfo, at: datetime) -> int:
    """Return the number of the turn that `at` lies in; the first is 0."""
    first = _first_turn(layer)
    number = (_local(at, zone) - first) // layer.every
    while _utc(first + (number + 1) * layer.every, zone) <= at:
        number += 1
    while _utc(first + number * layer.every, zone) > at:
        number -= 1
    return number


def _open(layer: Layer, zone: ZoneInfo, at: datetime) -> bool:
    today = _local(at, zone).date()
    for hours in layer.only:
        for day in (today - DAY, today):
            opens, closes = hours.span(day)
            if day.weekday() in hours.days and _utc(opens, zone) <= at < _utc(closes, zone):
                return True
    return not layer.only


def holder(layer: Layer, zone: ZoneInfo, at: datetime) -> str | None:
    """Return who has the layer at `at`, or None in a gap."""
    begins = _begins(layer, zone)
    if not layer.people or (begins and at < begins) or not _open(layer, zone, at):
        return None
    return layer.people[turn(layer, zone, at) % len(layer.people)]


def changes(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield every moment in (start, end) at which the layer may pass to somebody else."""
    moments = [*_handoffs(layer, zone, start, end), *_edges(layer, zone, start, end)]
    begins = _begins(layer, zone)
    if begins:
        moments.append(begins)
    yield from sorted({moment for moment in moments if start < moment < end})


def _handoffs(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    if len(layer.people) < 2:
        return
    first, number = _first_turn(layer), turn(layer, zone, start) + 1
    while (moment := _utc(first + number * layer.every, zone)) < end:
        yield moment
        number += 1


def _edges(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    for hours in layer.only:
        day, last = _local(start, zone).date() - DAY, _local(end, zone).date()
        while day <= last:
            if day.weekday() in hours.days:
                yield from (_utc(edge, zone) for edge in hours.span(day))
            day += DAY
