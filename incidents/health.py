"""How a client's systems have been: what was out of order, and for which share of the time. Pure.

Out of order is a core system while one of its incidents of P1 or P2 had not recovered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.lifecycle import Priority

GRAVE = (Priority.P1, Priority.P2)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Outage:
    """One incident as time that was lost; `ended_at` None: it lasts."""

    number: int
    system: str
    priority: Priority
    fired_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Kept:
    """How often one kind of goal was kept, and how often it was missed."""

    met: int = 0
    breached: int = 0


def availability(outages: Iterable[Outage], *, since: datetime, until: datetime) -> float:
    """Return the share of the time, from 0 to 1, in which nothing grave lasted."""
    whole = until - since
    if whole <= timedelta():
        return 1.0
    lost = sum((end - begin for begin, end in joined(_within(outages, since, until))), timedelta())
    return 1.0 - lost / whole


def _within(outages: Iterable[Outage], since: datetime, until: datetime) -> list[Span]:
    spans = [
        (max(one.fired_at, since), min(one.ended_at or until, until))
        for one in outages
        if one.priority in GRAVE
    ]
    return sorted(span for span in spans if span[0] < span[1])


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield sorted spans, those that overlap as one."""
    open_: Span | None = None
    for begin, end in spans:
        if open_ is None or begin > open_[1]:
            if open_:
                yield open_
            open_ = begin, end
        else:
            open_ = open_[0], max(open_[1], end)
    if open_:
        yield open_
