"""Who watches the watchman: what is wrong with the program itself, and its gauges."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.condition import Condition
from incidents import queries as incidents
from kit import outbox
from notifications import queries as notifications

if TYPE_CHECKING:
    from app.house import House

ANSWERS_WITHIN = 2.0
NOTIFICATION_WAITS = timedelta(seconds=60)
EVENT_WAITS = timedelta(minutes=5)
STEP_WAITS = timedelta(seconds=30)
RULES_WAIT = timedelta(seconds=30)
AWAY = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


async def condition(house: "House") -> Condition:
    """Return what is wrong, in words; nothing if everything that has to happen happens."""
    now = house.clock()
    wrong = [f"the tick {name} is late" for name in house.scheduler.late(now)]
    if house.sender.skewed:
        wrong.append("our clock and PostgreSQL's differ by more than a second: nothing is sent")
    behind = house.rules_behind()
    if behind > RULES_WAIT:
        wrong.append(f"the rules are {_seconds(behind)} s behind the samples")
    wrong += [
        f"the rule {name} is not evaluated: {why}" for name, why in house.evaluator.broken.items()
    ]
    wrong += [f"alerts of {name} cannot be written" for name in house.evaluator.unwritten]
    figures = {f"rules_{name}": value for name, value in house.evaluator.gauges(now).items()}
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), house.db.snapshot() as session:
            wrong += await _of_rows(session, now, figures)
    except AWAY as error:
        wrong.append(f"the database does not answer: {type(error).__name__}")
    return Condition.of(wrong, figures)


async def _of_rows(session: AsyncSession, now: datetime, figures: dict[str, float]) -> list[str]:
    wrong = []
    waits = (
        ("notification", await notifications.oldest_due(session, now), NOTIFICATION_WAITS),
        ("event", await outbox.oldest_due(session), EVENT_WAITS),
        ("escalation step", await incidents.oldest_step_due(session, now), STEP_WAITS),
    )
    for name, since, most in waits:
        waited = now - since if since else timedelta()
        figures[f"oldest_{name.replace(' ', '_')}_seconds"] = max(0.0, waited.total_seconds())
        if waited > most:
            wrong.append(f"the oldest {name} has been due for {_seconds(waited)} s")
    forgotten = await incidents.without_prospect(session, now)
    wrong += [f"nothing will ever move incident {one.number}" for one in forgotten]
    figures["notifications_waiting"] = await notifications.queue_length(session)
    figures["events_parked"] = await outbox.parked(session)
    if figures["events_parked"]:
        wrong.append(f"{figures['events_parked']:.0f} events wait for a person to look")
    return wrong


async def readiness(house: "House") -> Condition:
    """Return whether requests are welcome: the database answers, samples are taken."""
    wrong = [] if house.store.opened else ["the journal is being replayed"]
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), house.db.snapshot() as session:
            await session.execute(select(1))
    except AWAY as error:
        wrong.append(f"the database does not answer: {type(error).__name__}")
    behind = house.rules_behind()
    if behind > RULES_WAIT:
        wrong.append(f"the rules are {_seconds(behind)} s behind the samples")
    return Condition.of(wrong, {"rules_behind_seconds": behind.total_seconds()})


async def measure(house: "House") -> None:
    """Bring the gauges up to date."""
    gauge = house.measures.gauge
    found = await condition(house)
    gauge("well", "1 while everything that has to happen happens", float(found.well))
    for name, value in found.figures.items():
        gauge(name, "See docs/operating.md", value)
    gauge("series", "Series that are written to", house.store.series)
    gauge("samples_pending", "Samples that no chunk holds yet", house.store.pending)
    gauge("samples_kept", "Samples kept since the start", house.store.appended)
    gauge("sends_in_flight", "Messages under way", house.sender.in_flight)
    for tick in house.scheduler.ticks:
        at = tick.succeeded_at.timestamp() if tick.succeeded_at else 0.0
        gauge("tick_success_timestamp_seconds", "When a tick last succeeded", at, tick=tick.name)
        gauge("tick_failures", "How often it failed since the start", tick.failures, tick=tick.name)
    for reason, count in house.store.refused.items():
        gauge("samples_refused", "Samples refused since the start", count, reason=reason)


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.0f}"
